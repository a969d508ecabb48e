"""MindIR: networks that MindSpore has exported against its own outputs, a training graph against the original converter's, and
small graphs written here, one or more for every kind of primitive, against numpy. Also encrypted files, weights in other files,
refusals, and damaged files.

    python mindir_models.py [part of a case's name]

Needs numpy; the encrypted cases need the command openssl. Environment: see mslite.py.
"""
import collections
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np

import caffe_reference as ref
import mslite
from mindir_writer import Model, read_ms

MODELS = os.path.join(mslite.ROOT, "Tests", "Models", "mindir")
RNG = np.random.RandomState(3)
CASES = []


def values(*shape):
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def case(name, inputs, make, expected):
    """`make(model, graph, names of the inputs)` gives the names of the results."""
    if isinstance(inputs, np.ndarray):
        inputs = {"x": inputs}
    model = Model()
    names = [model.main.input(n, x.shape, x.dtype.name) for n, x in inputs.items()]
    made = make(model.main, *names)
    model.main.result(*([made] if isinstance(made, str) else made))
    CASES.append((name, model.encoded(), inputs, expected if isinstance(expected, list) else [expected]))


def simple(name, op, inputs, expected, attributes=None, extra=(), shape=None):
    """A graph of one node: `inputs` are variables, `extra` constants behind them."""
    expected = np.asarray(expected)
    case(name, inputs, lambda g, *n: g.node(op, [*n, *extra], expected.shape if shape is None else shape, attributes, dtype=expected.dtype.name),
         expected)


def convert(folder, data, *options):
    path = os.path.join(folder, "net")
    with open(path + ".mindir", "wb") as f:
        f.write(data)
    mslite.convert(path + ".mindir", path, "MINDIR", "--inputDataFormat=NCHW", *options)
    return path + ".ms"


def compare(results, expected):
    if len(results) != len(expected):
        return "%d outputs, %d expected" % (len(results), len(expected))
    for (name, y), e in zip(results, expected):
        e = np.asarray(e)
        if y.shape != e.shape:
            return "%s has the shape %s, %s expected" % (name, y.shape, e.shape)
        error = np.abs(y.astype(np.float64) - e).max() if e.size else 0
        if not error <= 3e-5 * max(np.abs(e.astype(np.float64)).max() if e.size else 0, 1e-2):
            return "%s differs by %g" % (name, error)
    return None


# ---- primitives

