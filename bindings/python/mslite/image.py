"""Pictures for vision models, as numpy arrays.

    from mslite import image
    photo = image.read("photo.jpg")                                              # uint8, (height, width, 3), RGB
    small, placement = image.letterbox(photo, 224, 224, value=114)
    pixels = image.normalize(small, 1 / 255, mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225))
    scores = model.predict([pixels[np.newaxis]])

A picture is an array of uint8 or float32: (height, width) or (height, width, 1) is grey, (height, width, 3) RGB or BGR, (height, width, 4)
RGBA. Views are read and written in place as long as the pixels of a row lie beside each other, so ``photo[10:90, 20:80]`` is not copied.
``out`` takes an array for the result, else there is a new one. The interpreter's lock is not held while pixels are worked on.
Formulas are in include/mslite/image.h.
"""
from __future__ import annotations

import ctypes
import math
import operator
import os
from typing import Any, Literal, NamedTuple, Sequence, Union

import numpy as np
import numpy.typing as npt

from . import _errors, _library
from ._boxes import RotatedBox, overlap
from ._errors import ArgumentError, Error, InputError, InputTypeError
from ._image_library import Image, Placement, last_error, libraries
from ._tensor import Array, contiguous, pointer

__all__ = [
    "FONT_HEIGHT", "FONT_WIDTH", "Border", "Color", "Format", "Interpolation", "Layout", "Letterbox", "RotatedBox", "convert", "crop", "cut",
    "decode", "draw_box", "draw_label", "draw_line", "draw_mask", "draw_point", "draw_text", "encode_png", "letterbox", "normalize", "overlap",
    "pad", "perspective_matrix", "read", "resize", "rotate", "rotate90", "suppress_boxes", "warp_affine", "warp_perspective", "write_png",
]

Format = Literal["gray", "rgb", "bgr", "rgba", "nv12", "nv21"]
"""The order of a pixel's channels. NV12 and NV21 pictures are uint8 arrays of (height * 3 / 2, width): Y, then U and V in turn."""
Interpolation = Literal["nearest", "bilinear", "bicubic", "area"]
Border = Literal["constant", "replicate", "reflect", "reflect_101"]
"""What lies outside of a picture: a value, aaa|abcd|ddd, cba|abcd|dcb, dcb|abcd|cba."""
Layout = Literal["hwc", "chw"]

Color = Union[float, Sequence[float]]
"""A number for all channels, or one for each in the picture's order and range."""

FONT_WIDTH, FONT_HEIGHT = 6, 9
"""Pixels of a letter's cell at scale 1."""

_FORMATS = {"gray": 0, "rgb": 1, "bgr": 2, "rgba": 3, "nv12": 4, "nv21": 5}
_CHANNELS = {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4, "nv12": 1, "nv21": 1}
_BY_CHANNELS = {1: "gray", 3: "rgb", 4: "rgba"}
_INTERPOLATIONS = {"nearest": 0, "bilinear": 1, "bicubic": 2, "area": 3}
_BORDERS = {"constant": 0, "replicate": 1, "reflect": 2, "reflect_101": 3}
_LAYOUTS = {"hwc": 0, "chw": 1}
_TYPES = {np.dtype(np.uint8): 0, np.dtype(np.float32): 1}


class Letterbox(NamedTuple):
    """Where a picture is: x in the destination = x in the source * scale + left."""

    scale: float
    left: int
    top: int
    width: int
    height: int

    def to_source(self, places: npt.ArrayLike) -> "npt.NDArray[np.float64]":
        """Places of the destination in the source: points (..., 2), or boxes (..., 4)."""
        numbers = np.asarray(places, np.float64)
        found: "npt.NDArray[np.float64]" = (numbers - np.resize([self.left, self.top], numbers.shape[-1])) / self.scale
        return found


# --- files -----------------------------------------------------------------------------------------------------------------------


def read(path: "str | os.PathLike[str]", format: Format = "rgb") -> Array:
    """Decodes a PNG or JPEG file to "gray", "rgb", "bgr" or "rgba". Transparent pixels lie on white unless the format is "rgba"."""
    picture = Image()
    _call("MSLite_ImageRead", _library.path_bytes(path), _code(_FORMATS, format, "format"), ctypes.byref(picture))
    return _adopted(picture, format)


