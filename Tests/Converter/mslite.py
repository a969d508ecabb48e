"""Runs models through the C library (libmslite.so) and converts them with converter_lite. Shared by the test scripts of this folder.

    import mslite
    mslite.convert("model.onnx", "/tmp/model", "ONNX")          # writes /tmp/model.ms; raises mslite.Refused with the tool's text
    for name, array in mslite.run("/tmp/model.ms", {"x": x}):   # numpy in (a list in the file's order, or by name), numpy out
        ...

Inputs are cast to the type of the model's input; when their shapes differ from the file's, the model is resized first.

Environment: MSLITE_LIB, MSLITE_CONVERTER: paths of the library and the tool (default: build/lib/libmslite.so and
build/bin/converter_lite of this checkout).
Command line: mslite.py MODEL.ms [input.bin ...]  prints the inputs and outputs, and the results for raw input files.
"""
import ctypes as C
import os
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARY = os.environ.get("MSLITE_LIB", os.path.join(ROOT, "build/lib/libmslite.so"))
CONVERTER = os.environ.get("MSLITE_CONVERTER", os.path.join(ROOT, "build/bin/converter_lite"))

# OH_AI_DataType to numpy.
TYPES = {30: np.bool_, 32: np.int8, 33: np.int16, 34: np.int32, 35: np.int64, 37: np.uint8, 38: np.uint16, 39: np.uint32,
         40: np.uint64, 42: np.float16, 43: np.float32, 44: np.float64}


class Refused(Exception):
    """The converter or the library refused something; the text says why."""


def convert(source, target, format, *options):
    """Converts the file `source` to `target`.ms. `format`: ONNX, TFLITE, CAFFE, TF or MINDIR."""
    command = [CONVERTER, "--fmk=" + format, "--modelFile=" + source, "--outputFile=" + target, "--quiet", *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600)
    if done.returncode:
        raise Refused((done.stderr + done.stdout).strip() or "converter_lite ended with %d" % done.returncode)


class Tally:
    """Counts what a test script checks and prints what fails."""

    def __init__(self):
        self.passed = self.failed = 0

    def note(self, name, problem=None):
        """One check: it fails when there is a problem, a text."""
        if problem:
            self.failed += 1
            print("FAIL %s: %s" % (name, problem), flush=True)
        else:
            self.passed += 1

    def check(self, name, condition, seen=""):
        """One check: it fails when `condition` is false; `seen` says what was found instead."""
        self.note(name, None if condition else seen or "not so")

    def end(self):
        """Prints the line that mk/test.sh reads, and returns the script's exit status. A script that has checked nothing fails."""
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed or not self.passed else 0


class _Array(C.Structure):
    _fields_ = [("count", C.c_size_t), ("handles", C.POINTER(C.c_void_p))]


class _ShapeInfo(C.Structure):
    _fields_ = [("count", C.c_size_t), ("dims", C.c_int64 * 32)]


def _load():
    library = C.CDLL(LIBRARY)
    pointer, text, number, size = C.c_void_p, C.c_char_p, C.c_int, C.c_size_t
    for name, result, *arguments in [
            ("OH_AI_ContextCreate", pointer), ("OH_AI_ContextSetThreadNum", None, pointer, C.c_int32),
            ("OH_AI_ContextAddDeviceInfo", None, pointer, pointer), ("OH_AI_DeviceInfoCreate", pointer, number),
            ("OH_AI_ModelCreate", pointer), ("OH_AI_ModelBuildFromFile", number, pointer, text, number, pointer),
            ("OH_AI_ModelDestroy", None, C.POINTER(pointer)), ("OH_AI_ModelGetInputs", _Array, pointer),
            ("OH_AI_ModelGetOutputs", _Array, pointer), ("OH_AI_ModelResize", number, pointer, _Array, pointer, size),
            ("OH_AI_ModelPredict", number, pointer, _Array, C.POINTER(_Array), pointer, pointer),
            ("OH_AI_TensorGetName", text, pointer), ("OH_AI_TensorGetDataType", number, pointer),
            ("OH_AI_TensorGetMutableData", pointer, pointer), ("OH_AI_TensorGetDataSize", size, pointer),
            ("OH_AI_TensorGetShape", C.POINTER(C.c_int64), pointer, C.POINTER(size)), ("MSLite_GetLastError", text),
            ("MSLite_GetVersion", text)]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


_library = None


def library():
    global _library
    if _library is None:
        _library = _load()
    return _library


