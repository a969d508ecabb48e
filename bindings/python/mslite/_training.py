"""Models that learn."""
from __future__ import annotations

import ctypes
import os
from typing import Mapping, Sequence

import numpy as np

from ._context import Context
from ._enums import OptimizationLevel, QuantizationType
from ._errors import ArgumentError, BuildError, InputTypeError, check
from ._library import TensorHandleArray, destroy, free, library, names_array, path_bytes, quick, text
from ._model import Model, handles
from ._tensor import Array, Tensor, contiguous, copied, described, native, pointer


class TrainingModel(Model):
    """A model file with its training. It starts in train mode.

    loss_names: operators whose names contain one of them compute the loss; None: the engine's own, "loss_fct" and "_loss_fn"
    optimization_level: precision used while training
    """

    def __init__(
        self, model: "str | os.PathLike[str] | bytes | bytearray | memoryview", context: "Context | None" = None, *,
        loss_names: "Sequence[str] | None" = None, optimization_level: OptimizationLevel = OptimizationLevel.O0,
        config: "str | os.PathLike[str] | None" = None,
    ) -> None:
        self._loss_names = None if loss_names is None else names_array(list(loss_names))
        self._level = OptimizationLevel(optimization_level)
        super().__init__(model, context, config=config)
        try:
            self.train_mode = True
        except BaseException:
            self.close()
            raise

    def _build(self, model: "str | os.PathLike[str] | bytes | bytearray | memoryview", context: int) -> None:
        settings = quick.OH_AI_TrainCfgCreate()
        try:
            if self._loss_names is not None:
                quick.OH_AI_TrainCfgSetLossName(settings, self._loss_names, len(self._loss_names))
            quick.OH_AI_TrainCfgSetOptimizationLevel(settings, int(self._level))
            if isinstance(model, (bytes, bytearray, memoryview)):
                data = np.frombuffer(model, np.uint8)
                check(library.OH_AI_TrainModelBuild(self._handle, pointer(data), data.size, 0, context, settings), BuildError)
            else:
                check(library.OH_AI_TrainModelBuildFromFile(self._handle, path_bytes(model), 0, context, settings), BuildError)
        finally:
            destroy(quick.OH_AI_TrainCfgDestroy, settings)

    def train_step(self, inputs: "Sequence[Array | Tensor] | Mapping[str, Array | Tensor] | None" = None) -> "list[Array]":
        """Runs once: in train mode a step that updates the weights, else only forward. Inputs as for ``predict``; gives the outputs,
        in train mode the loss."""
        with self._lock:
            self._ready()
            bound = self._bind(inputs)
            self._running = True
            try:
                status = library.OH_AI_RunStep(self._handle, None, None)
            finally:
                self._running = False
                del bound
            check(status)
            array = quick.OH_AI_ModelGetOutputs(self._handle)
            return [copied(handle, described(handle).dtype) for handle in handles(array)]

    @property
    def train_mode(self) -> bool:
        """Whether a step trains; the outputs are the loss then, and the predictions otherwise."""
        with self._lock:
            self._open()
            return bool(quick.OH_AI_ModelGetTrainMode(self._handle))

    @train_mode.setter
    def train_mode(self, train: bool) -> None:
        with self._lock:
            self._ready()
            check(library.OH_AI_ModelSetTrainMode(self._handle, bool(train)))
            self._describe_outputs()

    @property
    def learning_rate(self) -> float:
        """Of the first optimiser; setting it sets every one's."""
        with self._lock:
            self._open()
            return float(quick.OH_AI_ModelGetLearningRate(self._handle))

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        with self._lock:
            self._ready()
            check(quick.OH_AI_ModelSetLearningRate(self._handle, float(rate)), ArgumentError)

    def setup_virtual_batch(self, multiplier: int, learning_rate: float = -1, momentum: float = -1) -> None:
        """Lets gradients add up over ``multiplier`` steps; a rate and a momentum below 0 are the model's own divided by it."""
        with self._lock:
            self._ready()
            check(library.OH_AI_ModelSetupVirtualBatch(self._handle, int(multiplier), float(learning_rate), float(momentum)))

    def get_weights(self) -> "dict[str, Array]":
        """Copies of the weights, by name."""
        with self._lock:
            self._ready()
            array = quick.OH_AI_ModelGetWeights(self._handle)
            weights = {}
            try:
                for handle in handles(array):
                    weights[text(quick.OH_AI_TensorGetName(handle))] = copied(handle, described(handle).dtype)
            finally:
                for handle in handles(array):
                    destroy(quick.OH_AI_TensorDestroy, handle)
                free(array.handle_list)
            return weights

    def update_weights(self, weights: "Mapping[str, Array]") -> None:
        """Copies new values into the weights of these names."""
        if not isinstance(weights, Mapping):
            raise InputTypeError(f"weights are a dictionary of arrays, not {type(weights).__name__}")
        made: "list[int]" = []
        with self._lock:
            self._ready()
            try:
                kept = []
                for name, value in weights.items():
                    if not isinstance(value, np.ndarray):
                        raise InputTypeError(f'the weight "{name}" is a numpy array, not {type(value).__name__}')
                    kept.append(contiguous(value))
                    made.append(native(name, kept[-1]))
                array = TensorHandleArray(len(made), (ctypes.c_void_p * len(made))(*made))
                check(library.OH_AI_ModelUpdateWeights(self._handle, array), ArgumentError)
            finally:
                for handle in made:
                    destroy(quick.OH_AI_TensorDestroy, handle)

    def export(
        self, path: "str | os.PathLike[str]", *, quantization: QuantizationType = QuantizationType.NO_QUANT, inference_only: bool = True,
        outputs: Sequence[str] = (),
    ) -> None:
        """Writes a model file (".ms" is added); ``outputs`` names tensors to end at."""
        with self._lock:
            self._ready()
            names = names_array(list(outputs))
            check(library.OH_AI_ExportModel(self._handle, 0, path_bytes(path), QuantizationType(quantization), bool(inference_only), names, len(names)))

    def export_bytes(
        self, *, quantization: QuantizationType = QuantizationType.NO_QUANT, inference_only: bool = True, outputs: Sequence[str] = (),
    ) -> bytes:
        """As ``export``, into memory."""
        with self._lock:
            self._ready()
            names = names_array(list(outputs))
            data, size = ctypes.c_void_p(), ctypes.c_size_t()
            check(library.OH_AI_ExportModelBuffer(
                self._handle, 0, ctypes.byref(data), ctypes.byref(size), QuantizationType(quantization), bool(inference_only), names, len(names)))
            try:
                return ctypes.string_at(data, size.value)
            finally:
                free(data)

    def export_weights_for_micro(self, path: "str | os.PathLike[str]", *, half_precision: bool = False, changeable: Sequence[str] = ()) -> None:
        """Writes the weights of the inference part as raw numbers; the named ones get their dimensions written in front."""
        with self._lock:
            self._ready()
            names = names_array(list(changeable))
            check(library.OH_AI_ExportWeightsCollaborateWithMicro(self._handle, 0, path_bytes(path), True, bool(half_precision), names, len(names)))
