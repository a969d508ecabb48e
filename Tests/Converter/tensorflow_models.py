"""TensorFlow graphs, one or more for every operator, converted, run and compared with TensorFlow's own outputs, which stand in
Tests/Models/tensorflow_ops/cases.xz (written by tensorflow_generate.py); the graphs of Tests/Models/tf_front_end; what must be
refused; damaged files.

    python tensorflow_models.py [part of a case's name]

Needs numpy. Environment: see mslite.py; MSLITE_EXTRA_MODELS: a folder with more frozen graphs and their outputs.
"""
import json
import lzma
import os
import sys
import tempfile

import numpy as np

import mslite

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARCHIVE = os.environ.get("CASES", os.path.join(ROOT, "Tests/Models/tensorflow_ops/cases.xz"))


def cases():
    with lzma.open(ARCHIVE) as file:
        data = file.read()
    position = 8 + int.from_bytes(data[:8], "little")
    found = {}
    for case, kind, name, dtype, shape in json.loads(data[8:position]):
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(data, dtype, count, position).reshape(shape)
        position += array.nbytes
        entry = found.setdefault(case, {"in": {}, "out": {}})
        if kind in ("in", "out"):
            entry[kind][name] = array
        else:
            entry[kind] = array
    return found


def difference(got, expected, tolerance):
    """None when they agree, else what is wrong."""
    if list(got.shape) != list(expected.shape):
        return "has the shape %s, %s is right" % (list(got.shape), list(expected.shape))
    if expected.dtype == bool or np.issubdtype(expected.dtype, np.integer):
        wrong = int((got.astype(np.int64) != expected.astype(np.int64)).sum())
        return "%d of %d entries are wrong" % (wrong, expected.size) if wrong else None
    if not expected.size:
        return None
    finite = np.isfinite(expected)
    if not np.array_equal(got[~finite], expected[~finite], equal_nan=True):
        return "infinite or undefined entries differ"
    peak = max(float(np.abs(expected[finite]).max(initial=0)), 1e-6)
    worst = float(np.abs(got[finite].astype(np.float64) - expected[finite]).max(initial=0)) / peak
    return "differs by %.2g of the peak" % worst if not worst <= tolerance else None


def check(folder, graph, inputs, outputs, tolerance, *options):
    source, target = os.path.join(folder, "graph.pb"), os.path.join(folder, "model")
    with open(source, "wb") as file:
        file.write(graph)
    mslite.convert(source, target, "TF", *options)
    results = dict(mslite.run(target + ".ms", inputs))
    for name, expected in outputs.items():
        if name not in results:
            raise AssertionError("%s is missing; there are %s" % (name, ", ".join(results)))
        wrong = difference(results[name], expected, tolerance)
        if wrong:
            raise AssertionError("%s %s" % (name, wrong))


# What must be refused: bytes of a file, and words of the refusal.
def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def attr(key, value):
    return field(5, field(1, key) + field(2, value))


def node(name, op, inputs=(), *attributes):
    return field(1, field(1, name) + field(2, op) + b"".join(field(3, i) for i in inputs) + b"".join(attributes))


FLOAT = attr("dtype", field(6, 1))


def placeholder(name="x", *dims):
    return node(name, "Placeholder", (), FLOAT, attr("shape", field(7, b"".join(field(2, field(1, d)) for d in dims))))


def constant(name, dtype, shape, value):
    tensor = field(1, dtype) + field(2, b"".join(field(2, field(1, d)) for d in shape)) + value
    return node(name, "Const", (), attr("dtype", field(6, dtype)), attr("value", field(8, tensor)))


# A graph as text, and one whose first bytes are all printable, as those of text are: -x.
LONG_NAME = "images/of/the/camera/after/their/rotation"
FORMS = {
    "text": b"""
# The negative of x.
node { name: "%s" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "shape" value { shape { dim { size: 2 } } } } }
node { name: "y" op: "Neg" input: "%s" }
""" % (LONG_NAME.encode(), LONG_NAME.encode()),
    "binary, printable": placeholder(LONG_NAME, 2) + node("y", "Neg", [LONG_NAME]),
}


