"""Writes Tests/Models/tensorflow_ops/cases.xz: a frozen TensorFlow graph for every operator the importer knows, with inputs and
TensorFlow's outputs. Needs TensorFlow (made with 2.21.0); the test that reads the file, tensorflow_models.py, does not.

    tensorflow_generate.py [--list] [name ...]

The file is compressed with xz: the length of a JSON text (8 bytes, little-endian), the text, and arrays one after the other. The text
lists for every array [case, kind, name, type, shape]: kind "graph" (the GraphDef's bytes), "in", "out", or "tol" (the largest
difference that is accepted, relative to the output's peak).
"""
import json
import lzma
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
raw = tf.raw_ops
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
random = np.random.RandomState(7)
cases = {}


def f(*shape, low=-2.0, high=2.0):
    return random.uniform(low, high, shape).astype(np.float32)


def i(*shape, low=0, high=5):
    return random.randint(low, high, shape).astype(np.int32)


def b(*shape):
    return random.randint(0, 2, shape).astype(bool)


def case(name, build, open_dims=None, tol=1e-4, functional=True, **inputs):
    """`build` takes placeholders by name and returns one or several tensors. `open_dims`: axes left open in every input."""
    cases[name] = (build, open_dims, tol, functional, inputs)


def both(name, build, **inputs):
    case(name, build, **inputs)
    case(name + "_open", build, open_dims=[0], **inputs)


def record(name, build, open_dims, tol, functional, inputs):
    (v1.enable_control_flow_v2 if functional else v1.disable_control_flow_v2)()
    graph = tf.Graph()
    with graph.as_default():
        fed = {}
        for key, array in inputs.items():
            shape = [None if open_dims and (k in open_dims) else d for k, d in enumerate(array.shape)]
            fed[key] = v1.placeholder(tf.as_dtype(array.dtype), shape, name=key)
        results = build(**fed)
        if not isinstance(results, (list, tuple)):
            results = [results]
        for k, result in enumerate(results):
            tf.identity(result, name="out%d" % k)
        with v1.Session(graph=graph) as session:
            values = session.run(["out%d:0" % k for k in range(len(results))], {fed[k]: v for k, v in inputs.items()})
    entries = [(name, "graph", "", np.frombuffer(graph.as_graph_def().SerializeToString(), np.uint8)), (name, "tol", "", np.array(tol))]
    entries += [(name, "in", key, array) for key, array in inputs.items()]
    return entries + [(name, "out", "out%d" % k, np.asarray(value)) for k, value in enumerate(values)]


def channels_first(name, build, x):
    """`build` takes an image and its format. TensorFlow computes channels-first images only on other hardware: the outputs are those of
    the same network on channels-last ones."""
    layouts[name] = (build, x)


def record_channels_first(name, build, x):
    graphs, values = {}, None
    for layout, image in [("NHWC", x.transpose(0, 2, 3, 1)), ("NCHW", x)]:
        graphs[layout] = tf.Graph()
        with graphs[layout].as_default():
            tf.identity(build(v1.placeholder(tf.float32, image.shape, name="x"), layout), name="out0")
            if layout == "NHWC":
                with v1.Session() as session:
                    values = session.run("out0:0", {"x:0": image})
    entries = [(name, "graph", "", np.frombuffer(graphs["NCHW"].as_graph_def().SerializeToString(), np.uint8)), (name, "tol", "", np.array(1e-4))]
    return entries + [(name, "in", "x", x), (name, "out", "out0", values.transpose(0, 3, 1, 2))]


def axes(layout, h, w):
    return [1, h, w, 1] if layout == "NHWC" else [1, 1, h, w]


def fused(op, inputs, **attributes):
    """A node that TensorFlow's graph optimisation makes; it has no function of its own."""
    def value(v):
        message = v1.AttrValue()
        if isinstance(v, list) and isinstance(v[0], bytes):
            message.list.s.extend(v)
        elif isinstance(v, list) and isinstance(v[0], int):
            message.list.i.extend(v)
        elif isinstance(v, list):
            message.list.type.extend([t.as_datatype_enum for t in v])
        elif isinstance(v, bytes):
            message.s = v
        elif isinstance(v, bool):
            message.b = v
        elif isinstance(v, int):
            message.i = v
        elif isinstance(v, float):
            message.f = v
        else:
            message.type = v.as_datatype_enum
        return message
    inputs = [tf.convert_to_tensor(x) for x in inputs]
    return tf.compat.v1.get_default_graph().create_op(op, inputs, [tf.float32], attrs={k: value(v) for k, v in attributes.items()}, name="fused").outputs[0]


layouts = {}

# Elementwise operators.
SPECIAL = np.array([-2.5, -1.5, -0.5, 0.0, 0.5, 1.5, 2.5, 3.49, -3.51, 1e-3], np.float32)
for op in ["Abs", "Neg", "Square", "Sin", "Cos", "Tan", "Floor", "Ceil", "Erf", "Exp", "Expm1", "Sinh", "Cosh", "Round", "Rint", "Sign",
           "Relu", "Relu6", "Sigmoid", "Tanh", "Softplus", "Elu", "Selu", "Softsign", "ZerosLike", "OnesLike", "Erfc"]:
    def unary(x, op=op):
        key = "features" if op in ["Relu", "Relu6", "Softplus", "Elu", "Selu", "Softsign"] else "x"
        return getattr(raw, op)(**{key: x * 1.0})
    case(op, unary, x=np.concatenate([SPECIAL, f(6)]))
for op in ["Sqrt", "Rsqrt", "Log", "Log1p", "Reciprocal", "Inv"]:
    case(op, lambda x, op=op: getattr(raw, op)(x=x), x=f(3, 4, low=0.1, high=5))
