"""Trains models through the C library: the training half of what mslite.py wraps.

    model = mslite_training.TrainingModel("model.ms", threads=2)
    loss = model.step([x, labels])                   # numpy in; the outputs of the step, by name
    logits = model.evaluate([x, labels])             # what the trained model predicts
    model.weights()                                  # {name: array}, copies
    model.export("trained.ms")
"""
import ctypes as C
import os

import numpy as np

import mslite


def _library():
    lib = mslite.library()
    if not hasattr(lib, "_mslite_training"):
        pointer, text, number, size = C.c_void_p, C.c_char_p, C.c_int, C.c_size_t
        for name, result, *arguments in [
                ("OH_AI_TrainModelBuildFromFile", number, pointer, text, number, pointer, pointer),
                ("OH_AI_ModelSetTrainMode", number, pointer, C.c_bool), ("OH_AI_RunStep", number, pointer, pointer, pointer),
                ("OH_AI_ModelGetWeights", mslite._Array, pointer), ("OH_AI_ModelUpdateWeights", number, pointer, mslite._Array),
                ("OH_AI_ModelSetLearningRate", number, pointer, C.c_float),
                ("OH_AI_ModelSetupVirtualBatch", number, pointer, number, C.c_float, C.c_float),
                ("OH_AI_ExportModel", number, pointer, number, text, number, C.c_bool, C.POINTER(text), size),
                ("OH_AI_TensorDestroy", None, C.POINTER(pointer)),
                ("OH_AI_TensorCreate", pointer, text, number, C.POINTER(C.c_int64), size, pointer, size)]:
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        lib._mslite_training = True
    return lib


class TrainingModel(mslite.Model):
    def __init__(self, path, threads=1):
        lib = _library()
        context = C.c_void_p(lib.OH_AI_ContextCreate())
        lib.OH_AI_ContextSetThreadNum(context, threads)
        lib.OH_AI_ContextAddDeviceInfo(context, lib.OH_AI_DeviceInfoCreate(0))
        self.handle = C.c_void_p(lib.OH_AI_ModelCreate())
        self._check(lib.OH_AI_TrainModelBuildFromFile(self.handle, os.fspath(path).encode(), 0, context, None), "train build")

    def _mode(self, trains):
        self._check(_library().OH_AI_ModelSetTrainMode(self.handle, trains), "mode")

    def _given(self, data):
        info = self.inputs()
        if isinstance(data, dict):
            data = [data[name] for name, _, _ in info]
        data = [np.asarray(x) for x in data]
        self.resize([x.shape for x in data])
        self.fill(data)

    def step(self, data):
        """One step; {name: array} of the training outputs, the loss first."""
        self._mode(True)
        self._given(data)
        self._check(_library().OH_AI_RunStep(self.handle, None, None), "step")
        return dict(self.read(_library().OH_AI_ModelGetOutputs(self.handle)))

    def evaluate(self, data):
        """[(name, array)] of what the model predicts."""
        self._mode(False)
        self._given(data)
        return self.read(self.predict())

    def weights(self):
        """{name: copy} of all float32 constants."""
        lib, result = _library(), {}
        array = lib.OH_AI_ModelGetWeights(self.handle)
        for name, values in self.read(array):
            result[name] = values
        for i in range(array.count):
            lib.OH_AI_TensorDestroy(C.byref(C.c_void_p(array.handles[i])))
        C.CDLL(None).free(C.cast(array.handles, C.c_void_p))
        return result

    def update(self, name, values):
        """Gives a weight new values."""
        lib = _library()
        values = np.ascontiguousarray(values, np.float32)
        dims = (C.c_int64 * max(1, values.ndim))(*values.shape)
        tensor = C.c_void_p(lib.OH_AI_TensorCreate(name.encode(), 43, dims, values.ndim, values.ctypes.data, values.nbytes))
        handles = (C.c_void_p * 1)(tensor)
        status = lib.OH_AI_ModelUpdateWeights(self.handle, mslite._Array(1, C.cast(handles, C.POINTER(C.c_void_p))))
        lib.OH_AI_TensorDestroy(C.byref(tensor))
        self._check(status, "update of %s" % name)

    def set_rate(self, rate):
        self._check(_library().OH_AI_ModelSetLearningRate(self.handle, rate), "rate")

    def set_virtual_batch(self, steps):
        self._check(_library().OH_AI_ModelSetupVirtualBatch(self.handle, steps, -1, -1), "virtual batch")

    def export(self, path, inference=True, outputs=()):
        names = (C.c_char_p * max(1, len(outputs)))(*[name.encode() for name in outputs])
        status = _library().OH_AI_ExportModel(self.handle, 0, os.fspath(path).encode(), 0, inference, names if outputs else None, len(outputs))
        self._check(status, "export")
