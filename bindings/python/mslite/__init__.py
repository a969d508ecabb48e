"""mslite: on-device inference and training with MindSpore Lite's ``.ms`` models.

    import mslite
    model = mslite.Model("model.ms")
    [scores] = model.predict([pixels])          # numpy arrays in and out

A :class:`Model` runs, a :class:`TrainingModel` also learns, a :class:`Context` says with how many threads and on which devices, and
:func:`convert` and :func:`inspect` are the command-line tools. Whatever goes wrong is an :class:`Error` with the engine's text.
"""
from ._enums import (
    DataType,
    Format,
    NNRTDeviceType,
    OptimizationLevel,
    PerformanceMode,
    Priority,
    QuantizationType,
    ThreadAffinityMode,
)
from ._errors import (
    ArgumentError,
    BuildError,
    BusyError,
    ClosedError,
    Error,
    InputError,
    InputTypeError,
    NotSupportedError,
    OutOfMemoryError,
    ToolError,
)
from ._library import half_arithmetic, version
from ._context import Context, CpuDevice, NNRTDevice, NNRTDeviceDescription, nnrt_devices
from ._model import Model, NodeCall, NodeProfile
from ._tensor import Tensor
from ._tools import check, convert, inspect, tool
from ._training import TrainingModel

__all__ = [
    "ArgumentError", "BuildError", "BusyError", "ClosedError", "Context", "CpuDevice", "DataType", "Error", "Format", "InputError",
    "InputTypeError", "Model", "NNRTDevice", "NNRTDeviceDescription", "NNRTDeviceType", "NodeCall", "NodeProfile", "NotSupportedError",
    "OptimizationLevel", "OutOfMemoryError", "PerformanceMode", "Priority", "QuantizationType", "Tensor", "ThreadAffinityMode",
    "ToolError", "TrainingModel", "check", "convert", "half_arithmetic", "inspect", "nnrt_devices", "tool", "version",
]
__version__ = version().split()[1]