def mathematics():
    x, y = values(2, 3, 4), values(2, 3, 4)
    positive = np.abs(x) + np.float32(0.5)
    two = {"x": x, "y": y}
    for op, e in (("Add", x + y), ("Sub", x - y), ("Mul", x * y), ("Maximum", np.maximum(x, y)), ("Minimum", np.minimum(x, y)),
                  ("SquaredDifference", (x - y) ** 2)):
        simple(op, op, two, e)
    simple("RealDiv", "RealDiv", {"x": x, "y": positive}, x / positive)
    simple("DivNoNan", "DivNoNan", {"x": x, "y": np.where(x > 0, positive, 0).astype(np.float32)}, np.where(x > 0, x / positive, 0).astype(np.float32))
    simple("Pow", "Pow", positive, positive ** np.float32(1.5), extra=[np.array(1.5, np.float32)])
    sigmoid = lambda v: 1 / (1 + np.exp(-v.astype(np.float64)))
    for op, e in (("Exp", np.exp(x)), ("Expm1", np.expm1(x)), ("Abs", np.abs(x)), ("Neg", -x), ("Square", x * x), ("Sin", np.sin(x)),
                  ("Floor", np.floor(x * 1)), ("ReLU", np.maximum(x, 0)), ("ReLU6", x.clip(0, 6)), ("Sigmoid", sigmoid(x)), ("Tanh", np.tanh(x)),
                  ("HSwish", x * (x + 3).clip(0, 6) / 6), ("HSigmoid", (x + 3).clip(0, 6) / 6), ("SiLU", x * sigmoid(x)), ("Softplus", np.log1p(np.exp(x))),
                  ("Softsign", x / (1 + np.abs(x))), ("Mish", x * np.tanh(np.log1p(np.exp(x)))),
                  ("GeLU", 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3))))):
        simple(op, op, x, e.astype(np.float32))
    halves = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4, 0.6, -3.7], np.float32)
    simple("Round", "Round", halves, np.round(halves))
    for op, e in (("Sqrt", np.sqrt(positive)), ("Rsqrt", positive ** -0.5), ("Log", np.log(positive)), ("Reciprocal", 1 / positive)):
        simple(op, op, positive, e)
    simple("Elu", "Elu", x, np.where(x > 0, x, np.exp(x) - 1), {"alpha": 1.0})
    simple("LeakyRelu", "LeakyReLU", x, np.where(x > 0, x, x * np.float32(0.1)), {"negative_slope": 0.1})
    slope = np.abs(values(3))
    v = values(2, 3, 4, 5)
    simple("PReLU", "PReLU", v, np.where(v > 0, v, v * slope.reshape(1, 3, 1, 1)), extra=[slope])
    for axis in (-1, 1):
        e = np.exp(x.astype(np.float64))
        e /= e.sum(axis, keepdims=True)
        simple("Softmax%d" % axis, "Softmax", x, e.astype(np.float32), {"axis": [axis]})
        simple("LogSoftmax%d" % axis, "LogSoftmax", x, np.log(e).astype(np.float32), {"axis": axis})
    for op, f in (("ReduceMean", np.mean), ("ReduceSum", np.sum), ("ReduceMax", np.max), ("ReduceMin", np.min), ("ReduceProd", np.prod)):
        simple(op, op, x, f(x, (0, 2)), {"keep_dims": False}, [[0, 2]])
        simple(op + "_keep", op, x, f(x, -1, keepdims=True), {"keep_dims": True}, [-1])
        simple(op + "_all", op, x, f(x), {"keep_dims": False}, [[]])
    a, b = values(3, 4), values(5, 4)
    simple("MatMul", "MatMul", a, a @ b.T, {"transpose_a": False, "transpose_b": True}, [b])
    simple("MatMul_a", "MatMul", a, a.T @ (w := values(3, 2)), {"transpose_a": True, "transpose_b": False}, [w])
    p, q = values(2, 3, 4), values(2, 4, 5)
    simple("BatchMatMul", "BatchMatMul", {"p": p, "q": q}, p @ q, {"transpose_a": False, "transpose_b": False})
    simple("CumSum", "CumSum", x, np.cumsum(x, 1), {"exclusive": False, "reverse": False}, [1])
    simple("Cast", "Cast", x * 5, (x * 5).astype(np.int32), {"dst_type": 34})
    simple("Select", "Select", {"c": x > 0, "x": x, "y": y}, np.where(x > 0, x, y))
    simple("Greater", "Greater", two, x > y)
    simple("Argmax", "Argmax", x, x.argmax(2).astype(np.int32), {"axis": -1, "output_type": 34})
    case("ArgMaxWithValue", x, lambda g, n: (lambda t: [g.node("TupleGetItem", [t, 0], (2, 4), dtype="int32"), g.node("TupleGetItem", [t, 1], (2, 4))])(
        g.node("ArgMaxWithValue", [n], [(2, 4), (2, 4)], {"axis": 1, "keep_dims": False})), [x.argmax(1), x.max(1)])
    order = np.argsort(-x, -1, "stable")[..., :2]
    case("TopK", x, lambda g, n: (lambda t: [g.node("TupleGetItem", [t, 0], (2, 3, 2)), g.node("TupleGetItem", [t, 1], (2, 3, 2), dtype="int32")])(
        g.node("TopK", [n, 2], [(2, 3, 2), (2, 3, 2)], {"sorted": True})), [np.take_along_axis(x, order, -1), order])
    simple("L2Normalize", "L2Normalize", x, x / np.sqrt(np.maximum((x ** 2).sum(1, keepdims=True), 1e-4)), {"axis": [1], "epsilon": 1e-4})
    case("AddN", two, lambda g, m, n: g.node("AddN", [g.node("MakeTuple", [m, n, m], [(2, 3, 4)] * 3)], (2, 3, 4)), x + y + x)
    bias = values(3)
    simple("BiasAdd", "BiasAdd", v, v + bias.reshape(1, 3, 1, 1), {"format": "NCHW"}, [bias])
    simple("BiasAdd_2d", "BiasAdd", a, a + (b4 := values(4)), {"format": "NCHW"}, [b4])