class Model:
    """A model built from a `.ms` file for the CPU."""

    def __init__(self, path, threads=1):
        lib = library()
        context = C.c_void_p(lib.OH_AI_ContextCreate())
        lib.OH_AI_ContextSetThreadNum(context, threads)
        lib.OH_AI_ContextAddDeviceInfo(context, lib.OH_AI_DeviceInfoCreate(0))
        self.handle = C.c_void_p(lib.OH_AI_ModelCreate())
        self._check(lib.OH_AI_ModelBuildFromFile(self.handle, os.fspath(path).encode(), 0, context), "build")

    def _check(self, status, what):
        if status:
            raise Refused("%s ends with %d: %s" % (what, status, (library().MSLite_GetLastError() or b"").decode()))

    def _describe(self, array):
        lib, described = library(), []
        for i in range(array.count):
            tensor, rank = array.handles[i], C.c_size_t()
            dims = lib.OH_AI_TensorGetShape(tensor, C.byref(rank))
            kind = lib.OH_AI_TensorGetDataType(tensor)
            described.append(((lib.OH_AI_TensorGetName(tensor) or b"").decode(), TYPES.get(kind), [dims[k] for k in range(rank.value)]))
        return described

    def inputs(self):
        """[(name, numpy type, shape)]; -1 is a dimension that is not known."""
        return self._describe(library().OH_AI_ModelGetInputs(self.handle))

    def outputs(self):
        return self._describe(library().OH_AI_ModelGetOutputs(self.handle))

    def resize(self, shapes):
        """The shapes of all inputs; nothing happens when the model has them already."""
        lib = library()
        array = lib.OH_AI_ModelGetInputs(self.handle)
        if [list(shape) for shape in shapes] == [shape for _, _, shape in self.inputs()]:
            return
        infos = (_ShapeInfo * array.count)()
        for target, shape in zip(infos, shapes):
            target.count = len(shape)
            for k, d in enumerate(shape):
                target.dims[k] = d
        self._check(lib.OH_AI_ModelResize(self.handle, array, C.cast(infos, C.c_void_p), array.count), "resize")

    def fill(self, data):
        """Copies one array into each input, in the model's order."""
        lib = library()
        array = lib.OH_AI_ModelGetInputs(self.handle)
        for i, (x, (name, kind, shape)) in enumerate(zip(data, self.inputs())):
            x = np.ascontiguousarray(x.astype(kind))
            if x.nbytes != lib.OH_AI_TensorGetDataSize(array.handles[i]):
                raise Refused("input %s wants %s, %s given" % (name, shape, x.shape))
            target = lib.OH_AI_TensorGetMutableData(array.handles[i])
            if x.nbytes:
                C.memmove(target, x.ctypes.data, x.nbytes)

    def predict(self):
        """Runs on what the inputs hold; the outputs' handles."""
        lib, result = library(), _Array()
        array = lib.OH_AI_ModelGetInputs(self.handle)
        self._check(lib.OH_AI_ModelPredict(self.handle, array, C.byref(result), None, None), "predict")
        return result

    def run(self, data):
        """[(name, array)] of the outputs."""
        info = self.inputs()
        if isinstance(data, dict):
            data = [data[name] for name, _, _ in info]
        if len(data) != len(info):
            raise Refused("%d inputs given, the model has %s" % (len(data), info))
        data = [np.asarray(x) for x in data]
        self.resize([x.shape for x in data])
        self.fill(data)
        return self.read(self.predict())

    def read(self, result):
        """[(name, array)] of what predict() has returned."""
        lib, outputs = library(), []
        for i, (name, kind, shape) in enumerate(self._describe(result)):
            if kind is None:
                raise Refused("output %s has a type that numpy does not have" % name)
            y = np.zeros(shape, kind)
            if y.nbytes:
                C.memmove(y.ctypes.data, lib.OH_AI_TensorGetMutableData(result.handles[i]), y.nbytes)
            outputs.append((name, y))
        return outputs

    def __del__(self):
        if getattr(self, "handle", None):
            library().OH_AI_ModelDestroy(C.byref(self.handle))


def run(path, data, threads=1):
    """[(name, array)] of the outputs of the `.ms` file for `data`: a list in the order of its inputs, or by name."""
    return Model(path, threads).run(data)


if __name__ == "__main__":
    model = Model(sys.argv[1])
    print("inputs:", model.inputs())
    print("outputs:", model.outputs())
    if len(sys.argv) > 2:
        given = zip(sys.argv[2:], model.inputs())
        print(model.run([np.fromfile(path, kind).reshape(shape) for path, (_, kind, shape) in given]))