case("LeakyRelu", lambda x: [raw.LeakyRelu(features=x), raw.LeakyRelu(features=x, alpha=0.05)], x=f(3, 4))
case("IntegerUnary", lambda x: [raw.Abs(x=x), raw.Neg(x=x), raw.Square(x=x), raw.Sign(x=x), raw.Relu(features=x)], x=i(7, low=-4, high=4))
case("IsFinite", lambda x: [raw.IsFinite(x=x), raw.IsNan(x=x), raw.IsInf(x=x)], x=np.array([1, np.nan, np.inf, -np.inf, 0], np.float32))
both("Softmax", lambda x: [raw.Softmax(logits=x), raw.LogSoftmax(logits=x)], x=f(3, 5))
case("Softmax4", lambda x: raw.Softmax(logits=x), x=f(2, 3, 2, 4))
case("Cast", lambda x, k, c: [tf.cast(x, tf.int32), tf.cast(k, tf.float32), tf.cast(c, tf.float32), tf.cast(x, tf.bool), tf.cast(k, tf.bool),
                              tf.cast(x, tf.int64), tf.cast(tf.cast(x, tf.float64), tf.float32), tf.cast(c, tf.int32)],
     x=SPECIAL, k=i(5, low=-1, high=2), c=b(6))
case("ClipByValue", lambda x: raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=1.0), x=f(9))
case("FakeQuant", lambda x: [raw.FakeQuantWithMinMaxVars(inputs=x, min=-1.0, max=1.3), raw.FakeQuantWithMinMaxArgs(inputs=x, min=-1.5, max=0.5, num_bits=4),
                             raw.FakeQuantWithMinMaxVarsPerChannel(inputs=x, min=[-1.0, -2.0, -0.5], max=[1.0, 0.5, 1.5], narrow_range=True)], x=f(4, 3))
case("Identity", lambda x: [tf.stop_gradient(x) + 1.0, raw.Snapshot(input=x) * 2.0, raw.CheckNumerics(tensor=x, message="m") - 1.0,
                            tf.cond(v1.placeholder_with_default(False, []), lambda: x * 9.0, lambda: x * 3.0)], x=f(3))

# Arithmetic.
for op in ["Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "Maximum", "Minimum", "SquaredDifference", "FloorDiv", "FloorMod", "Mod", "Equal", "NotEqual",
           "Greater", "GreaterEqual", "Less", "LessEqual", "DivNoNan", "MulNoNan"]:
    both(op, lambda x, y, op=op: [getattr(raw, op)(x=x, y=y), getattr(raw, op)(x=x[:, :1], y=y)],
         x=f(3, 4), y=np.where(random.rand(3, 4) < 0.5, np.float32(0.5), f(3, 4)) if op not in ["FloorDiv", "FloorMod", "Mod"] else f(3, 4, low=0.4))
for op in ["AddV2", "Sub", "Mul", "Div", "TruncateDiv", "FloorDiv", "FloorMod", "Mod", "TruncateMod", "Maximum", "Minimum", "SquaredDifference", "Equal", "Less"]:
    case(op + "_int", lambda x, y, op=op: getattr(raw, op)(x=x, y=y), x=i(4, 3, low=-9, high=9), y=i(3, low=1, high=5) * np.array([1, -1, 1], np.int32))
case("DivNoNan_zero", lambda x, y: [raw.DivNoNan(x=x, y=y), raw.Xdivy(x=y, y=x), raw.Xlogy(x=y, y=tf.abs(x))],
     x=f(5), y=np.array([0, 1, 0, 2, -1], np.float32))
case("Pow", lambda x, y: [raw.Pow(x=x, y=y), raw.Pow(x=x, y=2.0), raw.Pow(x=x, y=0.5)], x=f(3, 4, low=0.1), y=f(3, 4))
case("Pow_int", lambda x: raw.Pow(x=x, y=3), x=i(5, low=-3, high=4))
case("Logical", lambda x, y: [raw.LogicalAnd(x=x, y=y), raw.LogicalOr(x=x, y=y), raw.LogicalNot(x=x), tf.math.logical_xor(x, y),
                              raw.NotEqual(x=x, y=y)], x=b(8), y=b(8))
case("ApproximateEqual", lambda x: raw.ApproximateEqual(x=x, y=x + [0.0, 0.2, 0.05], tolerance=0.1), x=f(3))
case("AddN", lambda x, y: [raw.AddN(inputs=[x, y, x]), raw.AddN(inputs=[x])], x=f(2, 3), y=f(2, 3))
case("AddN_int", lambda x, y: raw.AddN(inputs=[x, y, x]), x=i(2, 3), y=i(2, 3))
case("Select", lambda c, x, y: [raw.Select(condition=c, x=x, y=y), raw.SelectV2(condition=c[:, None], t=x, e=y), raw.Select(condition=x > y, x=x, y=y),
                                raw.SelectV2(condition=x > 0.0, t=x, e=0.5)], c=b(4), x=f(4, 3), y=f(4, 3))
case("BiasAdd", lambda x: [raw.BiasAdd(value=x, bias=[1.0, 2.0, 3.0]), raw.BiasAddV1(value=x, bias=[1.0, 2.0, 3.0])], x=f(2, 4, 5, 3))

