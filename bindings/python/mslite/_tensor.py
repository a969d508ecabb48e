"""Tensors: a name, an element type, a shape, a layout, and the elements as a numpy array."""
from __future__ import annotations

import ctypes
import sys
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt

from ._enums import DataType, Format, data_type, numpy_type
from ._errors import InputError, InputTypeError
from ._library import quick, text

Array = npt.NDArray[Any]


class Tensor:
    """An input, output or weight of a model, or one of the program's own: ``Tensor(array, name="x")``.

    The elements are a numpy array that belongs to Python, so they outlive the model. Setting ``data`` keeps the given array when it is
    contiguous, without a copy.
    """

    __slots__ = ("_name", "_type", "_dtype", "_shape", "_format", "_data")

    def __init__(self, data: Array, name: str = "", format: Format = Format.NHWC) -> None:
        if not isinstance(data, np.ndarray):
            raise InputTypeError(f"a tensor is made of a numpy array, not of {type(data).__name__}")
        if data_type(data.dtype) == DataType.UNKNOWN:
            raise InputTypeError(f"tensors do not have elements of type {data.dtype}")
        self._name, self._type, self._dtype = name, data_type(data.dtype), data.dtype
        self._shape: "tuple[int, ...]" = data.shape
        self._format = Format(format)
        self._data: "Array | None" = contiguous(data)

    @property
    def name(self) -> str:
        return self._name

    @property
    def dtype(self) -> "np.dtype[Any]":
        return self._dtype

    @property
    def data_type(self) -> DataType:
        """The element type as the model file has it."""
        return self._type

    @property
    def type(self) -> str:
        """The element type as onnxruntime writes it, such as "tensor(float32)"."""
        return f"tensor({self._dtype})"

    @property
    def shape(self) -> "tuple[int, ...]":
        """-1 for a dimension that only a run can tell."""
        return self._shape

    @property
    def format(self) -> Format:
        return self._format

    @property
    def element_num(self) -> int:
        return 0 if -1 in self._shape else int(np.prod(self._shape, dtype=np.int64))

    @property
    def data_size(self) -> int:
        """Bytes."""
        return self.element_num * self._dtype.itemsize

    @property
    def data(self) -> Array:
        """The elements; zeros until they are set."""
        if self._data is None:
            if -1 in self._shape:
                raise InputError(f'tensor "{self._name}" has a dimension that only a run can tell: {list(self._shape)}')
            self._data = np.zeros(self._shape, self._dtype)
        return self._data

    @data.setter
    def data(self, value: Array) -> None:
        self._data = checked(value, self._name, self._dtype, self._shape)

    def get_data_to_numpy(self) -> Array:
        """mindspore_lite's name of ``data``."""
        return self.data

    def set_data_from_numpy(self, value: Array) -> None:
        """mindspore_lite's name of setting ``data``."""
        self.data = value

    def __array__(self, dtype: "npt.DTypeLike | None" = None, copy: "bool | None" = None) -> Array:
        return np.array(self.data, dtype) if copy else np.asarray(self.data, dtype)

    def __repr__(self) -> str:
        return f'<mslite.Tensor "{self._name}" {self._dtype} {list(self._shape)} {self._format.name}>'


IN_PLACE = 0x0101
"""numpy's flags of an array that C can read: C_CONTIGUOUS and ALIGNED."""


def contiguous(value: Array) -> Array:
    """The array itself when C can read it, else a copy."""
    return value if value.flags.num & IN_PLACE == IN_PLACE else np.require(value, requirements=["C", "A"]).reshape(value.shape)


def checked(value: Any, name: str, dtype: "np.dtype[Any]", shape: "tuple[int, ...]") -> Array:
    """An array for a tensor, or what is wrong with it."""
    if not isinstance(value, np.ndarray):
        raise InputTypeError(f'"{name}" wants a numpy array, not {type(value).__name__}')
    if value.dtype != dtype:
        raise InputTypeError(f'"{name}" has elements of type {dtype}, the array has {value.dtype}')
    if value.shape != shape:
        raise InputError(f'"{name}" has the shape {list(shape)}, the array has {list(value.shape)}; another one needs resize()')
    return contiguous(value)


