"""libmslite_image.so: loading it when a picture first needs it, and its functions."""
from __future__ import annotations

import ctypes
import os
import threading
from ctypes import POINTER, Structure, c_char_p, c_double, c_float, c_int32, c_size_t, c_uint32, c_void_p
from typing import Any

from . import _library
from ._errors import NotSupportedError


class Image(Structure):
    _fields_ = [
        ("data", c_void_p), ("stride", c_size_t), ("width", c_int32), ("height", c_int32), ("format", c_uint32), ("type", c_uint32),
    ]


class Placement(Structure):
    _fields_ = [("scale", c_float), ("left", c_int32), ("top", c_int32), ("width", c_int32), ("height", c_int32)]


_Picture = POINTER(Image)
_Floats = POINTER(c_float)
_Doubles = POINTER(c_double)
# Work on pixels, without the interpreter's lock.
_LONG: "dict[str, tuple[Any, list[Any]]]" = {
    "MSLite_ImageDecode": (c_uint32, [c_void_p, c_size_t, c_uint32, _Picture]),
    "MSLite_ImageRead": (c_uint32, [c_char_p, c_uint32, _Picture]),
    "MSLite_ImageWritePNG": (c_uint32, [_Picture, c_char_p]),
    "MSLite_ImageEncodePNG": (c_uint32, [_Picture, POINTER(c_void_p), POINTER(c_size_t)]),
    "MSLite_ImageConvert": (c_uint32, [_Picture, _Picture]),
    "MSLite_ImageResize": (c_uint32, [_Picture, _Picture, c_uint32]),
    "MSLite_ImageCrop": (c_uint32, [_Picture, c_int32, c_int32, _Picture]),
    "MSLite_ImagePad": (c_uint32, [_Picture, c_int32, c_int32, c_uint32, _Floats, _Picture]),
    "MSLite_ImageRotate90": (c_uint32, [_Picture, c_int32, _Picture]),
    "MSLite_ImageLetterbox": (c_uint32, [_Picture, _Floats, _Picture, POINTER(Placement)]),
    "MSLite_ImageNormalize": (c_uint32, [_Picture, c_uint32, c_uint32, c_float, _Floats, _Floats, c_void_p]),
    "MSLite_ImageWarpAffine": (c_uint32, [_Picture, _Doubles, c_uint32, c_uint32, _Floats, _Picture]),
    "MSLite_ImageWarpPerspective": (c_uint32, [_Picture, _Doubles, c_uint32, c_uint32, _Floats, _Picture]),
    "MSLite_ImageRotate": (c_uint32, [_Picture, c_double, c_uint32, c_uint32, _Floats, _Picture]),
    "MSLite_ImageSuppressBoxes": (
        c_uint32, [c_void_p, c_void_p, c_void_p, c_size_t, c_float, c_float, c_size_t, c_void_p, POINTER(c_size_t)],
    ),
    "MSLite_ImageDrawMask": (c_uint32, [_Picture, _Picture, _Floats, c_float]),
    "MSLite_ImageDrawBox": (c_uint32, [_Picture, c_int32, c_int32, c_int32, c_int32, c_int32, _Floats]),
    "MSLite_ImageDrawLine": (c_uint32, [_Picture, c_int32, c_int32, c_int32, c_int32, c_int32, _Floats]),
    "MSLite_ImageDrawText": (c_uint32, [_Picture, c_int32, c_int32, c_char_p, c_int32, _Floats]),
}
_QUICK: "dict[str, tuple[Any, list[Any]]]" = {
    "MSLite_ImageGetLastError": (c_char_p, []),
    "MSLite_ImageFree": (None, [_Picture]),
    "MSLite_ImagePerspectiveMatrix": (c_uint32, [_Doubles, _Doubles, _Doubles]),
}

_lock = threading.Lock()
_loaded: "tuple[Any, Any] | None" = None


def libraries() -> "tuple[Any, Any]":
    """The library with its long functions, and with its quick ones (see _library)."""
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                path = _path()
                try:
                    _loaded = (
                        _library.declare(ctypes.CDLL(path), _LONG), _library.declare(ctypes.PyDLL(path), _QUICK),
                    )
                except (OSError, AttributeError) as reason:
                    raise NotSupportedError(f"mslite.image needs libmslite_image.so, which cannot be loaded: {reason}") from None
    return _loaded


def _path() -> str:
    """The one that MSLITE_IMAGE_LIB names, or the one in libmslite.so's folder."""
    return os.environ.get("MSLITE_IMAGE_LIB") or os.path.join(os.path.dirname(_library.path()), "libmslite_image.so")


def last_error() -> str:
    """What this thread's last failing call had to say."""
    return _library.text(libraries()[1].MSLite_ImageGetLastError())
