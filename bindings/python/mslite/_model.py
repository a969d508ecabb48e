"""Models that run."""
from __future__ import annotations

import ctypes
import os
import threading
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence, TypeVar

import numpy as np
from numpy import empty, ndarray

from . import _library
from ._context import Context, NativeContext
from ._errors import ArgumentError, BuildError, BusyError, ClosedError, Error, InputError, InputTypeError, check
from ._library import KernelCallBack, ShapeInfo, TensorHandleArray, destroy, library, path_bytes, quick, text
from ._tensor import HEAD, IN_PLACE, QUICK, Array, Tensor, checked, copied, described, dimensions, pointer, shape_of, word_at

_Self = TypeVar("_Self", bound="Model")


@dataclass(frozen=True)
class NodeProfile:
    """An operator of a profile: see MSLite_NodeProfile."""

    name: str
    type: str
    runs: int
    nanoseconds: int
    arithmetic: str
    algorithm: str
    chain: int


class NodeCall:
    """The operator that a callback is about. Its tensors can be read during the call only."""

    def __init__(self, inputs: TensorHandleArray, outputs: TensorHandleArray, node: Any) -> None:
        self.name = text(node.node_name)
        self.type = text(node.node_type)
        self._lists: "tuple[TensorHandleArray, TensorHandleArray] | None" = (inputs, outputs)

    def inputs(self) -> "list[Array | None]":
        """Copies of the operator's inputs; None for weights that the engine keeps in a form of its own."""
        return self._read(0)

    def outputs(self) -> "list[Array | None]":
        """Copies of the operator's outputs, which are not computed, and may have no memory, before it has run."""
        return self._read(1)

    def _read(self, which: int) -> "list[Array | None]":
        if self._lists is None:
            raise ClosedError(f'the tensors of "{self.name}" can be read during the call only')
        return [
            None if quick.OH_AI_TensorGetData(handle) is None else copied(handle, described(handle).dtype) for handle in handles(self._lists[which])
        ]

    def end(self) -> None:
        self._lists = None


Callback = Callable[[NodeCall], object]


class _Watch:
    """A callback for C, which must not let an exception through: it is kept and raised when the run has ended."""

    def __init__(self, before: "Callback | None", after: "Callback | None") -> None:
        self.exception: "BaseException | None" = None
        self._kept = [self._wrap(before), self._wrap(after)]
        self.before, self.after = (None if f is None else ctypes.cast(f, ctypes.c_void_p) for f in self._kept)

    def _wrap(self, function: "Callback | None") -> Any:
        if function is None:
            return None
        if not callable(function):
            raise TypeError(f"a callback is a function, not {type(function).__name__}")
        called: Callback = function

        def call(inputs: TensorHandleArray, outputs: TensorHandleArray, node: Any) -> bool:
            if self.exception is None:
                about = NodeCall(inputs, outputs, node)
                try:
                    called(about)
                except BaseException as exception:
                    self.exception = exception
                finally:
                    about.end()
            return True

        return KernelCallBack(call)


def handles(array: TensorHandleArray) -> "list[int]":
    return array.handle_list[: array.handle_num] if array.handle_num else []