def windows():
    x = values(2, 6, 9, 8)
    w = values(4, 6, 3, 3)
    base = {"kernel_size": [3, 3], "mode": 1, "out_channel": 4, "stride": [1, 1, 2, 2], "dilation": [1, 1, 1, 1], "group": 1, "format": "NCHW"}
    def conv(name, expected, weights, **changes):
        simple(name, "Conv2D", x, expected, {**base, **changes}, [weights])
    conv("conv_valid", ref.convolution(x, w, None, (2, 2)), w, pad_mode="valid", pad_list=[0, 0, 0, 0])
    conv("conv_pad", ref.convolution(x, w, None, (2, 2), (1, 1)), w, pad_mode="pad", pad_list=[1, 1, 1, 1])
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 1)))
    conv("conv_same", ref.convolution(padded, w, None, (2, 2)), w, pad_mode="same", pad_list=[1, 1, 0, 1])
    conv("conv_uneven", ref.convolution(np.pad(x, ((0, 0), (0, 0), (0, 2), (1, 0))), w, None, (2, 2)), w, pad_mode="pad", pad_list=[0, 2, 1, 0])
    g = values(6, 1, 3, 3)
    conv("conv_depthwise", ref.convolution(x, g, None, (1, 1), (1, 1), group=6), g, pad_mode="pad", pad_list=[1, 1, 1, 1], group=6, out_channel=6, stride=[1, 1, 1, 1])
    conv("conv_dilated", ref.convolution(x, w, None, (1, 1), (0, 0), (2, 2)), w, pad_mode="valid", dilation=[1, 1, 2, 2], stride=[1, 1, 1, 1])
    last = x.transpose(0, 2, 3, 1)
    simple("conv_nhwc", "Conv2D", np.ascontiguousarray(last), ref.convolution(x, w, None, (2, 2)).transpose(0, 2, 3, 1),
           {**base, "format": "NHWC", "pad_mode": "valid"}, [np.ascontiguousarray(w.transpose(0, 2, 3, 1))])
    t = values(6, 4, 3, 3)
    simple("conv_transposed", "Conv2DTranspose", x, ref.deconvolution(x, t, None, (2, 2), (1, 1)), {**base, "pad_mode": "pad", "pad_list": [1, 1, 1, 1]}, [t, [2, 4, 17, 15]])
    larger = np.pad(ref.deconvolution(x, t, None, (2, 2)), ((0, 0), (0, 0), (0, 1), (0, 1)))
    simple("conv_transposed_larger", "Conv2DBackpropInput", x, larger[:, :, :20, :18], {**base, "pad_mode": "pad", "pad_list": [0, 0, 0, 0]}, [t, [2, 4, 20, 18]])
    pool = {"kernel_size": [1, 1, 3, 3], "strides": [1, 1, 2, 2], "format": "NCHW"}
    simple("max_pool", "MaxPool", x, ref.pooling(x, (3, 3), (2, 2), ceil=False), {**pool, "pad_mode": "VALID"})
    simple("avg_pool", "AvgPool", x, ref.pooling(x, (3, 3), (2, 2), mean=True, ceil=False), {**pool, "pad_mode": "VALID"})
    same = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 1)), constant_values=-9)
    simple("max_pool_same", "MaxPool", x, ref.pooling(same, (3, 3), (2, 2), ceil=False), {**pool, "pad_mode": "SAME"})
    c = (1, 6, 1, 1)
    scale, shift, mean, variance = values(6), values(6), values(6), np.abs(values(6)) + np.float32(0.5)
    y = (x - mean.reshape(c)) / np.sqrt(variance.reshape(c) + 1e-5) * scale.reshape(c) + shift.reshape(c)
    case("batch_norm", x, lambda g, n: g.node("TupleGetItem", [g.node("BatchNorm", [n, scale, shift, mean, variance], [x.shape] + [(6,)] * 4, {
        "is_training": False, "epsilon": 1e-5, "momentum": 0.1, "format": "NCHW"}), 0], x.shape), y)
    z = values(3, 8)
    gamma, beta = values(8), values(8)
    y = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + 1e-5) * gamma + beta
    case("layer_norm", z, lambda g, n: g.node("TupleGetItem", [g.node("LayerNorm", [n, gamma, beta], [(3, 8), (3, 1), (3, 1)], {
        "begin_norm_axis": 1, "begin_params_axis": 1, "epsilon": 1e-5}), 0], (3, 8)), y)
    simple("resize_bilinear", "ResizeBilinear", x, ref.interpolate(x, 17, 5), {"size": [17, 5], "align_corners": True})
    simple("resize_nearest", "ResizeNearestNeighbor", x, x.repeat(2, 2).repeat(3, 3), {"size": [18, 24], "align_corners": False})
    case("dropout", x, lambda g, n: g.node("TupleGetItem", [g.node("Dropout", [n], [x.shape, x.shape], {"keep_prob": 0.5}), 0], x.shape), x * 1)