def decode(data: "bytes | bytearray | memoryview | Array", format: Format = "rgb") -> Array:
    """``read`` of a file's contents."""
    picture, contents = Image(), np.frombuffer(data, np.uint8)
    _call("MSLite_ImageDecode", pointer(contents), contents.size, _code(_FORMATS, format, "format"), ctypes.byref(picture))
    return _adopted(picture, format)


def write_png(path: "str | os.PathLike[str]", image: Array, format: "Format | None" = None) -> None:
    """Writes a picture of uint8 as PNG; three channels are RGB unless the format is "bgr"."""
    picture, _kept = _source(image, "image", format)
    _call("MSLite_ImageWritePNG", picture, _library.path_bytes(path))


def encode_png(image: Array, format: "Format | None" = None) -> bytes:
    """``write_png`` into memory."""
    picture, _kept = _source(image, "image", format)
    data, size = ctypes.c_void_p(), ctypes.c_size_t()
    _call("MSLite_ImageEncodePNG", picture, ctypes.byref(data), ctypes.byref(size))
    try:
        return ctypes.string_at(data, size.value)
    finally:
        _library.free(data)


# --- colours and geometry --------------------------------------------------------------------------------------------------------


def convert(image: Array, source: Format, destination: Format, out: "Array | None" = None) -> Array:
    """Changes the format of a picture of uint8: between "gray", "rgb", "bgr" and "rgba", and "nv12" and "nv21" from and to each of those."""
    picture, kept = _source(image, "image", source)
    result, array = _destination(out, picture.width, picture.height, destination, kept)
    _call("MSLite_ImageConvert", picture, result)
    return array


def resize(image: Array, width: int, height: int, interpolation: Interpolation = "bilinear", out: "Array | None" = None) -> Array:
    picture, kept = _source(image, "image")
    result, array = _destination(out, width, height, None, kept)
    _call("MSLite_ImageResize", picture, result, _code(_INTERPOLATIONS, interpolation, "interpolation"))
    return array


def crop(image: Array, x: int, y: int, width: int, height: int, out: "Array | None" = None) -> Array:
    """A copy of the part whose upper left pixel is (x, y); it must lie inside. ``image[y:y + height, x:x + width]`` is a view."""
    picture, kept = _source(image, "image")
    result, array = _destination(out, width, height, None, kept)
    _call("MSLite_ImageCrop", picture, _whole(x, "x"), _whole(y, "y"), result)
    return array


def pad(
    image: Array, left: int, top: int, right: int, bottom: int, border: Border = "constant", value: "Color | None" = None, out: "Array | None" = None,
) -> Array:
    """Adds pixels on each side. value: a number for all channels or one each, for "constant"; zeros without."""
    picture, kept = _source(image, "image")
    width, height = picture.width + _whole(left, "left") + _whole(right, "right"), picture.height + _whole(top, "top") + _whole(bottom, "bottom")
    result, array = _destination(out, width, height, None, kept)
    _call("MSLite_ImagePad", picture, left, top, _code(_BORDERS, border, "border"), _color(value, kept), result)
    return array


def rotate90(image: Array, quarter_turns: int, out: "Array | None" = None) -> Array:
    """Turns clockwise by any number of quarters."""
    picture, kept = _source(image, "image")
    turns = _whole(quarter_turns, "quarter_turns")
    width, height = (picture.height, picture.width) if turns % 2 else (picture.width, picture.height)
    result, array = _destination(out, width, height, None, kept)
    _call("MSLite_ImageRotate90", picture, turns, result)
    return array


def letterbox(image: Array, width: int, height: int, value: "Color | None" = None, out: "Array | None" = None) -> "tuple[Array, Letterbox]":
    """Resizes by the largest scale with which the picture fits, in the middle, and fills the rest with ``value``."""
    picture, kept = _source(image, "image")
    result, array = _destination(out, width, height, None, kept)
    placement = Placement()
    _call("MSLite_ImageLetterbox", picture, _color(value, kept), result, ctypes.byref(placement))
    return array, Letterbox(placement.scale, placement.left, placement.top, placement.width, placement.height)


