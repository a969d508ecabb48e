"""libmslite.so: loading it, and the functions and structures that the package uses.

Functions that work for long are called without the interpreter's lock (``library``), short ones with it (``quick``): giving the lock
away and taking it back costs more than such a call.
"""
from __future__ import annotations

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_bool, c_char_p, c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

Handles = POINTER(c_void_p)


class TensorHandleArray(Structure):
    _fields_ = [("handle_num", c_size_t), ("handle_list", Handles)]


class ShapeInfo(Structure):
    _fields_ = [("shape_num", c_size_t), ("shape", c_int64 * 32)]


class CallBackParam(Structure):
    _fields_ = [("node_name", c_char_p), ("node_type", c_char_p)]


class NodeProfile(Structure):
    _fields_ = [
        ("name", ctypes.c_char * 128), ("type", ctypes.c_char * 32), ("runs", c_uint64), ("nanoseconds", c_uint64),
        ("arithmetic", ctypes.c_char * 16), ("algorithm", ctypes.c_char * 32), ("chain", c_uint32),
    ]


KernelCallBack = CFUNCTYPE(c_bool, TensorHandleArray, TensorHandleArray, CallBackParam)

_Names = POINTER(c_char_p)
_Size = POINTER(c_size_t)
_LONG: "dict[str, tuple[Any, list[Any]]]" = {
    "OH_AI_ModelBuild": (c_uint32, [c_void_p, c_void_p, c_size_t, c_uint32, c_void_p]),
    "OH_AI_ModelBuildFromFile": (c_uint32, [c_void_p, c_char_p, c_uint32, c_void_p]),
    "OH_AI_ModelLoadConfig": (c_uint32, [c_void_p, c_char_p]),
    "OH_AI_ModelDestroy": (None, [Handles]),
    "OH_AI_ModelResize": (c_uint32, [c_void_p, TensorHandleArray, POINTER(ShapeInfo), c_size_t]),
    "OH_AI_ModelPredict": (c_uint32, [c_void_p, TensorHandleArray, POINTER(TensorHandleArray), c_void_p, c_void_p]),
    "OH_AI_TrainModelBuild": (c_uint32, [c_void_p, c_void_p, c_size_t, c_uint32, c_void_p, c_void_p]),
    "OH_AI_TrainModelBuildFromFile": (c_uint32, [c_void_p, c_char_p, c_uint32, c_void_p, c_void_p]),
    "OH_AI_RunStep": (c_uint32, [c_void_p, c_void_p, c_void_p]),
    "OH_AI_ModelUpdateWeights": (c_uint32, [c_void_p, TensorHandleArray]),
    "OH_AI_ModelSetTrainMode": (c_uint32, [c_void_p, c_bool]),
    "OH_AI_ModelSetupVirtualBatch": (c_uint32, [c_void_p, c_int, c_float, c_float]),
    "OH_AI_ExportModel": (c_uint32, [c_void_p, c_uint32, c_char_p, c_uint32, c_bool, _Names, c_size_t]),
    "OH_AI_ExportModelBuffer": (c_uint32, [c_void_p, c_uint32, POINTER(c_void_p), _Size, c_uint32, c_bool, _Names, c_size_t]),
    "OH_AI_ExportWeightsCollaborateWithMicro": (c_uint32, [c_void_p, c_uint32, c_char_p, c_bool, c_bool, _Names, c_size_t]),
    "OH_AI_GetAllNNRTDeviceDescs": (c_void_p, [_Size]),
}
_QUICK: "dict[str, tuple[Any, list[Any]]]" = {
    "MSLite_GetLastError": (c_char_p, []),
    "MSLite_GetVersion": (c_char_p, []),
    "MSLite_GetHalfArithmetic": (c_char_p, []),
    "MSLite_ModelSetDecryptionKey": (c_uint32, [c_void_p, c_char_p, c_size_t, c_char_p]),
    "MSLite_ModelSetProfiling": (c_uint32, [c_void_p, c_bool]),
    "MSLite_ModelGetProfile": (c_uint32, [c_void_p, POINTER(NodeProfile), _Size]),
    "OH_AI_ContextCreate": (c_void_p, []),
    "OH_AI_ContextDestroy": (None, [Handles]),
    "OH_AI_ContextSetThreadNum": (None, [c_void_p, c_int32]),
    "OH_AI_ContextSetThreadAffinityMode": (None, [c_void_p, c_int]),
    "OH_AI_ContextSetThreadAffinityCoreList": (None, [c_void_p, POINTER(c_int32), c_size_t]),
    "OH_AI_ContextAddDeviceInfo": (None, [c_void_p, c_void_p]),
    "OH_AI_DeviceInfoCreate": (c_void_p, [c_int]),
    "OH_AI_DeviceInfoDestroy": (None, [Handles]),
    "OH_AI_DeviceInfoSetEnableFP16": (None, [c_void_p, c_bool]),
    "OH_AI_DeviceInfoSetDeviceId": (None, [c_void_p, c_size_t]),
    "OH_AI_DeviceInfoSetPerformanceMode": (None, [c_void_p, c_int]),
    "OH_AI_DeviceInfoSetPriority": (None, [c_void_p, c_int]),
    "OH_AI_DeviceInfoAddExtension": (c_uint32, [c_void_p, c_char_p, c_char_p, c_size_t]),
    "OH_AI_GetElementOfNNRTDeviceDescs": (c_void_p, [c_void_p, c_size_t]),
    "OH_AI_DestroyAllNNRTDeviceDescs": (None, [Handles]),
    "OH_AI_GetDeviceIdFromNNRTDeviceDesc": (c_size_t, [c_void_p]),
    "OH_AI_GetNameFromNNRTDeviceDesc": (c_char_p, [c_void_p]),
    "OH_AI_GetTypeFromNNRTDeviceDesc": (c_int, [c_void_p]),
    "OH_AI_ModelCreate": (c_void_p, []),
    "OH_AI_ModelGetInputs": (TensorHandleArray, [c_void_p]),
    "OH_AI_ModelGetOutputs": (TensorHandleArray, [c_void_p]),
    "OH_AI_ModelGetWeights": (TensorHandleArray, [c_void_p]),
    "OH_AI_ModelGetTrainMode": (c_bool, [c_void_p]),
    "OH_AI_ModelGetLearningRate": (c_float, [c_void_p]),
    "OH_AI_ModelSetLearningRate": (c_uint32, [c_void_p, c_float]),
    "OH_AI_TensorCreate": (c_void_p, [c_char_p, c_int, POINTER(c_int64), c_size_t, c_void_p, c_size_t]),
    "OH_AI_TensorDestroy": (None, [Handles]),
    "OH_AI_TensorGetName": (c_char_p, [c_void_p]),
    "OH_AI_TensorGetDataType": (c_int, [c_void_p]),
    "OH_AI_TensorGetShape": (POINTER(c_int64), [c_void_p, _Size]),
    "OH_AI_TensorGetFormat": (c_int, [c_void_p]),
    "OH_AI_TensorSetFormat": (None, [c_void_p, c_int]),
    "OH_AI_TensorGetData": (c_void_p, [c_void_p]),
    "OH_AI_TensorGetDataSize": (c_size_t, [c_void_p]),
    "OH_AI_TensorSetUserData": (c_uint32, [c_void_p, c_void_p, c_size_t]),
    "OH_AI_TrainCfgCreate": (c_void_p, []),
    "OH_AI_TrainCfgDestroy": (None, [Handles]),
    "OH_AI_TrainCfgSetLossName": (None, [c_void_p, _Names, c_size_t]),
    "OH_AI_TrainCfgSetOptimizationLevel": (None, [c_void_p, c_uint32]),
}


