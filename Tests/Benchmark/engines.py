"""The engines, each behind the same steps: load a file for the shapes of the data, fill the inputs, run; outputs() is a run of its own.

Every engine runs in an environment of its own, MindSpore Lite's with Python 3.7, and imports its package when it is made: what the
package itself takes is not counted as loading a model.
"""
import os
import sys

import numpy as np

# The name in the reports.
TITLES = {"ours": "mslite", "msl": "MindSpore Lite", "litert": "LiteRT", "ort": "ONNX Runtime", "ov": "OpenVINO", "mnn": "MNN",
          "ncnn": "ncnn"}
PEERS = [name for name in TITLES if name != "ours"]


class Ours:
    """libmslite.so through its C interface."""

    def __init__(self, threads):
        here = os.path.dirname(os.path.abspath(__file__))
        sys.path.append(os.path.join(os.path.dirname(here), "Converter"))
        import mslite
        self.mslite = mslite
        self.library = mslite.library()
        self.threads = threads
        self.version = self.library.MSLite_GetVersion().decode()

    def load(self, path, inputs):
        self.model = self.mslite.Model(path, self.threads)
        self.model.resize([inputs.shape(i, [name], shape) for i, (name, _, shape) in enumerate(self.model.inputs())])

    def fill(self, inputs):
        self.model.fill([inputs.array(i, [name], shape, kind) for i, (name, kind, shape) in enumerate(self.model.inputs())])

    def outputs(self):
        return [array for _, array in self.model.read(self.model.predict())]

    def input_shapes(self):
        """What it runs with, by the inputs' names."""
        return {name: shape for name, _, shape in self.model.inputs()}

    def runner(self):
        import ctypes
        predict, handle = self.library.OH_AI_ModelPredict, self.model.handle
        array, result = self.library.OH_AI_ModelGetInputs(handle), self.mslite._Array()
        outputs = ctypes.byref(result)

        def run():
            if predict(handle, array, outputs, None, None):
                raise RuntimeError(self.library.MSLite_GetLastError().decode())
        return run


class MindSporeLite:
    KINDS = {"FLOAT32": np.float32, "FLOAT16": np.float16, "INT32": np.int32, "INT64": np.int64, "INT8": np.int8,
             "UINT8": np.uint8, "BOOL": np.bool_}

    def __init__(self, threads):
        import mindspore_lite
        self.package = mindspore_lite
        self.version = mindspore_lite.__version__
        self.threads = threads

    def load(self, path, inputs):
        context = self.package.Context()
        context.target = ["cpu"]
        context.cpu.thread_num = self.threads
        context.cpu.inter_op_parallel_num = 1
        self.model = self.package.Model()
        self.model.build_from_file(path, self.package.ModelType.MINDIR_LITE, context)
        self.tensors = self.model.get_inputs()
        shapes = [inputs.shape(i, [t.name], t.shape) for i, t in enumerate(self.tensors)]
        if shapes != [list(t.shape) for t in self.tensors]:
            self.model.resize(self.tensors, shapes)
            self.tensors = self.model.get_inputs()

    def fill(self, inputs):
        for i, tensor in enumerate(self.tensors):
            kind = self.KINDS[str(tensor.dtype).split(".")[-1]]
            tensor.set_data_from_numpy(inputs.array(i, [tensor.name], tensor.shape, kind))

    def runner(self):
        return lambda: self.model.predict(self.tensors)

    def outputs(self):
        return [t.get_data_to_numpy() for t in self.model.predict(self.tensors)]


class LiteRT:
    def __init__(self, threads):
        import ai_edge_litert
        from ai_edge_litert import interpreter
        self.package = interpreter
        self.version = ai_edge_litert.__version__
        self.threads = threads

    def load(self, path, inputs):
        self.interpreter = self.package.Interpreter(path, num_threads=self.threads)
        for i, detail in enumerate(self.interpreter.get_input_details()):
            declared = detail.get("shape_signature", detail["shape"])
            shape = inputs.shape(i, [detail["name"]], [int(d) for d in (declared if len(declared) else detail["shape"])])
            if shape != list(detail["shape"]):
                self.interpreter.resize_tensor_input(detail["index"], shape)
        self.interpreter.allocate_tensors()

    def fill(self, inputs):
        for i, detail in enumerate(self.interpreter.get_input_details()):
            data = inputs.array(i, [detail["name"]], [int(d) for d in detail["shape"]], detail["dtype"])
            self.interpreter.set_tensor(detail["index"], data)

    def runner(self):
        return self.interpreter.invoke

    def outputs(self):
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(d["index"]) for d in self.interpreter.get_output_details()]


class ONNXRuntime:
    KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(int64)": np.int64,
             "tensor(int32)": np.int32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_}

    def __init__(self, threads):
        import onnxruntime
        self.package = onnxruntime
        self.version = onnxruntime.__version__
        self.threads = threads

    def load(self, path, inputs):
        options = self.package.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        self.session = self.package.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def fill(self, inputs):
        self.feed = {}
        for i, tensor in enumerate(self.session.get_inputs()):
            shape = inputs.shape(i, [tensor.name], tensor.shape)
            self.feed[tensor.name] = inputs.array(i, [tensor.name], shape, self.KINDS[tensor.type])

    def runner(self):
        outputs = [t.name for t in self.session.get_outputs()]
        return lambda: self.session.run(outputs, self.feed)

    def outputs(self):
        return self.session.run(None, self.feed)


