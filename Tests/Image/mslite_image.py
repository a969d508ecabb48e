"""libmslite_image.so through ctypes, for the comparisons with OpenCV."""

import ctypes
import os

import numpy as np

GRAY, RGB, BGR, RGBA, NV12, NV21 = range(6)
NEAREST, BILINEAR, BICUBIC, AREA = range(4)
CONSTANT, REPLICATE, REFLECT, REFLECT_101 = range(4)
HWC, CHW = range(2)


class Image(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("stride", ctypes.c_size_t),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("format", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
    ]


class Letterbox(ctypes.Structure):
    _fields_ = [("scale", ctypes.c_float)] + [(name, ctypes.c_int32) for name in ("left", "top", "width", "height")]


library = ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/lib/libmslite_image.so"))
library.MSLite_ImageGetLastError.restype = ctypes.c_char_p


def image(array, format=None):
    """A view of an array of height x width (x channels), which must outlive it."""
    channels = 1 if array.ndim == 2 else array.shape[2]
    if format is None:
        format = {1: GRAY, 3: BGR, 4: RGBA}[channels]
    height = array.shape[0] * 2 // 3 if format in (NV12, NV21) else array.shape[0]
    return Image(array.ctypes.data, array.strides[0], array.shape[1], height, format, 1 if array.dtype == np.float32 else 0)


def floats(values):
    return None if values is None else (ctypes.c_float * len(values))(*values)


def doubles(values):
    return (ctypes.c_double * np.size(values))(*np.reshape(values, -1).tolist())


def pointer(array):
    """To an array's data; the array must outlive it."""
    return ctypes.c_void_p(array.ctypes.data)


def call(name, *arguments):
    status = getattr(library, name)(*[ctypes.byref(a) if isinstance(a, (Image, Letterbox)) else a for a in arguments])
    if status != 0:
        raise ValueError(library.MSLite_ImageGetLastError().decode())
