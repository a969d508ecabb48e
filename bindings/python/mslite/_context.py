"""Where and how a model runs: threads, processors, devices."""
from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Sequence

from ._enums import NNRTDeviceType, PerformanceMode, Priority, ThreadAffinityMode
from ._errors import ArgumentError, check
from ._library import destroy, library, quick, text


@dataclass
class CpuDevice:
    """The processor. ``precision_mode`` is "enforce_fp32" or "preferred_fp16"; 0 threads: the engine chooses."""

    thread_num: int = 0
    thread_affinity_mode: ThreadAffinityMode = ThreadAffinityMode.NO_AFFINITIES
    thread_affinity_core_list: Sequence[int] = ()
    precision_mode: str = "enforce_fp32"


@dataclass
class NNRTDevice:
    """A device of the Neural Network Runtime, by its number; ``extensions`` are settings for its driver."""

    device_id: int = 0
    performance_mode: PerformanceMode = PerformanceMode.NONE
    priority: Priority = Priority.NONE
    precision_mode: str = "enforce_fp32"
    extensions: "dict[str, bytes]" = field(default_factory=dict)


@dataclass(frozen=True)
class NNRTDeviceDescription:
    """What the Neural Network Runtime says of a device."""

    device_id: int
    device_name: str
    device_type: NNRTDeviceType


class Context:
    """Settings for models: ``Context(threads=2)``, or attribute by attribute, as mindspore_lite has them.

    ``target`` names the devices in order of preference: "cpu", "nnrt". A context may be used for any number of models.
    """

    def __init__(self, threads: int = 0, *, half_precision: bool = False, target: Sequence[str] = ("cpu",)) -> None:
        self.target: "list[str]" = list(target)
        self.cpu = CpuDevice(thread_num=threads, precision_mode="preferred_fp16" if half_precision else "enforce_fp32")
        self.nnrt = NNRTDevice()

    def __repr__(self) -> str:
        return f"mslite.Context(target={self.target}, cpu={self.cpu}, nnrt={self.nnrt})"


def _whole(value: object, what: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} is a whole number, not {value!r}")
    if not low <= value <= high:
        raise ArgumentError(f"{what} is {value}; it is from {low} to {high}")
    return int(value)


def _half(mode: str, device: str) -> bool:
    if mode not in ("enforce_fp32", "preferred_fp16"):
        raise ArgumentError(f'{device}.precision_mode is {mode!r}; it is "enforce_fp32" or "preferred_fp16"')
    return mode == "preferred_fp16"


def _cpu(context: int, cpu: CpuDevice) -> int:
    quick.OH_AI_ContextSetThreadNum(context, _whole(cpu.thread_num, "cpu.thread_num", 0, 2**31 - 1))
    quick.OH_AI_ContextSetThreadAffinityMode(context, _whole(cpu.thread_affinity_mode, "cpu.thread_affinity_mode", 0, 2))
    cores = [_whole(core, "a core of cpu.thread_affinity_core_list", 0, 2**31 - 1) for core in cpu.thread_affinity_core_list]
    if cores:
        quick.OH_AI_ContextSetThreadAffinityCoreList(context, (ctypes.c_int32 * len(cores))(*cores), len(cores))
    half = _half(cpu.precision_mode, "cpu")
    device = int(quick.OH_AI_DeviceInfoCreate(0))
    quick.OH_AI_DeviceInfoSetEnableFP16(device, half)
    return device


def _nnrt(nnrt: NNRTDevice) -> int:
    number = _whole(nnrt.device_id, "nnrt.device_id", 0, 2**64 - 1)
    mode = _whole(nnrt.performance_mode, "nnrt.performance_mode", 0, 4)
    priority = _whole(nnrt.priority, "nnrt.priority", 0, 3)
    half = _half(nnrt.precision_mode, "nnrt")
    device = int(quick.OH_AI_DeviceInfoCreate(60))
    quick.OH_AI_DeviceInfoSetDeviceId(device, number)
    quick.OH_AI_DeviceInfoSetPerformanceMode(device, mode)
    quick.OH_AI_DeviceInfoSetPriority(device, priority)
    quick.OH_AI_DeviceInfoSetEnableFP16(device, half)
    try:
        for name, value in nnrt.extensions.items():
            check(quick.OH_AI_DeviceInfoAddExtension(device, name.encode(), bytes(value), len(value)), ArgumentError)
    except BaseException:
        destroy(quick.OH_AI_DeviceInfoDestroy, device)
        raise
    return device


class NativeContext:
    """A context of the C interface for one build: ``with NativeContext(context) as handle``."""

    def __init__(self, context: "Context | None") -> None:
        if context is not None and not isinstance(context, Context):
            raise TypeError(f"context is a mslite.Context, not {type(context).__name__}")
        self._context = context or Context()

    def __enter__(self) -> int:
        self._handle = int(quick.OH_AI_ContextCreate())
        try:
            if not self._context.target:
                raise ArgumentError("the context has no target")
            for target in self._context.target:
                if target == "cpu":
                    device = _cpu(self._handle, self._context.cpu)
                elif target == "nnrt":
                    device = _nnrt(self._context.nnrt)
                else:
                    raise ArgumentError(f'the target {target!r} is not known; there are "cpu" and "nnrt"')
                quick.OH_AI_ContextAddDeviceInfo(self._handle, device)
        except BaseException:
            self.__exit__()
            raise
        return self._handle

    def __exit__(self, *_: object) -> None:
        destroy(quick.OH_AI_ContextDestroy, self._handle)


def nnrt_devices() -> "list[NNRTDeviceDescription]":
    """The devices of the Neural Network Runtime; an empty list where there is none."""
    count = ctypes.c_size_t()
    descriptions = library.OH_AI_GetAllNNRTDeviceDescs(ctypes.byref(count))
    if descriptions is None:
        return []
    devices = []
    for k in range(count.value):
        one = quick.OH_AI_GetElementOfNNRTDeviceDescs(descriptions, k)
        devices.append(
            NNRTDeviceDescription(
                quick.OH_AI_GetDeviceIdFromNNRTDeviceDesc(one), text(quick.OH_AI_GetNameFromNNRTDeviceDesc(one)),
                NNRTDeviceType(quick.OH_AI_GetTypeFromNNRTDeviceDesc(one))))
    destroy(quick.OH_AI_DestroyAllNNRTDeviceDescs, descriptions)
    return devices
