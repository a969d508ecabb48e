"""Writes small float TFLite models, node by node.

    net = tflite_writer.Network([1, 8, 8, 3])
    net.add("CONV_2D", [net.last, net.constant(w), net.constant(b)], [1, 4, 4, 6], "Conv2D", padding=SAME, stride_w=2, stride_h=2, activation=RELU6)
    open(path, "wb").write(net.encoded())

Needs flatbuffers. The numbers are those of TensorFlow's schema (tensorflow/lite/schema/schema.fbs).
"""
import flatbuffers
import numpy as np

SAME, VALID = 0, 1
RELU, RELU6 = 1, 3
OPERATORS = {"ADD": 0, "AVERAGE_POOL_2D": 1, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 9, "MAX_POOL_2D": 17, "RESHAPE": 22,
             "SOFTMAX": 25, "TANH": 28, "MEAN": 40, "HARD_SWISH": 117}
# Number of the options in the union; name of each field with its place and its size in bytes.
OPTIONS = {
    "Conv2D": (1, {"padding": (0, 1), "stride_w": (1, 4), "stride_h": (2, 4), "activation": (3, 1)}),
    "DepthwiseConv2D": (2, {"padding": (0, 1), "stride_w": (1, 4), "stride_h": (2, 4), "depth_multiplier": (3, 4), "activation": (4, 1)}),
    "Pool2D": (5, {"padding": (0, 1), "stride_w": (1, 4), "stride_h": (2, 4), "filter_w": (3, 4), "filter_h": (4, 4), "activation": (5, 1)}),
    "FullyConnected": (8, {"activation": (0, 1)}), "Softmax": (9, {"beta": (0, "float")}), "Add": (11, {"activation": (0, 1)}),
    "Reducer": (27, {"keep_dims": (0, 1)}), "Reshape": (17, {}),
}


class Network:
    def __init__(self, shape):
        self.tensors, self.buffers, self.nodes, self.codes = [], [b""], [], []
        self.last = self.tensor("x", shape)

    def tensor(self, name, shape, kind=0, buffer=0):
        self.tensors.append((name, list(shape), kind, buffer))
        return len(self.tensors) - 1

    def constant(self, data):
        data = np.ascontiguousarray(data)
        self.buffers.append(data.tobytes())
        return self.tensor("c%d" % len(self.tensors), data.shape, 2 if data.dtype == np.int32 else 0, len(self.buffers) - 1)

    def add(self, kind, inputs, shape, options=None, **fields):
        code = OPERATORS[kind]
        if code not in self.codes:
            self.codes.append(code)
        self.last = self.tensor("t%d" % len(self.tensors), shape)
        self.nodes.append((self.codes.index(code), list(inputs), [self.last], options, fields))
        return self.last

    def encoded(self):
        b = flatbuffers.Builder(1024)

        def ints(values):
            b.StartVector(4, len(values), 4)
            for v in reversed(values):
                b.PrependInt32(v)
            return b.EndVector()

        def tables(offsets):
            b.StartVector(4, len(offsets), 4)
            for o in reversed(offsets):
                b.PrependUOffsetTRelative(o)
            return b.EndVector()

        def buffer(data):
            content = None
            if data:
                b.StartVector(1, len(data), 16)
                b.head -= len(data)
                b.Bytes[b.head:b.head + len(data)] = data
                content = b.EndVector()
            b.StartObject(1)
            if content is not None:
                b.PrependUOffsetTRelativeSlot(0, content, 0)
            return b.EndObject()

        def options(kind, fields):
            number, places = OPTIONS[kind]
            b.StartObject(8)
            for name, value in fields.items():
                place, size = places[name]
                if size == "float":
                    b.PrependFloat32Slot(place, value, 0.0)
                elif size == 1:
                    b.PrependInt8Slot(place, int(value), 0)
                else:
                    b.PrependInt32Slot(place, value, 0)
            return number, b.EndObject()

        buffers = tables([buffer(data) for data in self.buffers])
        tensors = []
        for name, shape, kind, place in self.tensors:
            name, shape = b.CreateString(name), ints(shape)
            b.StartObject(4)
            b.PrependUOffsetTRelativeSlot(0, shape, 0)
            b.PrependInt8Slot(1, kind, 0)
            b.PrependUint32Slot(2, place, 0)
            b.PrependUOffsetTRelativeSlot(3, name, 0)
            tensors.append(b.EndObject())
        nodes = []
        for code, inputs, outputs, kind, fields in self.nodes:
            number, content = options(kind, fields) if kind else (0, None)
            inputs, outputs = ints(inputs), ints(outputs)
            b.StartObject(5)
            b.PrependUint32Slot(0, code, 0)
            b.PrependUOffsetTRelativeSlot(1, inputs, 0)
            b.PrependUOffsetTRelativeSlot(2, outputs, 0)
            if content is not None:
                b.PrependUint8Slot(3, number, 0)
                b.PrependUOffsetTRelativeSlot(4, content, 0)
            nodes.append(b.EndObject())
        tensors, nodes = tables(tensors), tables(nodes)
        inputs, outputs = ints([0]), ints([self.last])
        b.StartObject(4)
        for place, offset in enumerate((tensors, inputs, outputs, nodes)):
            b.PrependUOffsetTRelativeSlot(place, offset, 0)
        graphs = tables([b.EndObject()])
        codes = []
        for code in self.codes:
            b.StartObject(4)
            b.PrependInt8Slot(0, code, 0)
            b.PrependInt32Slot(2, 1, 1)
            b.PrependInt32Slot(3, code, 0)
            codes.append(b.EndObject())
        codes = tables(codes)
        b.StartObject(5)
        b.PrependUint32Slot(0, 3, 0)
        b.PrependUOffsetTRelativeSlot(1, codes, 0)
        b.PrependUOffsetTRelativeSlot(2, graphs, 0)
        b.PrependUOffsetTRelativeSlot(4, buffers, 0)
        b.Finish(b.EndObject(), file_identifier=b"TFL3")
        return bytes(b.Output())