# Convolutions. TensorFlow computes channels-first only on a GPU: those graphs are made here and run as channels-last ones.
W = f(3, 3, 4, 5)
DW = f(3, 3, 4, 2)
for name, s, p, d in [("same", 1, "SAME", 1), ("same2", 2, "SAME", 1), ("valid", 1, "VALID", 1), ("valid2", 2, "VALID", 1), ("dilated", 1, "SAME", 2),
                      ("dilated_valid", 1, "VALID", 2)]:
    both("Conv2D_" + name, lambda x, s=s, p=p, d=d: raw.Conv2D(input=x, filter=W, strides=[1, s, s, 1], padding=p, dilations=[1, d, d, 1]), x=f(2, 8, 7, 4))
    case("Depthwise_" + name, lambda x, s=s, p=p, d=d: raw.DepthwiseConv2dNative(input=x, filter=DW, strides=[1, s, s, 1], padding=p, dilations=[1, d, d, 1]),
         x=f(2, 8, 7, 4))
case("Depthwise_single", lambda x: raw.DepthwiseConv2dNative(input=x, filter=DW[:, :, :, :1], strides=[1, 1, 1, 1], padding="SAME"), x=f(1, 6, 6, 4))
case("Depthwise_one", lambda x: raw.DepthwiseConv2dNative(input=x, filter=DW[:, :, :1], strides=[1, 1, 1, 1], padding="SAME"), x=f(1, 6, 6, 1))
case("Conv2D_explicit", lambda x: raw.Conv2D(input=x, filter=W, strides=[1, 2, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 2, 0, 3, 0, 0]), x=f(1, 8, 7, 4))
case("Conv2D_group", lambda x: raw.Conv2D(input=x, filter=f(3, 3, 2, 6), strides=[1, 1, 1, 1], padding="SAME"), x=f(1, 6, 6, 4))
case("Conv2D_open_size", lambda x: raw.Conv2D(input=x, filter=W, strides=[1, 2, 2, 1], padding="SAME"), open_dims=[0, 1, 2], x=f(1, 9, 8, 4))
case("Conv1D", lambda x: tf.nn.conv1d(x, f(3, 4, 5), 1, "SAME", dilations=2), x=f(2, 9, 4))
case("AtrousConv", lambda x: tf.nn.atrous_conv2d(x, W, 2, "SAME"), x=f(1, 8, 8, 4))
BIAS = np.arange(5, dtype=np.float32) - 2
CONV = dict(strides=[1, 1, 1, 1], padding=b"SAME", T=tf.float32)
case("_FusedConv2D", lambda x: [fused("_FusedConv2D", [x, W, BIAS], num_args=1, TArgs=[tf.float32], num_host_args=0, fused_ops=[b"BiasAdd", b"Relu"], **CONV),
                                fused("_FusedConv2D", [x, W, BIAS], num_args=1, TArgs=[tf.float32], num_host_args=0, fused_ops=[b"BiasAdd", b"LeakyRelu"], leakyrelu_alpha=0.3, **CONV),
                                fused("_FusedConv2D", [x, W, BIAS * BIAS, BIAS, BIAS * 0.1, BIAS * BIAS + 1], num_args=4, TArgs=[tf.float32] * 4, num_host_args=0, fused_ops=[b"FusedBatchNorm", b"Relu"], epsilon=0.01, **CONV)], x=f(1, 5, 5, 4))
case("_FusedDepthwiseConv2dNative", lambda x: fused("_FusedDepthwiseConv2dNative", [x, DW, np.arange(8, dtype=np.float32)], num_args=1, fused_ops=[b"BiasAdd", b"Relu6"], **CONV), x=f(1, 5, 5, 4))
case("_FusedMatMul", lambda x: [fused("_FusedMatMul", [x, W[0, 0], BIAS], num_args=1, fused_ops=[b"BiasAdd", b"Relu"], T=tf.float32),
                                fused("_FusedMatMul", [x, W[0, 0].T.copy(), BIAS], num_args=1, fused_ops=[b"BiasAdd", b"Tanh"], transpose_b=True, T=tf.float32)], x=f(3, 4))
channels_first("Conv2D_NCHW", lambda x, l: raw.Conv2D(input=x, filter=W, strides=axes(l, 2, 1), dilations=axes(l, 1, 2), padding="SAME", data_format=l), f(2, 4, 8, 7))
channels_first("Conv2D_explicit_NCHW", lambda x, l: raw.Conv2D(input=x, filter=W, strides=axes(l, 2, 1), padding="EXPLICIT", data_format=l,
                                                              explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0] if l == "NHWC" else [0, 0, 0, 0, 1, 2, 0, 1]), f(2, 4, 8, 7))
channels_first("Depthwise_NCHW", lambda x, l: raw.DepthwiseConv2dNative(input=x, filter=DW, strides=axes(l, 1, 1), padding="VALID", data_format=l), f(1, 4, 8, 7))
channels_first("Deconv_NCHW", lambda x, l: raw.Conv2DBackpropInput(input_sizes=[2, 8, 6, 5] if l == "NHWC" else [2, 5, 8, 6], filter=W.transpose(0, 1, 3, 2).copy(),
                                                                  out_backprop=x, strides=axes(l, 2, 2), padding="SAME", data_format=l), f(2, 4, 4, 3))
channels_first("Block_NCHW", lambda x, l: raw.AvgPool(value=raw.Relu(features=raw.FusedBatchNormV3(x=raw.BiasAdd(value=raw.MaxPool(
    input=x, ksize=axes(l, 3, 2), strides=axes(l, 1, 1), padding="SAME", data_format=l), bias=[1.0, -1.0, 0.5], data_format=l), scale=[1.0, 2.0, 3.0], offset=[0.1, 0.2, 0.3],
    mean=[0.5, 0.1, 0.2], variance=[1.0, 2.0, 0.5], is_training=False, data_format=l)[0]), ksize=axes(l, 2, 2), strides=axes(l, 2, 2), padding="VALID", data_format=l), f(2, 3, 8, 6))