def warp_affine(
    image: Array, matrix: npt.ArrayLike, width: int, height: int, interpolation: Interpolation = "bilinear", border: Border = "constant",
    value: "Color | None" = None, out: "Array | None" = None,
) -> Array:
    """``matrix``, 2 rows of 3, brings places (x, y) of the source to places of the result. "nearest" or "bilinear"."""
    return _warp("MSLite_ImageWarpAffine", _doubles(matrix, (2, 3), "matrix"), image, width, height, interpolation, border, value, out)


def warp_perspective(
    image: Array, matrix: npt.ArrayLike, width: int, height: int, interpolation: Interpolation = "bilinear", border: Border = "constant",
    value: "Color | None" = None, out: "Array | None" = None,
) -> Array:
    """The same with 3 rows of 3: a place is divided by the third row's product."""
    return _warp("MSLite_ImageWarpPerspective", _doubles(matrix, (3, 3), "matrix"), image, width, height, interpolation, border, value, out)


def cut(
    image: Array, box: RotatedBox, width: int, height: int, border: Border = "constant", value: "Color | None" = None, out: "Array | None" = None,
) -> Array:
    """What lies in a turned box, upright and scaled (bilinear) to a size."""
    return warp_affine(image, box.matrix(width, height), width, height, "bilinear", border, value, out)


def rotate(
    image: Array, degrees: float, width: "int | None" = None, height: "int | None" = None, interpolation: Interpolation = "bilinear",
    border: Border = "constant", value: "Color | None" = None, out: "Array | None" = None,
) -> Array:
    """Turns clockwise around the middle; the result has the picture's size unless another one is given."""
    rows, columns = _picture_array(image, "image").shape[:2]
    wide, high = columns if width is None else width, rows if height is None else height
    return _warp("MSLite_ImageRotate", float(degrees), image, wide, high, interpolation, border, value, out)


def perspective_matrix(source: npt.ArrayLike, destination: npt.ArrayLike) -> "npt.NDArray[np.float64]":
    """For ``warp_perspective``: the matrix that brings four points (x, y) to four others, of which no three are on one line."""
    matrix = (ctypes.c_double * 9)()
    _check(
        libraries()[1].MSLite_ImagePerspectiveMatrix(_doubles(source, (4, 2), "source"), _doubles(destination, (4, 2), "destination"), matrix),
    )
    return np.array(matrix, np.float64).reshape(3, 3)


# --- before and after a model ----------------------------------------------------------------------------------------------------


def normalize(
    image: Array, scale: float = 1.0, mean: "Color | None" = None, deviation: "Color | None" = None, *, layout: Layout = "hwc",
    source: "Format | None" = None, order: "Format | None" = None, out: "Array | None" = None,
) -> "npt.NDArray[np.float32]":
    """(pixel * scale - mean) / deviation as float32, for pictures of uint8; (height, width, channels), or (channels, height, width) for "chw".

    mean, deviation: a number for all channels or one each, in the tensor's order
    source, order: what the picture has and what the tensor gets: "rgb" to "bgr" turns the channels round
    out: an array of that shape, contiguous; dimensions of 1 may stand before it, as a model's input has them
    """
    picture, kept = _source(image, "image", source)
    channels = 1 if kept.ndim == 2 else kept.shape[2]
    order_code = picture.format if order is None else _code(_FORMATS, order, "order")
    shape = (picture.height, picture.width, channels) if _code(_LAYOUTS, layout, "layout") == 0 else (channels, picture.height, picture.width)
    result = np.empty(shape, np.float32) if out is None else out
    if out is not None:
        _writable(out, "out")
        if out.dtype != np.float32:
            raise InputTypeError(f"out has elements of type {out.dtype}; expected float32")
        if out.shape[-3:] != shape or out.size != np.prod(shape) or not out.flags.c_contiguous:
            raise InputError(f"out is not contiguous of the shape {list(shape)}: it has {list(out.shape)}")
    _call(
        "MSLite_ImageNormalize", picture, order_code, _LAYOUTS[layout], float(scale), _color(mean, kept, "mean"),
        _color(deviation, kept, "deviation"), pointer(result),
    )
    return result