def path() -> str:
    """The library in the package, or the one that MSLITE_LIB names."""
    return os.environ.get("MSLITE_LIB") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "libmslite.so")


def declare(loaded: ctypes.CDLL, functions: "dict[str, tuple[Any, list[Any]]]") -> Any:
    """Gives functions their results and arguments."""
    for name, (result, arguments) in functions.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


library: Any = declare(ctypes.CDLL(path()), _LONG)
quick: Any = declare(ctypes.PyDLL(path()), _QUICK)
_libc: Any = ctypes.CDLL(None)
_libc.free.restype, _libc.free.argtypes = None, [c_void_p]


def free(pointer: Any) -> None:
    """Releases what the library has allocated for its caller."""
    _libc.free(ctypes.cast(pointer, c_void_p))


def last_error() -> str:
    """What this thread's last failing call had to say."""
    return text(quick.MSLite_GetLastError())


def text(value: "bytes | None") -> str:
    return "" if value is None else value.decode("utf-8", "replace")


def version() -> str:
    """Name, version and the instruction set in use, such as "mslite 1.0.0 (avx512)"."""
    return text(quick.MSLite_GetVersion())


def half_arithmetic() -> str:
    """"bfloat16" or "float16", which ``precision_mode = "preferred_fp16"`` gives on this processor; "" where float32 is as fast."""
    return text(quick.MSLite_GetHalfArithmetic())


def path_bytes(path: "str | os.PathLike[str]") -> bytes:
    """A path as C takes it."""
    encoded = os.fsencode(os.fspath(path))
    if b"\0" in encoded:
        raise ValueError(f"the path {encoded!r} contains a NUL")
    return encoded


def names_array(names: "list[str] | tuple[str, ...]") -> Any:
    """Strings as an array of pointers."""
    if isinstance(names, (str, bytes)) or not all(isinstance(name, str) for name in names):
        raise TypeError("a list of names is wanted")
    return (c_char_p * len(names))(*[name.encode() for name in names])


def destroy(function: Any, handle: int) -> None:
    """Releases a handle through its Destroy function."""
    function(ctypes.byref(c_void_p(handle)))