channels_first("Depth_NCHW", lambda x, l: raw.DepthToSpace(input=raw.SpaceToDepth(input=x, block_size=2, data_format=l) * 2.0, block_size=2, data_format=l), f(1, 4, 4, 6))
for name, s, p, k, out in [("same", 2, "SAME", 3, (8, 6)), ("same_odd", 2, "SAME", 3, (7, 5)), ("valid", 2, "VALID", 3, (9, 7)), ("valid_more", 2, "VALID", 3, (10, 8)),
                           ("small", 3, "SAME", 2, (12, 9)), ("one", 1, "SAME", 3, (4, 3)), ("valid_small", 3, "VALID", 2, (12, 9))]:
    both("Deconv_" + name, lambda x, s=s, p=p, k=k, out=out: raw.Conv2DBackpropInput(
        input_sizes=tf.stack([tf.shape(x)[0], out[0], out[1], 5]), filter=W[:k, :k].transpose(0, 1, 3, 2).copy(), out_backprop=x, strides=[1, s, s, 1], padding=p), x=f(2, 4, 3, 4))
for op in ["MaxPool", "AvgPool"]:
    key = "input" if op == "MaxPool" else "value"
    for name, k, s, p in [("same", 3, 2, "SAME"), ("valid", 2, 2, "VALID"), ("wide", 3, 1, "SAME")]:
        both("%s_%s" % (op, name), lambda x, op=op, key=key, k=k, s=s, p=p: getattr(raw, op)(**{key: x}, ksize=[1, k, k, 1], strides=[1, s, s, 1], padding=p), x=f(2, 7, 6, 3))
case("MaxPoolV2", lambda x: raw.MaxPoolV2(input=x, ksize=[1, 2, 3, 1], strides=[1, 2, 1, 1], padding="VALID"), x=f(1, 6, 6, 2))
case("MaxPool_explicit", lambda x: raw.MaxPool(input=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 0, 1, 0, 0]), x=f(1, 7, 7, 2))

# Normalisation.
SCALE, OFFSET, MEAN, VARIANCE = f(3, low=0.5), f(3), f(3), f(3, low=0.2)
for op in ["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"]:
    both(op, lambda x, op=op: getattr(raw, op)(x=x, scale=SCALE, offset=OFFSET, mean=MEAN, variance=VARIANCE, epsilon=0.01, is_training=False)[0], x=f(2, 4, 4, 3))
case("FusedBatchNorm_training", lambda x: list(raw.FusedBatchNormV3(x=x, scale=SCALE, offset=OFFSET, mean=[], variance=[], epsilon=0.01)[:3]), x=f(2, 4, 4, 3))
case("LRN", lambda x: [raw.LRN(input=x), raw.LRN(input=x, depth_radius=2, bias=2.0, alpha=0.3, beta=0.75)], x=f(1, 3, 3, 7))
case("L2Normalize", lambda x: tf.math.l2_normalize(x, axis=-1), x=f(3, 5))
case("LayerNorm", lambda x: (x - tf.reduce_mean(x, -1, keepdims=True)) * tf.math.rsqrt(
    tf.math.reduce_variance(x, -1, keepdims=True) + 1e-3) * SCALE + OFFSET, x=f(4, 3))

# Matrices.
both("MatMul", lambda x: [raw.MatMul(a=x, b=f(4, 5)), raw.MatMul(a=x, b=f(5, 4), transpose_b=True)], x=f(3, 4))
case("MatMul_transposed", lambda x, y: [raw.MatMul(a=x, b=y, transpose_a=True), raw.MatMul(a=x, b=x, transpose_a=True)], x=f(3, 4), y=f(3, 5))
case("BatchMatMul", lambda x, y: [raw.BatchMatMul(x=x, y=y), raw.BatchMatMulV2(x=x, y=y[:1]), raw.BatchMatMulV2(x=x, y=y, adj_x=False, adj_y=False),
                                  raw.BatchMatMulV3(x=y, y=x, Tout=tf.float32, adj_x=True, adj_y=True)], x=f(2, 3, 4), y=f(2, 4, 5)[:, :, :5])
for k, (equation, shapes) in enumerate([("ij,jk->ik", [(3, 4), (4, 5)]), ("bij,bkj->bik", [(2, 3, 4), (2, 5, 4)]), ("abc,cd->abd", [(2, 3, 4), (4, 5)]),
                                        ("abcd,cde->abe", [(2, 3, 4, 5), (4, 5, 6)]), ("abc,cde->abde", [(2, 3, 4), (4, 2, 3)]), ("bqnh,bknh->bnqk", [(2, 3, 2, 4), (2, 5, 2, 4)]),
                                        ("ij->ji", [(3, 4)]), ("ij->i", [(3, 4)]), ("i,j->ij", [(3,), (4,)]), ("...ij,...jk->...ik", [(2, 3, 4), (4, 5)]), ("ij,ij->", [(3, 4), (3, 4)]),
                                        ("bi,bi->b", [(3, 4), (3, 4)]), ("i,i->", [(4,), (4,)])]):
    case("Einsum_%d" % k, lambda equation=equation, **given: raw.Einsum(inputs=[given[key] for key in sorted(given)], equation=equation),
         **{"x%d" % n: f(*shape) for n, shape in enumerate(shapes)})
case("Einsum_open", lambda x: raw.Einsum(inputs=[x, f(4, 2, 3)], equation="abc,cde->abde"), open_dims=[0], x=f(2, 3, 4))
case("MatrixBandPart", lambda x: [raw.MatrixBandPart(input=x, num_lower=1, num_upper=0), raw.MatrixBandPart(input=x, num_lower=-1, num_upper=1)], x=f(4, 5))
case("Tensordot", lambda x: tf.tensordot(x, f(4, 5), [[2], [0]]), x=f(2, 3, 4))