def suppress_boxes(
    boxes: Array, scores: Array, classes: "Array | None" = None, *, score_threshold: float = 0.0, iou_threshold: float = 0.5,
    capacity: "int | None" = None,
) -> "npt.NDArray[np.int32]":
    """Indices of the boxes to keep, best first: of boxes of a class that overlap by more than ``iou_threshold``, the one with the best score.

    boxes: float32 (n, 4): left, top, right, bottom
    scores: float32 (n,); boxes with scores not above score_threshold are dropped
    classes: int32 (n,)
    """
    count = len(boxes)
    arrays = [_vector(boxes, np.float32, (count, 4), "boxes"), _vector(scores, np.float32, (count,), "scores")]
    if classes is not None:
        arrays.append(_vector(classes, np.int32, (count,), "classes"))
    most = count if capacity is None else _whole(capacity, "capacity")
    if most < 0:
        raise ArgumentError(f"capacity is {most}")
    kept, number = np.empty(most, np.int32), ctypes.c_size_t()
    _call(
        "MSLite_ImageSuppressBoxes", pointer(arrays[0]), pointer(arrays[1]), None if classes is None else pointer(arrays[2]), count,
        float(score_threshold), float(iou_threshold), most, pointer(kept), ctypes.byref(number),
    )
    return kept[: number.value]


# --- drawing, in place: what lies outside is cut off -----------------------------------------------------------------------------


def draw_line(image: Array, x0: int, y0: int, x1: int, y1: int, color: Color, thickness: int = 1) -> None:
    """A segment, its ends included."""
    places = [_whole(v, "a coordinate") for v in (x0, y0, x1, y1)]
    _call("MSLite_ImageDrawLine", _canvas(image), *places, _whole(thickness, "thickness"), _color(color, image, "color"))


def draw_point(image: Array, x: float, y: float, color: Color, diameter: int = 3) -> None:
    """A disc around the pixel that a place lies in."""
    draw_line(image, math.floor(x), math.floor(y), math.floor(x), math.floor(y), color, diameter)


def draw_box(image: Array, x: int, y: int, width: int, height: int, color: Color, thickness: int = 1) -> None:
    """thickness: of the frame, inwards; 0 fills the box."""
    places = [_whole(v, what) for v, what in ((x, "x"), (y, "y"), (width, "width"), (height, "height"))]
    _call("MSLite_ImageDrawBox", _canvas(image), *places, _whole(thickness, "thickness"), _color(color, image, "color"))


def draw_mask(image: Array, mask: Array, color: Color, opacity: float = 1.0) -> None:
    """Lays a colour over the picture, where and as much as a grey mask of uint8 of the same size says."""
    picture, _kept = _source(mask, "mask")
    _call("MSLite_ImageDrawMask", _canvas(image), picture, _color(color, image, "color"), float(opacity))


def draw_text(image: Array, x: int, y: int, text: str, color: Color, scale: int = 1) -> None:
    """Its upper left pixel is (x, y). A line feed starts a new line; characters outside of ASCII are boxes."""
    encoded = text.encode("utf-8", "replace")
    if b"\0" in encoded:
        raise ArgumentError("the text contains a NUL")
    _call("MSLite_ImageDrawText", _canvas(image), _whole(x, "x"), _whole(y, "y"), encoded, _whole(scale, "scale"), _color(color, image, "color"))


def draw_label(
    image: Array, box: "Sequence[float] | Array", text: str, color: Color, text_color: Color = 0, scale: int = 2,
) -> None:
    """A box (left, top, right, bottom) with a line of text on a bar of its colour: over its upper edge, or below that where there is no room."""
    left, top, right, bottom = (float(edge) for edge in box)
    bar_width, bar_height = (len(text) * FONT_WIDTH + 1) * scale, (FONT_HEIGHT + 1) * scale
    bar_left = max(min(left, image.shape[1] - bar_width), 0.0)
    bar_top = top - bar_height if top >= bar_height else max(top, 0.0)
    _draw_edges(image, left, top, right, bottom, color, max(scale, 2))
    _draw_edges(image, bar_left, bar_top, bar_left + bar_width, bar_top + bar_height, color, 0)
    draw_text(image, _nearest(bar_left + scale), _nearest(bar_top + 2 * scale), text, text_color, scale)