def _documented_pointer(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


HEAD = object.__basicsize__
word_at = ctypes.c_void_p.from_address


def _quick_pointer(array: Array) -> int:
    """numpy's ABI has the address right after the object's head. Reading it there takes a tenth of the time."""
    return word_at(id(array) + HEAD).value or 0


def _quick_pointer_works() -> bool:
    """CPython's objects are where id() says; other interpreters' are not."""
    if sys.implementation.name != "cpython":
        return False
    samples: "list[Array]" = [np.zeros(3, np.float32), np.zeros((2, 3), np.int8)[1:], np.frombuffer(b"12345678", np.float64), np.zeros(0, np.bool_)]
    return all(_quick_pointer(array) == _documented_pointer(array) for array in samples)


QUICK = _quick_pointer_works()
"""Whether ``word_at(id(array) + HEAD)`` is an array's address."""
pointer = _quick_pointer if QUICK else _documented_pointer
"""Where an array's elements are."""


def shape_of(handle: int) -> "tuple[int, ...]":
    rank = ctypes.c_size_t()
    dims = quick.OH_AI_TensorGetShape(handle, ctypes.byref(rank))
    return tuple(dims[: rank.value]) if rank.value else ()


def described(handle: int) -> Tensor:
    """The tensor behind a handle, without its elements."""
    tensor = Tensor.__new__(Tensor)
    kind = quick.OH_AI_TensorGetDataType(handle)
    dtype = numpy_type(kind)
    tensor._name = text(quick.OH_AI_TensorGetName(handle))
    if dtype is None:
        raise InputTypeError(f'tensor "{tensor._name}" has elements of type {kind}, which numpy has no type for')
    tensor._type, tensor._dtype, tensor._shape = DataType(kind), dtype, shape_of(handle)
    tensor._format, tensor._data = Format(quick.OH_AI_TensorGetFormat(handle)), None
    return tensor


def copied(handle: int, dtype: "np.dtype[Any]") -> Array:
    """The elements behind a handle, copied."""
    shape, size = shape_of(handle), quick.OH_AI_TensorGetDataSize(handle)
    array = np.empty(shape, dtype)
    data = quick.OH_AI_TensorGetData(handle)
    if data is not None and size == array.nbytes:
        ctypes.memmove(pointer(array), data, size)
    elif array.nbytes != 0:
        raise InputError(f'tensor "{text(quick.OH_AI_TensorGetName(handle))}" has no data')
    return array


def native(name: str, array: Array) -> int:
    """A handle of the C interface over an array's memory, for quick.OH_AI_TensorDestroy."""
    dims = (ctypes.c_int64 * array.ndim)(*array.shape)
    handle = quick.OH_AI_TensorCreate(name.encode(), int(data_type(array.dtype)), dims, array.ndim, pointer(array), array.nbytes)
    if handle is None:
        raise InputError(f'no tensor "{name}" can be made of an array of {array.dtype} {list(array.shape)}')
    return int(handle)


def dimensions(shape: "Sequence[int]", name: str) -> "list[int]":
    """A shape that was asked for."""
    try:
        dims = [int(d) for d in shape if isinstance(d, (int, np.integer)) and not isinstance(d, bool)]
    except TypeError:
        raise InputTypeError(f'the shape of "{name}" is a sequence of whole numbers, not {shape!r}') from None
    if len(dims) != len(shape):
        raise InputTypeError(f'the shape of "{name}" is a sequence of whole numbers, not {shape!r}')
    if len(dims) > 32 or any(abs(d) >= 2**63 for d in dims):
        raise InputError(f'"{name}" cannot have the shape {dims}')
    return dims