class Model:
    """A model, from a file or from bytes.

    One run at a time: calls of several threads wait for each other, while the interpreter goes on. For runs that overlap, make a
    model per thread. ``with Model(...) as model`` closes it at the end.

    config: path of a configuration file, see OH_AI_ModelLoadConfig
    decryption_key: 16, 24 or 32 bytes, of an encrypted model
    """

    def __init__(
        self, model: "str | os.PathLike[str] | bytes | bytearray | memoryview", context: "Context | None" = None, *,
        config: "str | os.PathLike[str] | None" = None, decryption_key: "bytes | None" = None, decryption_mode: str = "AES-GCM",
    ) -> None:
        self._lock = threading.RLock()
        self._running = False
        self._handle: "int | None" = int(quick.OH_AI_ModelCreate())
        self._own_outputs: "list[int]" = []
        try:
            if config is not None:
                check(library.OH_AI_ModelLoadConfig(self._handle, path_bytes(config)), BuildError)
            if decryption_key is not None:
                key = bytes(decryption_key)
                check(quick.MSLite_ModelSetDecryptionKey(self._handle, key, len(key), decryption_mode.encode()), ArgumentError)
            with NativeContext(context) as native:
                self._build(model, native)
            self._describe()
        except BaseException:
            self._release()
            raise

    def _build(self, model: "str | os.PathLike[str] | bytes | bytearray | memoryview", context: int) -> None:
        if isinstance(model, (bytes, bytearray, memoryview)):
            data = np.frombuffer(model, np.uint8)
            check(library.OH_AI_ModelBuild(self._handle, pointer(data), data.size, 0, context), BuildError)
        else:
            check(library.OH_AI_ModelBuildFromFile(self._handle, path_bytes(model), 0, context), BuildError)

    # --- what it has -------------------------------------------------------------------------------------------------

    @property
    def inputs(self) -> "list[Tensor]":
        """The inputs in the model's order. ``predict()`` without arguments uses their data."""
        self._open()
        return list(self._inputs)

    @property
    def outputs(self) -> "list[Tensor]":
        """The outputs, described; their results come from ``predict``."""
        with self._lock:
            self._open()
            return [described(handle) for handle in self._output_handles]

    def get_inputs(self) -> "list[Tensor]":
        """onnxruntime's and mindspore_lite's name of ``inputs``."""
        return self.inputs

    def get_outputs(self) -> "list[Tensor]":
        """onnxruntime's and mindspore_lite's name of ``outputs``."""
        return self.outputs

    def _describe(self) -> None:
        """Reads inputs and outputs, which a build, a resize and another train mode change."""
        self._input_array = quick.OH_AI_ModelGetInputs(self._handle)
        self._input_handles = handles(self._input_array)
        self._inputs = [described(handle) for handle in self._input_handles]
        self._input_slots = [(tensor.dtype, tensor.shape, handle) for tensor, handle in zip(self._inputs, self._input_handles)]
        self._names = {tensor.name: k for k, tensor in enumerate(self._inputs)}
        self._describe_outputs()

    def _describe_outputs(self) -> None:
        self._forget_outputs()
        self._output_handles = handles(quick.OH_AI_ModelGetOutputs(self._handle))
        outputs = [described(handle) for handle in self._output_handles]
        self._output_types = [tensor.dtype for tensor in outputs]
        self._output_names = [tensor.name for tensor in outputs]
        # Where all sizes are known, results are written to arrays of the caller's; others are copied after the run.
        self._output_shapes: "list[tuple[int, ...]] | None" = None
        # For _predict_plain(); empty where it cannot be used.
        self._output_slots: "list[tuple[np.dtype[Any], tuple[int, ...], int]]" = []
        if all(tensor.data_size > 0 for tensor in outputs):
            self._output_shapes = [tensor.shape for tensor in outputs]
            for tensor in outputs:
                dims = (ctypes.c_int64 * len(tensor.shape))(*tensor.shape)
                handle = quick.OH_AI_TensorCreate(tensor.name.encode(), int(tensor.data_type), dims, len(tensor.shape), None, 0)
                quick.OH_AI_TensorSetFormat(handle, int(tensor.format))
                self._own_outputs.append(int(handle))
            self._output_array = TensorHandleArray(len(outputs), (ctypes.c_void_p * len(outputs))(*self._own_outputs))
            if QUICK:
                self._output_slots = [(tensor.dtype, tensor.shape, handle) for tensor, handle in zip(outputs, self._own_outputs)]

    def _forget_outputs(self) -> None:
        for handle in self._own_outputs:
            destroy(quick.OH_AI_TensorDestroy, handle)
        self._own_outputs = []

    # --- running -----------------------------------------------------------------------------------------------------

    def predict(
        self, inputs: "Sequence[Array | Tensor] | Mapping[str, Array | Tensor] | None" = None,
        outputs: "Sequence[Array] | None" = None, *, before: "Callback | None" = None, after: "Callback | None" = None,
    ) -> "list[Array]":
        """Runs the model once.

        inputs: an array or tensor per input, in the model's order or by name; without, the data of ``model.inputs``. Contiguous arrays are
            read in place
        outputs: arrays for the results, of the outputs' types and shapes; without, new ones. They are written in place
        before, after: called with a NodeCall around every operator; what they raise is raised when the run has ended
        """
        with self._lock:
            if self._handle is None or self._running:
                self._ready()
            if type(inputs) is list and outputs is None and before is None and after is None and self._output_slots:
                plain = self._predict_plain(inputs)
                if plain is not None:
                    return plain
            bound = self._bind(inputs)
            watch = None if before is None and after is None else _Watch(before, after)
            if self._output_shapes is None:
                if outputs is not None:
                    raise InputError("an output has a size that only a run can tell: the results cannot go to given arrays")
                results = None
                array = TensorHandleArray(0, None)
            else:
                results = self._result_arrays(outputs)
                array = self._output_array
            self._running = True
            try:
                if watch is None:
                    status = library.OH_AI_ModelPredict(self._handle, self._input_array, array, None, None)
                else:
                    status = library.OH_AI_ModelPredict(self._handle, self._input_array, array, watch.before, watch.after)
            finally:
                self._running = False
                del bound
            if watch is not None and watch.exception is not None:
                raise watch.exception
            if status != 0:
                check(status)
            if results is None:
                return [copied(handle, dtype) for handle, dtype in zip(handles(array), self._output_types)]
            return results

    def _predict_plain(self, inputs: "list[Array | Tensor]") -> "list[Array] | None":
        """A run on arrays that can be used as they are, into new ones; None, and nothing has run, for others. A large model leaves nothing
        of Python in the processor's caches, so that every further function and object that is touched takes microseconds: there are few here."""
        if len(inputs) != len(self._input_slots):
            return None
        set_data = quick.OH_AI_TensorSetUserData
        kept, results = [], []
        for array, (dtype, shape, handle) in zip(inputs, self._input_slots):
            if type(array) is not ndarray or array.dtype is not dtype or array.shape != shape or array.flags.num & IN_PLACE != IN_PLACE:
                return None
            if set_data(handle, word_at(id(array) + HEAD), array.nbytes) != 0:
                return None
            kept.append(array)
        for dtype, shape, handle in self._output_slots:
            result = empty(shape, dtype)
            if set_data(handle, word_at(id(result) + HEAD), result.nbytes) != 0:
                return None
            results.append(result)
        self._running = True
        try:
            status = library.OH_AI_ModelPredict(self._handle, self._input_array, self._output_array, None, None)
        finally:
            self._running = False
        if status != 0:
            check(status)
        return results

    def run(
        self, output_names: "Sequence[str] | None", feed: "Mapping[str, Array | Tensor]",
    ) -> "list[Array]":
        """onnxruntime's form: the named outputs (None: all), from inputs by name."""
        results = self.predict(feed)
        if output_names is None:
            return results
        by_name = dict(zip(self._output_names, results))
        for name in output_names:
            if name not in by_name:
                raise InputError(f'there is no output "{name}"; there are {sorted(by_name)}')
        return [by_name[name] for name in output_names]

    def _bind(self, inputs: "Sequence[Array | Tensor] | Mapping[str, Array | Tensor] | None") -> "list[Array]":
        """Lets the model's inputs use the arrays' memory; the arrays must be kept until the run has ended."""
        tensors = self._inputs
        given: "Sequence[Any]"
        if isinstance(inputs, (list, tuple)):
            given = inputs
        elif inputs is None:
            given = [tensor.data for tensor in tensors]
        elif isinstance(inputs, Mapping):
            for name in inputs:
                if name not in self._names:
                    raise InputError(f'there is no input "{name}"; there are {list(self._names)}')
            given = [inputs[t.name] if t.name in inputs else self._missing(t.name) for t in tensors]
        else:
            raise InputTypeError(f"inputs are a list or a dictionary of arrays, not {type(inputs).__name__}")
        if len(given) != len(tensors):
            raise InputError(f"{len(given)} inputs; the model has {len(tensors)}: {list(self._names)}")
        arrays = []
        for value, tensor, handle in zip(given, tensors, self._input_handles):
            array = checked(value.data if type(value) is Tensor else value, tensor._name, tensor._dtype, tensor._shape)
            status = quick.OH_AI_TensorSetUserData(handle, pointer(array), array.nbytes)
            if status != 0:
                check(status)
            arrays.append(array)
        return arrays

    def _missing(self, name: str) -> Array:
        raise InputError(f'the input "{name}" is missing')

    def _result_arrays(self, outputs: "Sequence[Array] | None") -> "list[Array]":
        assert self._output_shapes is not None
        if outputs is None:
            arrays = [np.empty(shape, dtype) for shape, dtype in zip(self._output_shapes, self._output_types)]
        else:
            if not isinstance(outputs, (list, tuple)):
                raise InputTypeError(f"outputs are a list of arrays, not {type(outputs).__name__}")
            if len(outputs) != len(self._output_shapes):
                raise InputError(f"{len(outputs)} outputs; the model has {len(self._output_shapes)}")
            arrays = [checked(a, f"output {k}", t, s) for k, (a, t, s) in enumerate(zip(outputs, self._output_types, self._output_shapes))]
            for k, (array, wanted) in enumerate(zip(arrays, outputs)):
                if array is not wanted or not array.flags.writeable:
                    raise InputError(f"the array for output {k} is not contiguous or cannot be written")
        for array, handle in zip(arrays, self._own_outputs):
            status = quick.OH_AI_TensorSetUserData(handle, pointer(array), array.nbytes)
            if status != 0:
                check(status)
        return arrays

    def resize(self, shapes: "Sequence[Sequence[int]] | Mapping[str, Sequence[int]]") -> None:
        """Gives the inputs new shapes, one each in the model's order or by name. The tensors of ``inputs`` are new ones afterwards."""
        with self._lock:
            self._ready()
            if isinstance(shapes, Mapping):
                for name in shapes:
                    if name not in self._names:
                        raise InputError(f'there is no input "{name}"; there are {list(self._names)}')
                shapes = [shapes.get(tensor.name, tensor.shape) for tensor in self._inputs]
            if not isinstance(shapes, (list, tuple)):
                raise InputTypeError(f"shapes are a list or a dictionary, not {type(shapes).__name__}")
            if len(shapes) != len(self._inputs):
                raise InputError(f"{len(shapes)} shapes; the model has {len(self._inputs)} inputs: {list(self._names)}")
            infos = (ShapeInfo * len(shapes))()
            for info, shape, tensor in zip(infos, shapes, self._inputs):
                dims = dimensions(shape, tensor.name)
                info.shape_num = len(dims)
                info.shape[: len(dims)] = dims
            check(library.OH_AI_ModelResize(self._handle, self._input_array, infos, len(shapes)), InputError)
            self._describe()

    # --- profile -----------------------------------------------------------------------------------------------------

    def set_profiling(self, enable: bool) -> None:
        """Starts (from zero) or stops timing the operators."""
        with self._lock:
            self._ready()
            check(quick.MSLite_ModelSetProfiling(self._handle, bool(enable)))

    def profile(self) -> "list[NodeProfile]":
        """One entry per operator, in execution order."""
        with self._lock:
            self._ready()
            count = ctypes.c_size_t()
            check(quick.MSLite_ModelGetProfile(self._handle, None, ctypes.byref(count)))
            entries = (_library.NodeProfile * count.value)()
            check(quick.MSLite_ModelGetProfile(self._handle, entries, ctypes.byref(count)))
            return [NodeProfile(text(e.name), text(e.type), e.runs, e.nanoseconds, text(e.arithmetic), text(e.algorithm), e.chain) for e in entries]

    # --- its end -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Releases the model when a run of another thread has ended. Arrays stay."""
        with self._lock:
            if self._running:
                raise BusyError("the model is running")
            self._release()

    def _release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._forget_outputs()
            destroy(library.OH_AI_ModelDestroy, handle)

    def _open(self) -> None:
        if self._handle is None:
            raise ClosedError("the model is closed")

    def _ready(self) -> None:
        if self._handle is None:
            raise ClosedError("the model is closed")
        if self._running:
            raise BusyError("the model is running: a callback cannot use it")

    def __enter__(self: "_Self") -> "_Self":
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self._release()

    def __repr__(self) -> str:
        return "<mslite.Model, closed>" if self._handle is None else f"<mslite.Model {self._inputs} -> {self.outputs}>"