def arrays():
    x = values(2, 3, 4)
    v = values(2, 3, 4, 5)
    simple("Reshape", "Reshape", x, x.reshape(6, 4), extra=[[6, 4]])
    simple("Flatten", "Flatten", v, v.reshape(2, -1))
    simple("Transpose", "Transpose", x, x.transpose(2, 0, 1), extra=[[2, 0, 1]])
    simple("Squeeze", "Squeeze", x[:, None], x, {"axis": [1]})
    simple("ExpandDims", "ExpandDims", x, x[:, None], extra=[1])
    two = {"x": x, "y": values(2, 3, 4)}
    a, b = two["x"], two["y"]
    case("Concat", two, lambda g, m, n: g.node("Concat", [g.node("MakeTuple", [m, n], [(2, 3, 4)] * 2)], (2, 6, 4), {"axis": 1}), np.concatenate([a, b], 1))
    case("Stack", two, lambda g, m, n: g.node("Stack", [g.node("MakeTuple", [m, n], [(2, 3, 4)] * 2)], (2, 2, 3, 4), {"axis": 0}), np.stack([a, b]))
    def parts(g, t, count, shape):
        return [g.node("TupleGetItem", [t, i], shape) for i in range(count)]
    case("Unstack", x, lambda g, n: parts(g, g.node("Unstack", [n], [(2, 4)] * 3, {"axis": 1}), 3, (2, 4)), [x[:, i] for i in range(3)])
    case("Split", x, lambda g, n: parts(g, g.node("Split", [n], [(2, 3, 2)] * 2, {"axis": 2, "output_num": 2}), 2, (2, 3, 2)), [x[..., :2], x[..., 2:]])
    simple("Slice", "Slice", x, x[0:1, 1:3, 1:4], extra=[[0, 1, 1], [1, 2, 3]])
    masks = {"begin_mask": 1, "end_mask": 0, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 2}
    simple("StridedSlice", "StridedSlice", x, x[:2:1, 1, 1:4:2], masks, [[1, 1, 1], [2, 2, 4], [1, 1, 2]])
    simple("Tile", "Tile", x, np.tile(x, (1, 2, 3)), extra=[[1, 2, 3]])
    simple("Tile_rank", "Tile", x, np.tile(x, (2, 1, 2, 1)), extra=[[2, 1, 2, 1]])
    simple("BroadcastTo", "BroadcastTo", x[:, :1], np.broadcast_to(x[:, :1], (2, 3, 4)), {"shape": [2, 3, 4]})
    simple("Pad", "Pad", x, np.pad(x, ((0, 1), (2, 0), (1, 1))), {"paddings": [[0, 1], [2, 0], [1, 1]]})
    simple("MirrorPad", "MirrorPad", x, np.pad(x, ((0, 0), (1, 1), (2, 1)), "symmetric"), {"mode": "SYMMETRIC"}, [np.array([[0, 0], [1, 1], [2, 1]])])
    simple("Gather", "Gather", x, x[:, [2, 0]], extra=[np.array([2, 0], np.int32), 1])
    simple("OneHot", "OneHot", np.array([0, 2, 1], np.int32), np.eye(4, dtype=np.float32)[[0, 2, 1]], {"axis": -1}, [4, np.array(1, np.float32), np.array(0, np.float32)])
    simple("ReverseV2", "ReverseV2", x, x[:, ::-1], {"axis": [1]})
    d = values(1, 8, 2, 3)
    simple("DepthToSpace", "DepthToSpace", d, d.reshape(1, 2, 2, 2, 2, 3).transpose(0, 3, 4, 1, 5, 2).reshape(1, 2, 4, 6), {"block_size": 2, "format": "NCHW"})
    simple("ZerosLike", "ZerosLike", x, x * 0)
    w = values(3, 4)
    case("parameters", x, lambda g, n: g.node("Add", [n, g.node("Load", [g.parameter("w", w), g.constant(None)], (3, 4))], x.shape), x + w)
    case("double_constant", x, lambda g, n: g.node("Add", [n, np.array([1.5, 2, 3, 4])], x.shape), (x + np.array([1.5, 2, 3, 4])).astype(np.float32))
    case("several_outputs", x, lambda g, n: [g.node("MakeTuple", [g.node("ReLU", [n], x.shape), g.node("Neg", [n], x.shape)], [x.shape] * 2)], [np.maximum(x, 0), -x])


