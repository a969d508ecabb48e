"""The numbers of the C interface that mean something, with their names."""
from enum import IntEnum

import numpy as np
import numpy.typing as npt


class DataType(IntEnum):
    """Element types."""

    UNKNOWN = 0
    STRING = 12
    BOOL = 30
    INT8 = 32
    INT16 = 33
    INT32 = 34
    INT64 = 35
    UINT8 = 37
    UINT16 = 38
    UINT32 = 39
    UINT64 = 40
    FLOAT16 = 42
    FLOAT32 = 43
    FLOAT64 = 44


class Format(IntEnum):
    """Layouts."""

    NCHW = 0
    NHWC = 1
    NHWC4 = 2
    HWKC = 3
    HWCK = 4
    KCHW = 5
    CKHW = 6
    KHWC = 7
    CHWK = 8
    HW = 9
    HW4 = 10
    NC = 11
    NC4 = 12
    NC4HW4 = 13
    NCDHW = 15
    NWC = 16
    NCW = 17


class ThreadAffinityMode(IntEnum):
    """Processors that threads are pinned to."""

    NO_AFFINITIES = 0
    BIG_CORES_FIRST = 1
    MIDDLE_CORES_FIRST = 2


class NNRTDeviceType(IntEnum):
    """Kinds of devices of the Neural Network Runtime."""

    OTHERS = 0
    CPU = 1
    GPU = 2
    ACCELERATOR = 3


class PerformanceMode(IntEnum):
    """Speed against power on an NNRt device."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    EXTREME = 4


class Priority(IntEnum):
    """Rank of a model's work on an NNRt device."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class OptimizationLevel(IntEnum):
    """Precision used while training."""

    O0 = 0
    O2 = 2
    O3 = 3
    AUTO = 4


class QuantizationType(IntEnum):
    """What an export does to weights."""

    NO_QUANT = 0
    WEIGHT_QUANT = 1
    FULL_QUANT = 2


_NUMPY: "dict[int, np.dtype[np.generic]]" = {
    DataType.STRING: np.dtype(np.uint8),
    DataType.BOOL: np.dtype(np.bool_),
    DataType.INT8: np.dtype(np.int8),
    DataType.INT16: np.dtype(np.int16),
    DataType.INT32: np.dtype(np.int32),
    DataType.INT64: np.dtype(np.int64),
    DataType.UINT8: np.dtype(np.uint8),
    DataType.UINT16: np.dtype(np.uint16),
    DataType.UINT32: np.dtype(np.uint32),
    DataType.UINT64: np.dtype(np.uint64),
    DataType.FLOAT16: np.dtype(np.float16),
    DataType.FLOAT32: np.dtype(np.float32),
    DataType.FLOAT64: np.dtype(np.float64),
}
_BY_NUMPY = {dtype: DataType(value) for value, dtype in _NUMPY.items() if value != DataType.STRING}


def numpy_type(value: int) -> "np.dtype[np.generic] | None":
    """numpy's type of the same elements; None for a type without elements."""
    return _NUMPY.get(value)


def data_type(dtype: npt.DTypeLike) -> DataType:
    """The element type of a numpy type; UNKNOWN where there is none."""
    return _BY_NUMPY.get(np.dtype(dtype), DataType.UNKNOWN)