class OpenVINO:
    def __init__(self, threads):
        import openvino
        self.package = openvino
        self.version = openvino.__version__.split("-")[0]
        self.core = openvino.Core()
        self.threads = threads

    def load(self, path, inputs):
        model = self.core.read_model(path)
        shapes = {}
        for i, port in enumerate(model.inputs):
            partial = port.get_partial_shape()
            declared = [d.get_length() if d.is_static else -1 for d in partial]
            shapes[i] = inputs.shape(i, port.get_names(), declared)
        if any(port.get_partial_shape().is_dynamic for port in model.inputs):
            model.reshape(shapes)
        # Without the hint it computes in bfloat16 where the processor can.
        settings = {"INFERENCE_NUM_THREADS": self.threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
                    "INFERENCE_PRECISION_HINT": "f32"}
        self.compiled = self.core.compile_model(model, "CPU", settings)
        self.request = self.compiled.create_infer_request()

    def fill(self, inputs):
        for i, port in enumerate(self.compiled.inputs):
            data = inputs.array(i, port.get_names(), list(port.shape), port.element_type.to_dtype())
            self.request.set_input_tensor(i, self.package.Tensor(data))

    def runner(self):
        return self.request.infer

    def outputs(self):
        return list(self.request.infer().values())


class MNN:
    def __init__(self, threads):
        import MNN as package
        self.package = package
        self.version = package.version()
        self.threads = threads

    def load(self, path, inputs):
        self.interpreter = self.package.Interpreter(path)
        # "high" is float32; the default may be less.
        settings = {"backend": "CPU", "numThread": self.threads, "precision": "high"}
        self.session = self.interpreter.createSession(settings)
        self.tensors = self.interpreter.getSessionInputAll(self.session)
        resized = False
        for i, (name, tensor) in enumerate(self.tensors.items()):
            shape = inputs.shape(i, [name], tensor.getShape())
            if shape != list(tensor.getShape()):
                self.interpreter.resizeTensor(tensor, tuple(shape))
                resized = True
        if resized:
            self.interpreter.resizeSession(self.session)

    def fill(self, inputs):
        self.given = []
        for i, (name, tensor) in enumerate(self.tensors.items()):
            try:
                kind = tensor.getNumpyData().dtype
            except SystemError:
                raise RuntimeError("input %s has a type that its Python interface does not know" % name)
            data = inputs.array(i, [name], list(tensor.getShape()), kind)
            self.given.append((tensor, self._host(tensor, data), data))

    def _host(self, tensor, data):
        """A tensor in the model's own layout; the session's are blocked by channels."""
        kinds = {"f4": self.package.Halide_Type_Float, "i4": self.package.Halide_Type_Int, "u1": self.package.Halide_Type_Uint8}
        return self.package.Tensor(tensor.getShape(), kinds[data.dtype.str[1:]], data, tensor.getDimensionType())

    def runner(self):
        def run():
            # A run uses the memory of its inputs for other things, so they are given each time.
            for tensor, host, _ in self.given:
                tensor.copyFrom(host)
            self.interpreter.runSession(self.session)
        return run

    def outputs(self):
        self.runner()()
        arrays = []
        for tensor in self.interpreter.getSessionOutputAll(self.session).values():
            array = np.zeros(tensor.getShape(), tensor.getNumpyData().dtype)
            host = self._host(tensor, array)
            tensor.copyToHostTensor(host)
            arrays.append(np.array(host.getNumpyData()))
        return arrays


class NCNN:
    """Its models have no input shapes and no batch: the recorded data decides."""

    def __init__(self, threads):
        import ncnn
        self.package = ncnn
        self.version = ncnn.__version__
        self.threads = threads

    def load(self, path, inputs):
        self.net = self.package.Net()
        self.net.opt.num_threads = self.threads
        self.net.opt.use_fp16_packed = self.net.opt.use_fp16_storage = self.net.opt.use_fp16_arithmetic = False
        self.net.opt.use_bf16_storage = False
        if self.net.load_param(path) or self.net.load_model(path[:-len(".param")] + ".bin"):
            raise RuntimeError("it cannot load its converter's result")
        # in0, in1, ... in the source's order.
        self.names = sorted(self.net.input_names(), key=lambda name: int(name[2:]))
        self.shapes = [inputs.shape(i, [], []) for i in range(len(self.names))]

    def fill(self, inputs):
        # A Mat from an array only points into it.
        arrays = [inputs.array(i, [], shape, np.float32)[0] for i, shape in enumerate(self.shapes)]
        self.mats = [self.package.Mat(a).clone() for a in arrays]

    def runner(self):
        outputs = self.net.output_names()

        def run():
            results = []
            with self.net.create_extractor() as extractor:
                for name, mat in zip(self.names, self.mats):
                    extractor.input(name, mat)
                for name in outputs:
                    status, mat = extractor.extract(name)
                    if status:
                        raise RuntimeError("it cannot compute " + name)
                    results.append(mat)
            return results
        return run

    def outputs(self):
        return [np.array(mat) for mat in self.runner()()]


CLASSES = {"ours": Ours, "msl": MindSporeLite, "litert": LiteRT, "ort": ONNXRuntime, "ov": OpenVINO, "mnn": MNN, "ncnn": NCNN}