# Reductions.
for op in ["Mean", "Max", "Min", "Prod", "Sum", "EuclideanNorm"]:
    both(op, lambda x, op=op: [getattr(raw, op)(input=x, axis=[1]), getattr(raw, op)(input=x, axis=[0, 2], keep_dims=True), getattr(raw, op)(input=x, axis=-1),
                               getattr(raw, op)(input=x, axis=[0, 1, 2])], x=f(2, 3, 4))
case("Sum_none", lambda x: raw.Sum(input=x, axis=np.zeros([0], np.int32)) + 1.0, x=f(2, 3))
case("Mean_int", lambda x: [raw.Mean(input=x, axis=[0, 1]), raw.Sum(input=x, axis=[1]), raw.Max(input=x, axis=[0])], x=i(3, 4, low=-9, high=9))
case("All", lambda x: [raw.All(input=x, axis=[1]), raw.Any(input=x, axis=[1]), raw.Any(input=x, axis=[0], keep_dims=True)], x=b(4, 3))
both("ArgMax", lambda x: [raw.ArgMax(input=x, dimension=1), raw.ArgMin(input=x, dimension=-1), raw.ArgMax(input=x, dimension=0, output_type=tf.int32)], x=f(3, 4))
for exclusive in [False, True]:
    for reverse in [False, True]:
        case("Cumsum_%d%d" % (exclusive, reverse), lambda x, e=exclusive, r=reverse: raw.Cumsum(x=x, axis=1, exclusive=e, reverse=r), x=f(2, 5))
both("TopK", lambda x: [*raw.TopKV2(input=x, k=3), *raw.TopKV2(input=x, k=tf.minimum(tf.shape(x)[1], 2))], x=f(3, 6))
case("L2Loss", lambda x: raw.L2Loss(t=x), x=f(3, 4))

# Shapes.
both("Reshape", lambda x: [raw.Reshape(tensor=x, shape=[-1, 6]), raw.Reshape(tensor=x, shape=tf.stack([tf.shape(x)[0] * 3, 4]))], x=f(2, 3, 4))
case("Squeeze", lambda x: [raw.Squeeze(input=x), raw.Squeeze(input=x, axis=[-2]), raw.Squeeze(input=x, axis=[2, 0])], x=f(1, 3, 1, 2)[:, :, :, :2])
both("ExpandDims", lambda x: [raw.ExpandDims(input=x, axis=0), raw.ExpandDims(input=x, axis=-1), raw.ExpandDims(input=x, axis=1)], x=f(3, 4))
case("Transpose", lambda x: [raw.Transpose(x=x, perm=[2, 0, 1]), raw.ConjugateTranspose(x=x, perm=[0, 2, 1])], x=f(2, 3, 4))
case("Tile", lambda x: [raw.Tile(input=x, multiples=[2, 3]), raw.BroadcastTo(input=x[:1], shape=[4, 3])], x=f(2, 3))
both("Concat", lambda x, y: [raw.ConcatV2(values=[x, y, x], axis=-1), raw.Concat(concat_dim=0, values=[x, y]), raw.ConcatV2(values=[x, np.ones([2, 3], np.float32)], axis=0)],
     x=f(2, 3), y=f(2, 3))
case("Pack", lambda x, y: [raw.Pack(values=[x, y], axis=0), raw.Pack(values=[x, y], axis=-1), raw.ParallelConcat(values=[x[:1], y[:1]], shape=[2, 3])], x=f(2, 3), y=f(2, 3))
case("Unpack", lambda x: [*raw.Unpack(value=x, num=2, axis=0), *raw.Unpack(value=x, num=3, axis=1)], x=f(2, 3))
both("Split", lambda x: [*raw.Split(axis=1, value=x, num_split=3), *raw.SplitV(value=x, size_splits=[1, -1, 2], axis=1, num_split=3)], x=f(2, 6))
both("Shape", lambda x: [raw.Shape(input=x), raw.Size(input=x), raw.Rank(input=x), *raw.ShapeN(input=[x, x]), raw.Shape(input=x, out_type=tf.int64)], x=f(2, 3, 4))
case("Fill", lambda x: [raw.Fill(dims=tf.shape(x), value=2.5), raw.Fill(dims=[2, 2], value=7)], x=f(2, 3))
case("Range", lambda n: [raw.Range(start=0, limit=n, delta=2), raw.Range(start=1.0, limit=tf.cast(n, tf.float32), delta=0.5), raw.Range(start=n, limit=0, delta=-1)],
     n=np.array(7, np.int32))
case("LinSpace", lambda x: raw.LinSpace(start=x, stop=4.0, num=5), x=np.array(1.5, np.float32))
case("InvertPermutation", lambda x: raw.InvertPermutation(x=x), x=np.array([2, 0, 3, 1], np.int32))
case("BroadcastArgs", lambda x, y: tf.broadcast_to(x, raw.BroadcastArgs(s0=tf.shape(x), s1=tf.shape(y))), x=f(3, 1), y=f(1, 4))

