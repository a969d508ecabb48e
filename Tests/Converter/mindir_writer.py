"""Writes MindIR files and reads the nodes and constants of `.ms` files; both by hand. Used by mindir_models.py."""
import struct

import numpy as np

from wire import field, integer, varint

# TensorProto.DataType
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11}
INT, STRING, BOOL, FLOAT, TENSOR, TENSORS, TUPLE, MONAD, NONE = 7, 8, 9, 1, 17, 19, 20, 23, 25


def tensor(array=None, name="", dims=None, dtype=None, key="", external=None):
    if array is not None:
        array = np.asarray(array)
        dims, dtype = array.shape, array.dtype.name
    out = b"".join(integer(1, d) for d in dims) + integer(2, TYPES[dtype])
    if name:
        out += field(7, name)
    if external:
        location, offset = external
        out += field(12, field(1, location) + integer(2, offset) + integer(3, array.nbytes))
    elif array is not None:
        out += field(9, array.tobytes())
    return out + (field(13, key) if key else b"")


def value(v, name=""):
    """AttributeProto of a Python value."""
    out = field(1, name) if name else b""
    if v is None:
        return out + integer(16, NONE)
    if isinstance(v, (bool, np.bool_)):
        return out + integer(3, int(v)) + integer(16, BOOL)
    if isinstance(v, int):
        return out + integer(3, v) + integer(16, INT)
    if isinstance(v, float):
        return out + varint(2 << 3 | 5) + struct.pack("<f", v) + integer(16, FLOAT)
    if isinstance(v, str):
        return out + field(5, v) + integer(16, STRING)
    if isinstance(v, np.ndarray):
        return out + field(6, tensor(v)) + integer(16, TENSOR)
    return out + integer(16, TUPLE) + b"".join(field(17, value(x)) for x in v)


class Graph:
    """A function: nodes in order; names of results are made here."""

    def __init__(self, name, model):
        self.name, self.model, self.nodes, self.inputs, self.parameters, self.outputs, self.count = name, model, b"", b"", b"", b"", 0

    def input(self, name, shape, dtype="float32"):
        full = self.name + ":" + name
        self.inputs += field(5, field(1, full) + field(2, tensor(dims=shape, dtype=dtype)))
        return full

    def parameter(self, name, array, external=None):
        full = self.name + ":" + name
        self.parameters += field(3, tensor(array, full, key=name, external=external))
        return full

    def constant(self, v):
        self.count += 1
        name = "%s:const%d" % (self.name, self.count)
        self.nodes += field(1, field(2, name) + field(3, name) + field(4, "Constant") + field(5, value(v, "value")))
        return name

    def node(self, op, inputs, shape=(), attributes=None, call=False, dtype="float32"):
        """One node; `inputs` are names, or values that become constants. `shape`: of the result; a list of tuples: of a tuple."""
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.count += 1
        name = "%s:n%d" % (self.name, self.count)
        single = lambda s: field(12, tensor(dims=s, dtype=dtype)) + integer(16, TENSORS)
        stated = integer(16, TUPLE) + b"".join(field(17, single(s)) for s in shape) if isinstance(shape, list) else single(shape)
        reference = op if call else self.model.primitive(op, attributes or {})
        out = b"".join(field(1, i) for i in names) + field(2, name) + field(3, name) + field(4, "REF::" + reference)
        self.nodes += field(1, out + field(5, field(1, "shape") + stated) + field(7, "%s/%s-op%d" % (self.name, op, self.count)))
        return name

    def result(self, *names):
        for name in names:
            self.outputs += field(6, field(1, name))

    def encoded(self):
        return self.nodes + field(2, self.name) + self.parameters + self.inputs + self.outputs


class Model:
    def __init__(self):
        self.primitives, self.graphs = b"", []
        self.main = self.graph("main")

    def graph(self, name):
        self.graphs.append(Graph(name, self))
        return self.graphs[-1]

    def primitive(self, op, attributes):
        name = "%s:%d" % (op, len(self.primitives))
        self.primitives += field(12, field(1, name) + field(2, op) + b"".join(field(3, value(v, k)) for k, v in attributes.items()))
        return name

    def encoded(self):
        return (field(1, "0.1.1") + field(2, "MindSpore") + field(7, self.graphs[0].encoded())
                + b"".join(field(8, g.encoded()) for g in self.graphs[1:]) + integer(10, 1) + self.primitives)


# ---- `.ms` files


class Table:
    """A FlatBuffers table."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]
        self.size = struct.unpack_from("<H", data, self.vtable)[0]

    def place(self, number):
        slot = 4 + 2 * number
        offset = struct.unpack_from("<H", self.data, self.vtable + slot)[0] if slot < self.size else 0
        return self.at + offset if offset else None

    def number(self, number, code="<i", default=0):
        at = self.place(number)
        return default if at is None else struct.unpack_from(code, self.data, at)[0]

    def follow(self, number):
        at = self.place(number)
        return None if at is None else at + struct.unpack_from("<I", self.data, at)[0]

    def text(self, number):
        at = self.follow(number)
        return "" if at is None else self.data[at + 4:at + 4 + struct.unpack_from("<I", self.data, at)[0]].decode()

    def table(self, number):
        at = self.follow(number)
        return None if at is None else Table(self.data, at)

    def tables(self, number):
        at = self.follow(number)
        count = struct.unpack_from("<I", self.data, at)[0]
        places = [at + 4 + 4 * i for i in range(count)]
        return [Table(self.data, p + struct.unpack_from("<I", self.data, p)[0]) for p in places]

    def array(self, number, dtype):
        at = self.follow(number)
        if at is None:
            return np.zeros(0, dtype)
        return np.frombuffer(self.data, dtype, struct.unpack_from("<I", self.data, at)[0], at + 4)


def read_ms(path):
    """([(primitive number, name, [input tensor numbers])], [(name, dims, bytes)] of all tensors)."""
    with open(path, "rb") as f:
        data = f.read()
    root = Table(data, struct.unpack_from("<I", data, 0)[0])
    nodes = [(n.table(2).number(0, "<B"), n.text(0), list(n.array(3, "<u4"))) for n in root.tables(6)]
    tensors = [(t.text(9), list(t.array(2, "<i4")), t.array(6, "<u1").tobytes()) for t in root.tables(7)]
    return nodes, tensors