def form(folder, graph):
    if not all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in graph[:32]):
        raise AssertionError("the test's graph does not begin with printable bytes")
    x = np.array([1.5, -2], np.float32)
    check(folder, graph, {LONG_NAME: x}, {"y": -x}, 0.0)


def function(name, *nodes):
    signature = field(1, name) + field(2, field(1, "a")) + field(3, field(1, "r"))
    body = b"".join(field(3, n[1 + len(varint(len(n))):]) for n in nodes)
    return field(1, field(1, signature) + body + field(4, field(1, "r") + field(2, "call:output:0")))


def strip(n):
    """A node's bytes without the tag and length it has in a graph."""
    k = 1
    while n[k] & 128:
        k += 1
    return n[k + 1:]


def library(*functions):
    return field(2, b"".join(functions))


def recursive(name, *callees):
    calls = b"".join(field(3, strip(node("call" if k == 0 else "call%d" % k, "PartitionedCall", ("a",) if k == 0 else ("call%d:output:0" % (k - 1) if k > 1 else "call:output:0",),
                                         attr("f", field(10, field(1, callee)))))) for k, callee in enumerate(callees))
    result = "call:output:0" if len(callees) == 1 else "call%d:output:0" % (len(callees) - 1)
    signature = field(1, name) + field(2, field(1, "a")) + field(3, field(1, "r"))
    return field(1, field(1, signature) + calls + field(4, field(1, "r") + field(2, result)))


def call(name="y", callee="f0"):
    return node(name, "PartitionedCall", ("x",), attr("f", field(10, field(1, callee))))


REFUSALS = [
    ("unknown operators", placeholder("x", 2) + node("a", "Foo", ["x"]) + node("b", "Bar", ["a"]), ["Foo", "Bar", '"a"', '"b"']),
    ("cycle", node("a", "Add", ["b", "b"]) + node("b", "Add", ["a", "a"]) + node("c", "Neg", ["a"]), ["needs its own result"]),
    ("no outputs", node("a", "Neg", ["b"]) + node("b", "Neg", ["a"]), ["no outputs"]),
    ("missing node", placeholder("x", 2) + node("a", "Add", ["x", "nothing"]), ['no node is named "nothing"']),
    ("missing operand", placeholder("x", 2) + node("a", "Add", ["x"]), ["operand 1 is missing"]),
    ("two of a name", placeholder("x", 2) + placeholder("x", 2), ['two nodes are named "x"']),
    ("huge constant", placeholder("x", 2) + constant("c", 1, [1 << 20, 1 << 20], field(5, b"\0\0\x80?")) + node("a", "Add", ["x", "c"]), ['"c"', "bytes"]),
    ("short constant", placeholder("x", 2) + constant("c", 1, [3], field(4, b"\0" * 8)) + node("a", "Add", ["x", "c"]), ["8 bytes", "12"]),
    ("long constant", placeholder("x", 2) + constant("c", 1, [1], field(5, b"\0" * 8)) + node("a", "Add", ["x", "c"]), ["lists 2 values"]),
    ("complex constant", placeholder("x", 2) + constant("c", 8, [1], b"") + node("a", "Add", ["x", "c"]), ["complex64"]),
    ("endless calls", placeholder("x", 2) + call() + library(recursive("f0", "f0")), ["32"]),
    ("calls that multiply", placeholder("x", 2) + call() + library(*[recursive("f%d" % k, "f%d" % (k + 1), "f%d" % (k + 1)) for k in range(30)], recursive("f30", "f29")),
     ["expand to more than"]),
    ("unknown function", placeholder("x", 2) + call(), ['no function is named "f0"']),
    ("variable", placeholder("x", 2) + node("v", "VarHandleOp", (), attr("shared_name", field(2, "w"))) + node("r", "ReadVariableOp", ["v"]) + node("y", "Add", ["x", "r"]), ['"w"', "freeze"]),
    ("bad attribute", placeholder("x", 1, 4, 4, 1) + node("y", "MaxPool", ["x"], attr("padding", field(2, "ROUND")), attr("ksize", field(1, field(3, 1) * 4))), ["padding", "ROUND"]),
    ("no graph", b"hello", ["not a TensorFlow graph"]),
    ("empty graph", b"\x12\x00", ["no nodes"]),
]