# Slices.
SLICES = {
    "plain": lambda x: x[0:2, 1:3], "stride": lambda x: x[:, ::2], "shrink": lambda x: x[1, :, 2], "last": lambda x: x[-1], "new": lambda x: x[:, tf.newaxis, 1:],
    "ellipsis": lambda x: x[..., 0], "ellipsis2": lambda x: x[0, ..., 1:3], "new_ellipsis": lambda x: x[..., tf.newaxis], "reverse": lambda x: x[:, ::-1],
    "reverse_all": lambda x: x[::-1, ::-1, ::-1], "reverse_part": lambda x: x[:, 2:0:-1], "reverse_step": lambda x: x[:, :, ::-2], "reverse_end": lambda x: x[:, :, 2::-1],
    "negative": lambda x: x[:, -2:, :-1], "beyond": lambda x: x[:, 1:100, -100:2], "empty_mask": lambda x: x[:, :, 1:][:, :2],
    "mixed": lambda x: x[0, tf.newaxis, ::-1, ..., 1::2],
}
for name, slicer in SLICES.items():
    both("StridedSlice_" + name, slicer, x=f(2, 3, 4))
case("StridedSlice_dynamic", lambda x, k: [x[k], x[:, k], x[:k], x[k:, 1:], x[-k], x[:, k:k + 2, tf.newaxis], x[..., k]], x=f(3, 4, 3), k=np.array(1, np.int32))
case("StridedSlice_vector", lambda x, v: raw.StridedSlice(input=x, begin=v, end=v + 2, strides=[1, 1]), x=f(4, 5), v=np.array([1, 2], np.int32))
case("Slice", lambda x, v: [raw.Slice(input=x, begin=[0, 1], size=[2, -1]), raw.Slice(input=x, begin=v, size=[1, 2])], x=f(3, 4), v=np.array([1, 0], np.int32))
both("Pad", lambda x: [raw.Pad(input=x, paddings=[[1, 2], [0, 3]]), raw.PadV2(input=x, paddings=[[1, 0], [2, 1]], constant_values=1.5),
                       raw.MirrorPad(input=x, paddings=[[1, 1], [2, 1]], mode="REFLECT"), raw.MirrorPad(input=x, paddings=[[1, 2], [3, 1]], mode="SYMMETRIC")], x=f(3, 4))
case("Pad_int", lambda x: [raw.Pad(input=x, paddings=[[1, 2]]), raw.PadV2(input=x, paddings=[[1, 2]], constant_values=9)], x=i(4))

# Gather and scatter.
both("Gather", lambda x: [raw.Gather(params=x, indices=[1, 0, 1]), raw.GatherV2(params=x, indices=[[0, 2], [1, 1]], axis=1), raw.GatherV2(params=x, indices=1, axis=-1)],
     x=f(3, 4, 3))
case("Gather_dynamic", lambda x, k: [raw.GatherV2(params=x, indices=k, axis=0), raw.GatherV2(params=np.arange(12, dtype=np.float32).reshape(6, 2), indices=k, axis=0)], x=f(5, 2), k=i(2, 3))
case("Gather_batch", lambda x, k: [raw.GatherV2(params=x, indices=k, axis=1, batch_dims=1), raw.GatherV2(params=x, indices=k, axis=2, batch_dims=1),
                                   raw.GatherV2(params=x, indices=k, axis=2, batch_dims=-1)], x=f(2, 4, 5, 3), k=i(2, 3, high=4))
case("GatherNd", lambda x: [raw.GatherNd(params=x, indices=[[0, 1], [2, 3]]), raw.GatherNd(params=x, indices=[[2], [0]])], x=f(3, 4))
case("ScatterNd", lambda u: [raw.ScatterNd(indices=[[1], [3], [1]], updates=u, shape=[5, 2]), raw.ScatterNd(indices=[[0, 1], [1, 0], [0, 1]], updates=u[:, 0], shape=[2, 2])], u=f(3, 2))
case("TensorScatter", lambda x, u: [raw.TensorScatterUpdate(tensor=x, indices=[[1], [0]], updates=u), raw.TensorScatterAdd(tensor=x, indices=[[1], [1]], updates=u),
                                    raw.TensorScatterSub(tensor=x, indices=[[2], [1]], updates=u)], x=f(3, 2), u=f(2, 2))
case("Where", lambda x: [raw.Where(condition=x > 0.0), tf.gather_nd(x, raw.Where(condition=x > 0.0))], x=f(3, 4))
case("OneHot", lambda k: [raw.OneHot(indices=k, depth=4, on_value=1.0, off_value=0.0), raw.OneHot(indices=k, depth=5, on_value=2.0, off_value=-1.0, axis=0),
                          raw.OneHot(indices=k, depth=3, on_value=1, off_value=0, axis=1)], k=i(2, 3, low=-1, high=4))
case("Reverse", lambda x, n: [raw.ReverseV2(tensor=x, axis=[1]), raw.ReverseV2(tensor=x, axis=[0, -1]), raw.ReverseSequence(input=x, seq_lengths=n, seq_dim=1, batch_dim=0)],
     x=f(3, 4), n=np.array([2, 4, 1], np.int32))
case("Unique", lambda x: list(raw.Unique(x=x)), x=np.array([3, 1, 3, 2, 1], np.int32))
case("Roll", lambda x: [raw.Roll(input=x, shift=[1], axis=[0]), raw.Roll(input=x, shift=[-1, 2], axis=[0, 1])], x=f(3, 4))
case("LowerBound", lambda x, v: [raw.LowerBound(sorted_inputs=x, values=v), raw.UpperBound(sorted_inputs=x, values=v)],
     x=np.sort(f(2, 5), axis=1), v=f(2, 3))

# Images.
for op in ["ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"]:
    for corners, half in [(False, False), (True, False), (False, True)]:
        for size in [(8, 10), (3, 2), (5, 7)]:
            case("%s_%d%d_%dx%d" % (op, corners, half, *size), lambda x, op=op, c=corners, h=half, s=size: getattr(raw, op)(images=x, size=s, align_corners=c, half_pixel_centers=h),
                 tol=2e-3 if op == "ResizeBicubic" and not half else 1e-4, x=f(2, 4, 5, 3))