# ---- functions

def functions():
    x = values(3, 4)

    def branches(g, n, c):
        captured = g.node("Exp", [n], x.shape)
        then, other = g.model.graph("then"), g.model.graph("otherwise")
        then.result(then.node("Add", [then.input("a", x.shape), captured], x.shape))
        other.result(other.node("Mul", [other.input("a", x.shape), np.array(3, np.float32)], x.shape))
        chosen = g.node("Switch", [c, "then", "otherwise"])
        return g.node(chosen, [n], x.shape, call=True)
    for c in (True, False):
        case("switch_%s" % c, {"x": x, "c": np.array([c])}, branches, x + np.exp(x) if c else x * 3)

    def called(g, n):
        f = g.model.graph("f")
        a, b = f.input("a", x.shape), f.input("b", x.shape)
        f.result(f.node("Sub", [a, b], x.shape))
        part = g.node("Partial", ["f", g.node("ReLU", [n], x.shape)])
        return [g.node(part, [n], x.shape, call=True), g.node("f", [n, g.node("Neg", [n], x.shape)], x.shape, call=True)]
    case("partial_and_call", x, called, [np.maximum(x, 0) - x, x + x])

    def loop(g, n, times):
        head, body, after = g.model.graph("head"), g.model.graph("body"), g.model.graph("after")
        for h in (head, body, after):
            h.i, h.v = h.input("i", (1,), "int32"), h.input("v", x.shape)
        after.result(after.node("Neg", [after.v], x.shape))
        body.result(body.node("head", [body.node("Sub", [body.i, np.array([1], np.int32)], (1,), dtype="int32"),
                                       body.node("Mul", [body.v, np.array(2, np.float32)], x.shape)], x.shape, call=True))
        test = head.node("Greater", [head.i, np.array([0], np.int32)], (1,), dtype="bool")
        chosen = head.node("Switch", [test, "body", "after"])
        head.result(head.node(chosen, [head.i, head.v], x.shape, call=True))
        return g.node("Add", [g.node("head", [times, n], x.shape, call=True), n], x.shape)
    for times in (0, 1, 5):
        case("loop_%d" % times, {"x": x, "times": np.array([times], np.int32)}, loop, x - x * 2 ** times)

    def constant_branch(g, n):
        f, h = g.model.graph("yes"), g.model.graph("no")
        f.result(f.node("Neg", [f.input("a", x.shape)], x.shape))
        h.result(h.node("Unheard", [h.input("a", x.shape)], x.shape))
        return g.node(g.node("Switch", [True, "yes", "no"]), [n], x.shape, call=True)
    case("constant_switch", x, constant_branch, -x)