def refuse(folder, data, words, *options):
    try:
        check(folder, data, {}, {}, 0, *options)
    except mslite.Refused as refusal:
        missing = [w for w in words if w not in str(refusal)]
        if missing:
            raise AssertionError("%s is not said: %s" % (missing, refusal))
        return
    raise AssertionError("is accepted")


def front_end(folder, base, name):
    def values(path):
        return np.fromfile(os.path.join(base, path), np.float32)
    with open(os.path.join(base, name + ".pb"), "rb") as file:
        graph = file.read()
    source, target = os.path.join(folder, "graph.pb"), os.path.join(folder, "model")
    with open(source, "wb") as file:
        file.write(graph)
    mslite.convert(source, target, "TF")
    model = mslite.Model(target + ".ms")
    (_, _, shape), = model.inputs()
    results = model.run([values(name + ".in_0.bin").reshape([d if d > 0 else 1 for d in shape])])
    expected = values(name + ".out_0.bin")
    wrong = difference(results[0][1].reshape(-1), expected, 1e-4)
    if wrong:
        raise AssertionError(wrong)


def damaged(folder, graph):
    """Cut off and changed files end in a refusal or a model, never otherwise."""
    random = np.random.RandomState(3)
    source, target = os.path.join(folder, "graph.pb"), os.path.join(folder, "model")
    for k in range(24):
        data = bytearray(graph)
        if k % 2:
            for position in random.randint(0, len(data), 3):
                data[position] ^= 1 << random.randint(8)
        else:
            data = data[:random.randint(len(data))]
        with open(source, "wb") as file:
            file.write(data)
        try:
            mslite.convert(source, target, "TF")
        except mslite.Refused as refusal:
            if not str(refusal) or "Fatal" in str(refusal) or "ended with -" in str(refusal):
                raise AssertionError("after %d: %s" % (k, str(refusal)[:300]))


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    archive = cases()
    jobs = [(name, lambda folder, c=c: check(folder, c["graph"].tobytes(), c["in"], c["out"], float(c["tol"]))) for name, c in archive.items()]
    jobs += [("form: " + name, lambda folder, graph=graph: form(folder, graph)) for name, graph in FORMS.items()]
    jobs += [("refused: " + name, lambda folder, data=data, words=words: refuse(folder, data, words)) for name, data, words in REFUSALS]
    jobs += [("refused: shape of no input", lambda folder: refuse(folder, placeholder("x", 2) + node("y", "Neg", ["x"]), ["no input named z"], "--inputShape=z:2"))]
    jobs += [("damaged: " + name, lambda folder, c=archive[name]: damaged(folder, c["graph"].tobytes()))
             for name in ("While_switch", "LSTM_functions", "If_nested_functions_True", "Conv2D_same") if name in archive]
    shared = os.environ.get("MSLITE_EXTRA_MODELS")
    if shared:
        base = os.path.join(shared, "tf_front_end")
        jobs += [("tf_front_end: " + name, lambda folder, name=name: front_end(folder, base, name)) for name in ("mobilenet_v1_025_128", "misc_ops_tf")]
    tally = mslite.Tally()
    with tempfile.TemporaryDirectory() as folder:
        for name, job in jobs:
            if wanted not in name:
                continue
            try:
                job(folder)
                tally.note(name)
            except (mslite.Refused, AssertionError, RuntimeError) as error:
                tally.note(name, str(error) or repr(error))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