case("Resize_dynamic", lambda x, s: [raw.ResizeBilinear(images=x, size=s, half_pixel_centers=True), raw.ResizeNearestNeighbor(images=x, size=s)], x=f(1, 4, 5, 3), s=np.array([8, 10], np.int32))
case("CropAndResize", lambda x, r: [raw.CropAndResize(image=x, boxes=r, box_ind=[0, 1, 0], crop_size=[3, 4], extrapolation_value=0.5),
                                    raw.CropAndResize(image=x, boxes=r, box_ind=[1, 1, 0], crop_size=[2, 2], method="nearest")],
     x=f(2, 6, 6, 2), r=np.array([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], [-0.2, 0.3, 0.5, 1.4]], np.float32))
case("SpaceToBatch", lambda x: [raw.SpaceToBatchND(input=x, block_shape=[2, 2], paddings=[[0, 0], [1, 1]]), raw.SpaceToBatch(input=x, paddings=[[1, 1], [0, 0]], block_size=2)], x=f(2, 4, 6, 3))
case("SpaceToBatch_sequence", lambda x: raw.SpaceToBatchND(input=x, block_shape=[3], paddings=[[1, 0]]), x=f(2, 5, 3))
case("BatchToSpace", lambda x: [raw.BatchToSpaceND(input=x, block_shape=[2, 2], crops=[[0, 1], [1, 0]]), raw.BatchToSpace(input=x, crops=[[0, 0], [1, 1]], block_size=2)], x=f(8, 2, 3, 3))
case("SpaceToDepth", lambda x: [raw.SpaceToDepth(input=x, block_size=2), raw.DepthToSpace(input=tf.concat([x, x], 3), block_size=2)], x=f(2, 4, 6, 4))
BOXES = np.array([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11], [1, 11.1, 0, 10.1], [0, 100, 1, 101]], np.float32)
SCORES = np.array([0.9, 0.75, 0.6, 0.95, 0.5, 0.3], np.float32)
case("NonMaxSuppression", lambda x, s: [raw.NonMaxSuppression(boxes=x, scores=s, max_output_size=3), raw.NonMaxSuppressionV2(boxes=x, scores=s, max_output_size=6, iou_threshold=0.3),
                                        raw.NonMaxSuppressionV3(boxes=x, scores=s, max_output_size=6, iou_threshold=0.5, score_threshold=0.4)], x=BOXES, s=SCORES)
case("NonMaxSuppressionV4", lambda x, s: [*raw.NonMaxSuppressionV4(boxes=x, scores=s, max_output_size=5, iou_threshold=0.5, score_threshold=0.0, pad_to_max_output_size=True)], x=BOXES, s=SCORES)
case("NonMaxSuppressionV5", lambda x, s: [*raw.NonMaxSuppressionV5(boxes=x, scores=s, max_output_size=5, iou_threshold=0.5, score_threshold=0.0, soft_nms_sigma=0.0)], x=BOXES, s=SCORES)

# Sparse tensors, segments, random numbers.
case("SparseToDense", lambda v: raw.SparseToDense(sparse_indices=[[0, 1], [2, 0]], output_shape=[3, 4], sparse_values=v, default_value=-1.0), v=f(2))
case("SparseFillEmptyRows", lambda v: [*raw.SparseFillEmptyRows(indices=np.array([[0, 1], [2, 0]], np.int64), values=v, dense_shape=np.array([4, 3], np.int64), default_value=7.0)], v=f(2))
case("SparseReshape", lambda k: [*raw.SparseReshape(input_indices=tf.cast(k, tf.int64), input_shape=np.array([2, 6], np.int64), new_shape=np.array([3, -1], np.int64))], k=i(4, 2, high=2))
case("SparseSegment", lambda x: [raw.SparseSegmentSum(data=x, indices=[0, 2, 3], segment_ids=[0, 0, 1]), raw.SparseSegmentMean(data=x, indices=[0, 2, 3], segment_ids=[0, 0, 1])], x=f(4, 3))
case("SegmentSum", lambda x: [raw.SegmentSum(data=x, segment_ids=[0, 0, 2, 2]), raw.UnsortedSegmentSum(data=x, segment_ids=[2, 0, 2, 1], num_segments=3)], x=f(4, 3))
case("RaggedRange", lambda s: [*raw.RaggedRange(starts=s, limits=s + 3, deltas=[1, 2])], s=np.array([2, 5], np.int32))
case("Random", lambda x: [raw.RandomUniform(shape=[2, 3], dtype=tf.float32, seed=5, seed2=9) + x, raw.RandomStandardNormal(shape=tf.shape(x), dtype=tf.float32, seed=5, seed2=9)], x=f(2, 3))


# Control flow, in the form of functions and in that of Switch and Merge nodes.
def loops(x):
    k, y = tf.while_loop(lambda k, y: k < 5, lambda k, y: (k + 1, y * 1.1 + tf.cast(k, tf.float32)), [0, x])
    return [y, k]


def growing(x):
    _, y = tf.while_loop(lambda k, y: k < 3, lambda k, y: (k + 1, tf.concat([y, y[:1] + 1.0], 0)), [0, x],
                         shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])
    return y


def nested(x):
    def inner(y):
        return tf.while_loop(lambda j, z: tf.less(j, 3), lambda j, z: (j + 1, z + y), [0, y])[1]
    return tf.while_loop(lambda k, y: tf.reduce_sum(y) < 100.0, lambda k, y: (k + 1, inner(y)), [0, x])


def choice(x, c):
    return [tf.cond(c, lambda: x * 2.0, lambda: x - 1.0), tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.reduce_sum(x, 1), lambda: tf.reduce_max(x, 1))]