def _nearest(value: float) -> int:
    """The nearest whole number; far outside of every picture for what no picture reaches."""
    return math.floor(min(max(value, -1e6), 1e6) + 0.5)


def _draw_edges(image: Array, left: float, top: float, right: float, bottom: float, color: Color, thickness: int) -> None:
    """A box by its edges; one without area draws nothing."""
    x, y = _nearest(left), _nearest(top)
    width, height = _nearest(right) - x, _nearest(bottom) - y
    if width > 0 and height > 0:
        draw_box(image, x, y, width, height, color, thickness)


# --- arguments -------------------------------------------------------------------------------------------------------------------


def _check(status: int) -> None:
    _errors.check(status, Error, last_error)


def _call(name: str, *arguments: Any) -> None:
    _check(getattr(libraries()[0], name)(*arguments))


def _code(codes: "dict[str, int]", name: str, what: str) -> int:
    try:
        return codes[name]
    except (KeyError, TypeError):
        raise ArgumentError(f"{what} is {name!r}; expected one of {list(codes)}") from None


def _whole(value: int, what: str) -> int:
    """A number that C's int32_t takes."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InputTypeError(f"{what} is no whole number but {value!r}") from None
    if not -(2**31) <= number < 2**31:
        raise ArgumentError(f"{what} is {number}, which is out of range")
    return number


def _doubles(values: npt.ArrayLike, shape: "tuple[int, int]", what: str) -> Any:
    array = np.asarray(values, np.float64)
    if array.shape != shape:
        raise InputError(f"{what} has the shape {list(array.shape)}; expected {list(shape)}")
    return (ctypes.c_double * array.size)(*array.ravel())


def _vector(array: Array, dtype: Any, shape: "tuple[int, ...]", what: str) -> Array:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise InputTypeError(f"{what} is no array of {np.dtype(dtype)} but {getattr(array, 'dtype', type(array).__name__)}")
    if array.shape != shape:
        raise InputError(f"{what} has the shape {list(array.shape)}; expected {list(shape)}")
    return contiguous(array)


def _color(value: Any, array: Array, what: str = "value") -> Any:
    """One number for each channel of a picture; None for none."""
    if value is None:
        return None
    channels = 1 if array.ndim == 2 else array.shape[2]
    numbers = np.asarray(value, np.float32).ravel()
    if np.ndim(value) == 0:
        numbers = np.full(channels, value, np.float32)
    if numbers.size != channels:
        raise InputError(f"{what} has {numbers.size} numbers; the picture has {channels} channels")
    return (ctypes.c_float * channels)(*numbers)


def _picture_array(array: Any, what: str) -> Array:
    if not isinstance(array, np.ndarray):
        raise InputTypeError(f"{what} is no numpy array but {type(array).__name__}")
    if array.dtype not in _TYPES:
        raise InputTypeError(f"{what} has elements of type {array.dtype}; expected uint8 or float32")
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in _BY_CHANNELS):
        raise InputError(f"{what} has the shape {list(array.shape)}; expected (height, width) or (height, width, 1, 3 or 4 channels)")
    checked: Array = array
    return checked


def _in_place(array: Array) -> bool:
    """Whether the library can use the array as it is: the pixels of a row beside each other, rows with or without gaps."""
    height, width = array.shape[:2]
    channels, size = array.shape[2] if array.ndim == 3 else 1, array.itemsize
    row = width * channels * size
    beside = (width <= 1 or array.strides[1] == channels * size) and (array.ndim == 2 or channels == 1 or array.strides[2] == size)
    return beside and array.flags.aligned and (height <= 1 or row <= array.strides[0] < 2**31 and array.strides[0] % size == 0)


def _image(array: Array, what: str, format: "Format | None") -> Image:
    """An array that can be used in place."""
    channels = 1 if array.ndim == 2 else array.shape[2]
    name: str = _BY_CHANNELS[channels] if format is None else format
    code, height, width = _code(_FORMATS, name, "format"), *array.shape[:2]
    if _CHANNELS[name] != channels:
        raise InputError(f"{what} has {channels} channels; {name} has {_CHANNELS[name]}")
    if name in ("nv12", "nv21"):
        if height % 3 != 0:
            raise InputError(f"{what} has {height} rows; {name} has three for each two of pixels")
        height = height // 3 * 2
    row = width * channels * array.itemsize
    if max(height, width) >= 2**31:
        raise InputError(f"{what} has the shape {list(array.shape)}, which is too large")
    return Image(pointer(array), array.strides[0] if array.shape[0] > 1 else row, width, height, code, _TYPES[array.dtype])


def _source(array: Any, what: str, format: "Format | None" = None) -> "tuple[Image, Array]":
    """A picture to read, and the array to keep until that is done."""
    kept = _picture_array(array, what)
    if not _in_place(kept):
        kept = np.ascontiguousarray(kept)
    return _image(kept, what, format), kept


def _writable(array: Array, what: str) -> None:
    if not isinstance(array, np.ndarray):
        raise InputTypeError(f"{what} is no numpy array but {type(array).__name__}")
    if not array.flags.writeable:
        raise InputError(f"{what} cannot be written")


def _canvas(array: Any, what: str = "image", format: "Format | None" = None) -> Image:
    """A picture to write."""
    _writable(array, what)
    picture = _picture_array(array, what)
    if not _in_place(picture):
        raise InputError(f"{what} has the strides {list(picture.strides)}; the pixels of a row must lie beside each other")
    return _image(picture, what, format)


def _destination(out: "Array | None", width: int, height: int, format: "Format | None", source: Array) -> "tuple[Image, Array]":
    """Where a result goes: ``out`` after a look at it, or a new array like the source, or of a format."""
    wide, high = _whole(width, "width"), _whole(height, "height")
    if not (0 < wide <= 65535 and 0 < high <= 65535):
        raise ArgumentError(f"the result would be {wide} x {high} pixels; expected sides of 1 to 65535")
    tail = source.shape[2:]
    if format is not None:
        channels = _CHANNELS[format] if _code(_FORMATS, format, "destination") >= 0 else 0
        tail = () if channels == 1 else (channels,)
        high = high // 2 * 3 if format in ("nv12", "nv21") else high
    shape = (high, wide) + tail
    if out is None:
        array: Array = np.empty(shape, source.dtype)
        return _image(array, "the result", format), array
    picture = _canvas(out, "out", format)
    if out.dtype != source.dtype:
        raise InputTypeError(f"out has elements of type {out.dtype}; expected {source.dtype}")
    if out.shape != shape:
        raise InputError(f"out has the shape {list(out.shape)}; expected {list(shape)}")
    if np.may_share_memory(out, source):
        raise InputError("out shares memory with the picture")
    return picture, out


def _warp(
    name: str, how: Any, image: Array, width: int, height: int, interpolation: Interpolation, border: Border, value: Any, out: "Array | None",
) -> Array:
    picture, kept = _source(image, "image")
    result, array = _destination(out, width, height, None, kept)
    codes = _code(_INTERPOLATIONS, interpolation, "interpolation"), _code(_BORDERS, border, "border")
    _call(name, picture, how, *codes, _color(value, kept), result)
    return array


class _Pixels:
    """Memory of the library for an array: released with the last array that looks into it."""

    def __init__(self, picture: Image, shape: "tuple[int, ...]") -> None:
        self._picture, self._free = picture, libraries()[1].MSLite_ImageFree
        self.__array_interface__ = {"data": (picture.data, False), "shape": shape, "typestr": "|u1", "version": 3}

    def __del__(self) -> None:
        self._free(ctypes.byref(self._picture))


def _adopted(picture: Image, format: Format) -> Array:
    """A decoded picture as an array, without a copy."""
    channels = _CHANNELS[format]
    pixels: Any = _Pixels(picture, (picture.height, picture.width) + (() if channels == 1 else (channels,)))
    array: Array = np.asarray(pixels)
    return array