# ---- the exported networks

def exported(folder):
    with open(os.path.join(MODELS, "index.json")) as f:
        index = json.load(f)
    for name, shape in index["inference"].items():
        shutil.copy(os.path.join(MODELS, name + "_infer.mindir"), os.path.join(folder, "net.mindir"))
        with open(os.path.join(folder, "net.mindir"), "rb") as f:
            path = convert(folder, f.read())
        x = np.fromfile(os.path.join(MODELS, name + "_x.bin"), np.float32).reshape(shape)
        results = mslite.run(path, [x])
        golden = np.fromfile(os.path.join(MODELS, name + "_logits.bin"), np.float32).reshape(results[0][1].shape)
        yield "exported_" + name, compare(results, [golden])


def training(folder):
    """The nodes and weights of a training graph are those that the original converter makes of it."""
    with open(os.path.join(MODELS, "mlp_mse_sgd_train.mindir"), "rb") as f:
        path = convert(folder, f.read(), "--trainModel=true")
    nodes, tensors = read_ms(path)
    old_nodes, old_tensors = read_ms(os.path.join(MODELS, "mlp_mse_sgd_train_original.ms"))
    count = lambda list: collections.Counter((kind, name) for kind, name, _ in list)
    yield "training_nodes", None if count(nodes) == count(old_nodes) else str(count(nodes) - count(old_nodes)) + str(count(old_nodes) - count(nodes))
    weights = {n: (d, b) for n, d, b in tensors if b}
    lost = [n for n, d, b in old_tensors if b and not n.startswith("Default/") and weights.get(n) != (d, b)]
    yield "training_weights", "differ or miss: %s" % lost if lost else None
    # A weight is read by the nodes of a step before the node that changes it.
    place = {}
    for i, (_, name, used) in enumerate(nodes):
        if "/optimizer-" in name and "SGD" in name:
            place[used[0]] = i
    late = [name for i, (_, name, used) in enumerate(nodes) for t in used if t in place and i > place[t]]
    yield "training_order", "read after their change: %s" % late if late else None


# ---- files

def files(folder):
    x = values(2, 3)
    w = values(3)

    def model(external=None):
        m = Model()
        n = m.main.input("x", (2, 3))
        m.main.result(m.main.node("Add", [n, m.main.parameter("w", w, external)], (2, 3)))
        return m.encoded()
    os.makedirs(os.path.join(folder, "net_variables"), exist_ok=True)
    with open(os.path.join(folder, "net_variables", "data_0"), "wb") as f:
        f.write(b"\1" + b"\0" * 63 + w.tobytes())
    yield "external", compare(mslite.run(convert(folder, model(("net_variables/data_0", 64))), [x]), [x + w])
    for name, external, words in (("external_outside", ("../data_0", 0), "inside the model's folder"), ("external_missing", ("none", 0), "no such file"),
                                  ("external_short", ("net_variables/data_0", 72), "76")):
        yield name, refused(folder, model(external), [words])
    if shutil.which("openssl"):
        key, nonce = "30313233343637383939414243444546", "000102030405060708090a0b0c0d0e0f"
        text = subprocess.run(["openssl", "enc", "-aes-128-cbc", "-K", key, "-iv", nonce], input=model(), capture_output=True, check=True).stdout
        data = struct.pack("<Iii", 0x7F3A5ED9, 4 + 16 + 4 + len(text), 16) + bytes.fromhex(nonce) + struct.pack("<i", len(text)) + text
        yield "encrypted", compare(mslite.run(convert(folder, data, "--decryptKey=" + key, "--decryptMode=AES-CBC"), [x]), [x + w])
        yield "encrypted_no_key", refused(folder, data, ["decryptKey"])
        yield "encrypted_wrong_key", refused(folder, data, ["key"], "--decryptKey=" + key[::-1], "--decryptMode=AES-CBC")