def nested_choice(x, c):
    return tf.cond(c, lambda: tf.cond(x[0, 0] > 0.0, lambda: x + 1.0, lambda: x + 2.0), lambda: tf.cond(x[0, 0] > 0.0, lambda: x + 3.0, lambda: x + 4.0))


def choice_in_loop(x):
    return tf.while_loop(lambda k, y: k < 4, lambda k, y: (k + 1, tf.cond(tf.equal(k % 2, 0), lambda: y * 2.0, lambda: y + 1.0)), [0, x])[1]


def loop_in_choice(x, c):
    return tf.cond(c, lambda: loops(x)[0], lambda: x)


def weights_in_loop(x):
    w = tf.constant(f(4, 4) * 0.3)
    return tf.while_loop(lambda k, y: k < 3, lambda k, y: (k + 1, tf.tanh(tf.matmul(y, w) + x)), [0, x])[1]


def array(x):
    n = tf.shape(x)[0]
    source = tf.TensorArray(tf.float32, size=n, clear_after_read=False).unstack(x)
    target = tf.TensorArray(tf.float32, size=n, element_shape=[3], clear_after_read=False)
    _, state, target = tf.while_loop(lambda k, s, t: k < n, lambda k, s, t: (k + 1, s + source.read(k), t.write(k, s * 2.0)), [0, tf.zeros([3]), target])
    return [target.stack(), state, target.gather([1, 0])]


def rnn(x):
    w = tf.constant(f(3 + 4, 4) * 0.5)

    def step(h, v):
        return tf.tanh(tf.matmul(tf.concat([v, h], 1), w))
    return tf.scan(step, x, initializer=tf.zeros([2, 4]))


def lstm(x):
    w, bias = tf.constant(f(3 + 4, 16) * 0.5), tf.constant(f(16))

    def step(state, v):
        h, c = state
        a, j, g, o = tf.split(tf.matmul(tf.concat([v, h], 1), w) + bias, 4, 1)
        c = tf.sigmoid(g + 1.0) * c + tf.sigmoid(a) * tf.tanh(j)
        return [tf.sigmoid(o) * tf.tanh(c), c]
    return tf.scan(step, x, initializer=[tf.zeros([2, 4]), tf.zeros([2, 4])])


for form, functional in [("functions", True), ("switch", False)]:
    case("While_" + form, loops, functional=functional, x=f(2, 3))
    case("While_growing_" + form, growing, functional=functional, x=f(1, 3))
    case("While_nested_" + form, nested, functional=functional, x=f(2, 2, low=0.5))
    case("While_weights_" + form, weights_in_loop, functional=functional, x=f(2, 4))
    for truth in [False, True]:
        case("If_%s_%s" % (form, truth), choice, functional=functional, x=f(2, 3) + (1 if truth else -1), c=np.array(truth))
        case("If_nested_%s_%s" % (form, truth), nested_choice, functional=functional, x=f(2, 3), c=np.array(truth))
        case("If_loop_%s_%s" % (form, truth), loop_in_choice, functional=functional, x=f(2, 3), c=np.array(truth))
    case("While_choice_" + form, choice_in_loop, functional=functional, x=f(3))
    case("TensorArray_" + form, array, functional=functional, x=f(4, 3))
    case("Scan_" + form, rnn, functional=functional, x=f(5, 2, 3))
    case("Scan_open_" + form, rnn, open_dims=[0], functional=functional, x=f(5, 2, 3))
    case("LSTM_" + form, lstm, functional=functional, x=f(4, 2, 3))


def called(x):
    @tf.function
    def helper(a, c):
        values, indices = tf.math.top_k(a, 2)
        return values * c, indices
    first, second = helper(x, tf.constant(2.0))
    return [first, second, helper(x + 1.0, tf.constant(3.0))[0]]


case("PartitionedCall", called, x=f(2, 4))
case("Case", lambda x, k: tf.switch_case(k, [lambda: x + 1.0, lambda: x * 2.0, lambda: x - 3.0]), x=f(3), k=np.array(1, np.int32))
case("Case_outside", lambda x, k: tf.switch_case(k, [lambda: x + 1.0, lambda: x * 2.0, lambda: x - 3.0]), x=f(3), k=np.array(9, np.int32))


def asserted(x):
    with tf.control_dependencies([raw.Assert(condition=tf.reduce_all(x > 0.0), data=["x must be positive", x])]):
        return x * 2.0


case("Assert", asserted, functional=False, x=f(3, low=0.1))
case("IfConstant", lambda x: tf.cond(tf.constant(True), lambda: x * 2.0, lambda: raw.Cosh(x=x)), x=f(3))


def main():
    chosen = [a for a in sys.argv[1:] if not a.startswith("-")]
    if "--list" in sys.argv:
        print("\n".join(cases))
        return
    entries = []
    for name, settings in cases.items():
        if chosen and name not in chosen:
            continue
        try:
            entries += record(name, *settings)
        except Exception as error:
            print(name, "is left out:", repr(error)[:200])
    path = os.environ.get("CASES", os.path.join(ROOT, "Tests/Models/tensorflow_ops/cases.xz"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for name, settings in layouts.items():
        if not chosen or name in chosen:
            entries += record_channels_first(name, *settings)
    index = json.dumps([[case, kind, name, array.dtype.name, array.shape] for case, kind, name, array in entries]).encode()
    data = len(index).to_bytes(8, "little") + index + b"".join(np.ascontiguousarray(array).tobytes() for _, _, _, array in entries)
    with lzma.open(path, "wb", preset=9) as file:
        file.write(data)
    print(len([e for e in entries if e[1] == "graph"]), "graphs,", os.path.getsize(path), "bytes")


main()