def refused(folder, data, words, *options):
    try:
        convert(folder, data, *options)
    except mslite.Refused as error:
        missing = [w for w in words if w not in str(error)]
        return "the text lacks %s: %s" % (missing, error) if missing or "ended with" in str(error) else None
    return "was converted"


def refusals(folder):
    def graph(*steps):
        m = Model()
        n = m.main.input("x", (1, 3, 4, 4))
        for op, inputs, attributes in steps:
            n = m.main.node(op, [n, *inputs], (1, 3, 4, 4), attributes)
        m.main.result(n)
        return m.encoded()
    yield "unknown_types", refused(folder, graph(("Strange", [], {}), ("Weird", [], {})), ["Strange", "Weird", "main/Strange-op1"])
    yield "gradient_without_training", refused(folder, graph(("ReluGrad", [np.zeros((1, 3, 4, 4), np.float32)], {})), ["trainModel"])
    yield "batch_statistics", refused(folder, graph(("BatchNorm", [np.ones(3, np.float32)] * 4, {"is_training": True, "epsilon": 1e-5})), ["training mode"])
    yield "pad_mode", refused(folder, graph(("MaxPool", [], {"pad_mode": "odd", "kernel_size": [1, 1, 2, 2], "strides": [1, 1, 1, 1]})), ['"odd"'])
    yield "no_model", refused(folder, b"this is no model", ["MindIR"])
    yield "empty_graph", refused(folder, Model().encoded(), ["output"])
    recursive = Model()
    f = recursive.graph("f")
    f.result(f.node("f", [f.input("a", (1,))], (1,), call=True))
    recursive.main.result(recursive.main.node("f", [recursive.main.input("x", (1,))], (1,), call=True))
    try:
        convert(folder, recursive.encoded())
        yield "endless", None
    except mslite.Refused as error:
        yield "endless", "ended with" in str(error) or None
    # Thirty functions that each call the next one twice.
    deep = Model()
    for i in range(30):
        f = deep.graph("f%d" % i)
        n = f.input("a", (1,))
        f.result(f.node("f%d" % (i + 1), [f.node("f%d" % (i + 1), [n], (1,), call=True)], (1,), call=True) if i < 29 else f.node("Neg", [n], (1,)))
    deep.main.result(deep.main.node("f0", [deep.main.input("x", (1,))], (1,), call=True))
    yield "many_calls", refused(folder, deep.encoded(), ["million"])


def damaged(folder):
    random = np.random.RandomState(5)
    with open(os.path.join(MODELS, "mlp_mse_sgd_train.mindir"), "rb") as f:
        original = f.read()
    for i in range(80):
        data = bytearray(original)
        if i % 4 == 0:
            del data[random.randint(len(data)):]
        else:
            for _ in range(1 + i % 5):
                data[random.randint(len(data))] = random.randint(256)
        try:
            convert(folder, bytes(data), *(["--trainModel=true"] if i % 2 else []))
        except mslite.Refused as error:
            if "ended with" in str(error) or not str(error):
                return "damage %d: %s" % (i, error)
    return None


def main():
    for make in (mathematics, windows, arrays, functions):
        make()
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tally = mslite.Tally()

    with tempfile.TemporaryDirectory() as folder:
        for name, data, inputs, expected in CASES:
            if wanted not in name:
                continue
            try:
                tally.note(name, compare(mslite.run(convert(folder, data), inputs), expected))
            except Exception as error:  # a failure of one case must not hide the others
                tally.note(name, "%s: %s" % (type(error).__name__, error))
        if not wanted:
            for group in (exported, training, files, refusals):
                try:
                    for name, problem in group(folder):
                        tally.note(name, problem)
                except Exception as error:
                    tally.note(group.__name__, "%s: %s" % (type(error).__name__, error))
            tally.note("damaged", damaged(folder))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
