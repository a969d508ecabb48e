"""Writes tflite_operators.npz: small TFLite models, one or more for each operator, with inputs and the outputs that LiteRT's reference
kernels give. Needs ai-edge-litert (its schema classes and its interpreter); the test itself, tflite_operators.py, does not.

    tflite_operators_record.py

Entries of the file: NAME/model (bytes), NAME/in/TENSOR, NAME/out/TENSOR. NAME ending in ":refused TEXT" must be refused with that text.
"""
import os
import sys

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter, OpResolverType

RNG = np.random.RandomState(11)
OP = s.BuiltinOperator
F, I, I64, B8, U8, Q8, Q16, C64 = (s.TensorType.FLOAT32, s.TensorType.INT32, s.TensorType.INT64, s.TensorType.BOOL, s.TensorType.UINT8,
                                   s.TensorType.INT8, s.TensorType.INT16, s.TensorType.COMPLEX64)
KINDS = {np.dtype(np.float32): F, np.dtype(np.int32): I, np.dtype(np.int64): I64, np.dtype(np.bool_): B8, np.dtype(np.uint8): U8,
         np.dtype(np.int8): Q8, np.dtype(np.int16): Q16, np.dtype(np.float16): s.TensorType.FLOAT16}


class Writer:
    """One model; `graph` switches to another subgraph."""

    def __init__(self):
        self.model = s.ModelT()
        self.model.version, self.model.description = 3, "test"
        self.model.buffers, self.model.operatorCodes, self.model.subgraphs = [s.BufferT()], [], []
        self.graph("main")

    def graph(self, name):
        self.current = s.SubGraphT()
        self.current.name, self.current.tensors, self.current.operators = name, [], []
        self.current.inputs, self.current.outputs = [], []
        self.model.subgraphs.append(self.current)
        return len(self.model.subgraphs) - 1

    def tensor(self, name, shape, kind=F, quant=None, variable=False):
        t = s.TensorT()
        t.name, t.shape, t.type, t.buffer, t.isVariable = name, list(shape), kind, 0, variable
        if quant:
            t.quantization = s.QuantizationParametersT()
            scale, zero = quant[:2]
            t.quantization.scale = np.atleast_1d(np.float32(scale))
            t.quantization.zeroPoint = np.atleast_1d(np.int64(zero)) if np.ndim(zero) else [zero] * len(t.quantization.scale)
            t.quantization.quantizedDimension = quant[2] if len(quant) > 2 else 0
        self.current.tensors.append(t)
        return len(self.current.tensors) - 1

    def input(self, name, shape, kind=F, quant=None):
        i = self.tensor(name, shape, kind, quant)
        self.current.inputs.append(i)
        return i

    def constant(self, value, quant=None, name=None):
        value = np.asarray(value)
        i = self.tensor(name or "const%d" % len(self.current.tensors), value.shape, KINDS[value.dtype], quant)
        b = s.BufferT()
        b.data = np.frombuffer(value.tobytes(), np.uint8)
        self.model.buffers.append(b)
        self.current.tensors[i].buffer = len(self.model.buffers) - 1
        return i

    def op(self, code, inputs, outputs, options=None, custom=None, version=1, **fields):
        """`options`: name of the options table; `fields` its fields."""
        c = s.OperatorCodeT()
        c.builtinCode, c.deprecatedBuiltinCode, c.version, c.customCode = code, min(code, 127), version, custom and custom[0]
        self.model.operatorCodes.append(c)
        o = s.OperatorT()
        o.opcodeIndex, o.inputs, o.outputs = len(self.model.operatorCodes) - 1, list(inputs), list(outputs)
        if options:
            o.builtinOptionsType = getattr(s.BuiltinOptions, options)
            o.builtinOptions = getattr(s, options + "T")()
            for key, value in fields.items():
                assert hasattr(o.builtinOptions, key), key
                setattr(o.builtinOptions, key, value)
        if custom:
            o.customOptions = np.frombuffer(custom[1], np.uint8)
        self.current.operators.append(o)
        return outputs[0] if outputs else None

    def output(self, *tensors):
        self.current.outputs += tensors

    def bytes(self):
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


ENTRIES = {}


def record(name, writer, inputs, outputs=None, resolver=OpResolverType.BUILTIN_REF, expected=None):
    data = writer.bytes()
    entries = {name + "/model": np.frombuffer(data, np.uint8)}
    for key, value in inputs.items():
        entries["%s/in/%s" % (name, key)] = value
    try:
        if expected is None:
            try:
                interpreter = Interpreter(model_content=data, experimental_op_resolver_type=resolver)
            except ValueError:
                # The reference resolver lacks a few operators.
                interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
            interpreter.allocate_tensors()
            for d in interpreter.get_input_details():
                interpreter.set_tensor(d["index"], inputs[d["name"]])
            interpreter.invoke()
            expected = {d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}
    except Exception as error:
        print("no reference for", name, str(error)[:200])
        return
    for key, value in expected.items():
        entries["%s/out/%s" % (name, key)] = value
    ENTRIES.update(entries)


def refused(name, writer, text):
    ENTRIES["%s:refused %s/model" % (name, text)] = np.frombuffer(writer.bytes(), np.uint8)


def floats(*shape):
    return RNG.uniform(-2, 2, shape).astype(np.float32)


def one(name, code, inputs, out_shape, options=None, out_kind=F, out_quant=None, quant=None, outputs=1, custom=None, version=1, **fields):
    """A model of one operator. `inputs`: ("x", array) pairs are graph inputs, arrays constants, None an operand left out."""
    w = Writer()
    data, indices = {}, []
    for k, value in enumerate(inputs):
        q = quant.get(k) if isinstance(quant, dict) else quant if k == 0 else None
        if value is None:
            indices.append(-1)
        elif isinstance(value, tuple):
            key, array = value
            indices.append(w.input(key, array.shape, KINDS[array.dtype], q))
            data[key] = array
        else:
            indices.append(w.constant(value, q))
    shapes = [out_shape] * outputs if outputs == 1 or not isinstance(out_shape, list) or not isinstance(out_shape[0], (list, tuple)) else out_shape
    kinds = out_kind if isinstance(out_kind, list) else [out_kind] * outputs
    outs = [w.tensor("y%d" % i if outputs > 1 else "y", sh, kd, out_quant) for i, (sh, kd) in enumerate(zip(shapes, kinds))]
    w.op(code, indices, outs, options, custom, version, **fields)
    w.output(*outs)
    record(name, w, data)


def i32(*values):
    return np.array(values, np.int32)


def elementwise():
    x = floats(2, 3, 4)
    for name in ("ABS", "SIN", "COS", "NEG", "EXP", "FLOOR", "CEIL", "SQUARE", "ELU", "SIGN", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1",
                 "TANH", "LOGISTIC", "HARD_SWISH", "ZEROS_LIKE"):
        one(name.lower(), getattr(OP, name), [("x", 2 * x)], x.shape)
    one("round_halves", OP.ROUND, [("x", np.array([-2.5, -1.5, -.5, .5, 1.5, 2.5, .4, -.6], np.float32))], (8,))
    for name in ("SQRT", "RSQRT", "LOG"):
        one(name.lower(), getattr(OP, name), [("x", np.abs(x) + .1)], x.shape)
    one("gelu", OP.GELU, [("x", x)], x.shape, "GeluOptions", approximate=False)
    one("gelu_tanh", OP.GELU, [("x", x)], x.shape, "GeluOptions", approximate=True)
    one("leaky_relu", OP.LEAKY_RELU, [("x", x)], x.shape, "LeakyReluOptions", alpha=.3)
    one("prelu_channels", OP.PRELU, [("x", x), floats(1, 1, 4)], x.shape)
    one("prelu_rows", OP.PRELU, [("x", x), floats(1, 3, 4)], x.shape)
    one("atan2", OP.ATAN2, [("y_in", floats(50)), ("x", floats(50))], (50,))
    one("atan2_axes", OP.ATAN2, [("y_in", np.float32([0, 1, -1, 0, 0, 1e-3])), ("x", np.float32([1, 0, 0, -1, 2, -1e3]))], (6,))
    one("softmax_beta", OP.SOFTMAX, [("x", x)], x.shape, "SoftmaxOptions", beta=.5)
    one("log_softmax", OP.LOG_SOFTMAX, [("x", x)], x.shape, "LogSoftmaxOptions")
    one("l2_normalization", OP.L2_NORMALIZATION, [("x", x)], x.shape, "L2NormOptions")
    for act, number in (("relu", 1), ("relu_n1", 2), ("relu6", 3), ("tanh", 4)):
        if act != "tanh":
            one("add_" + act, OP.ADD, [("x", x), ("z", floats(4))], x.shape, "AddOptions", fusedActivationFunction=number)
            one("add_int_" + act, OP.ADD, [("x", i32(-9, -1, 0, 3, 8)), ("z", i32(1, 1, 1, 1, 1))], (5,), "AddOptions", out_kind=I,
                fusedActivationFunction=number)
    one("sub", OP.SUB, [("x", x), ("z", floats(3, 1))], x.shape, "SubOptions", fusedActivationFunction=1)
    one("mul", OP.MUL, [("x", x), ("z", x + 1)], x.shape, "MulOptions", fusedActivationFunction=3)
    one("div", OP.DIV, [("x", x), ("z", np.abs(x) + 1)], x.shape, "DivOptions", fusedActivationFunction=2)
    one("floor_mod_int", OP.FLOOR_MOD, [("x", i32(7, -7, 7, -7)), ("z", i32(3, 3, -3, -3))], (4,), out_kind=I)
    one("floor_div_int", OP.FLOOR_DIV, [("x", i32(7, -7, 7, -7)), ("z", i32(3, 3, -3, -3))], (4,), out_kind=I)
    one("squared_difference", OP.SQUARED_DIFFERENCE, [("x", x), ("z", floats(1, 4))], x.shape)
    one("cast_float_int", OP.CAST, [("x", x)], x.shape, "CastOptions", out_kind=I, inDataType=F, outDataType=I)
    one("cast_int_bool", OP.CAST, [("x", i32(0, 2, -1))], (3,), "CastOptions", out_kind=B8, inDataType=I, outDataType=B8)
    one("cast_uint8_float", OP.CAST, [("x", np.uint8([0, 7, 255]))], (3,), "CastOptions", inDataType=U8, outDataType=F)
    one("bucketize", OP.BUCKETIZE, [("x", x)], x.shape, "BucketizeOptions", out_kind=I, boundaries=[-1., 0., .5])
    one("fake_quant", OP.FAKE_QUANT, [("x", x)], x.shape, "FakeQuantOptions", min=-1., max=1.5, numBits=8)
    cond = RNG.rand(2, 3, 4) > .5
    one("select", OP.SELECT, [("c", cond), ("x", x), ("z", -x)], x.shape, "SelectOptions")
    one("select_rows", OP.SELECT, [("c", np.array([True, False])), ("x", x), ("z", -x)], x.shape, "SelectOptions")
    one("select_v2", OP.SELECT_V2, [("c", cond[:, :1]), ("x", x), ("z", floats(4))], x.shape, "SelectV2Options")
    one("logical_and", OP.LOGICAL_AND, [("c", cond), ("d", cond[::-1].copy())], x.shape, "LogicalAndOptions", out_kind=B8)
    one("where", OP.WHERE, [("c", cond)], (int(cond.sum()), 3), "WhereOptions", out_kind=I64)


def shapes():
    x = floats(2, 3, 4)
    one("squeeze_axis", OP.SQUEEZE, [("x", floats(1, 3, 1, 2))], (1, 3, 2), "SqueezeOptions", squeezeDims=[-2])
    one("squeeze_all", OP.SQUEEZE, [("x", floats(1, 3, 1, 2))], (3, 2), "SqueezeOptions")
    one("expand_dims", OP.EXPAND_DIMS, [("x", x), i32(-1)], (2, 3, 4, 1))
    one("concat", OP.CONCATENATION, [("x", x), ("z", floats(2, 2, 4))], (2, 5, 4), "ConcatenationOptions", axis=1)
    one("pack", OP.PACK, [("x", x), ("z", -x)], (2, 3, 2, 4), "PackOptions", axis=2, valuesCount=2)
    one("unpack", OP.UNPACK, [("x", x)], (2, 4), "UnpackOptions", outputs=3, num=3, axis=1)
    one("split", OP.SPLIT, [i32(2)[0:1].reshape(()), ("x", x)], (2, 3, 2), "SplitOptions", outputs=2, numSplits=2)
    one("split_v", OP.SPLIT_V, [("x", x), i32(1, -1), np.int32(-1)], [(2, 3, 1), (2, 3, 3)], "SplitVOptions", outputs=2, numSplits=2)
    one("tile", OP.TILE, [("x", x), i32(2, 1, 2)], (4, 3, 8))
    one("pad", OP.PAD, [("x", x), np.int32([[0, 1], [2, 0], [1, 1]])], (3, 5, 6))
    one("padv2", OP.PADV2, [("x", x), np.int32([[0, 1], [2, 0], [1, 1]]), np.float32([7])], (3, 5, 6), "PadV2Options")
    one("mirror_reflect", OP.MIRROR_PAD, [("x", x), np.int32([[1, 0], [2, 1], [0, 3]])], (3, 6, 7), "MirrorPadOptions", mode=0)
    one("mirror_symmetric", OP.MIRROR_PAD, [("x", x), np.int32([[1, 0], [2, 1], [0, 3]])], (3, 6, 7), "MirrorPadOptions", mode=1)
    one("broadcast_to", OP.BROADCAST_TO, [("x", floats(3, 1)), i32(2, 3, 4)], (2, 3, 4), "BroadcastToOptions", version=2)
    one("broadcast_args", OP.BROADCAST_ARGS, [("a", i32(3, 1)), ("b", i32(5, 1, 4))], (3,), out_kind=I)
    one("reverse", OP.REVERSE_V2, [("x", x), i32(1)], x.shape, "ReverseV2Options")
    one("reverse_sequence", OP.REVERSE_SEQUENCE, [("x", x), i32(1, 3)], x.shape, "ReverseSequenceOptions", seqDim=1, batchDim=0)
    one("shape", OP.SHAPE, [("x", x)], (3,), "ShapeOptions", out_kind=I, outType=I)
    one("matrix_diag", OP.MATRIX_DIAG, [("x", floats(2, 3))], (2, 3, 3), "MatrixDiagOptions")
    one("matrix_set_diag", OP.MATRIX_SET_DIAG, [("x", floats(2, 3, 4)), ("d", floats(2, 3))], (2, 3, 4), "MatrixSetDiagOptions")
    for name, (b, e, t, masks, shape) in {
            "shrink": ([1, 0, -1], [2, 3, 4], [1, 1, 1], dict(shrinkAxisMask=5), (3,)),
            "negative": ([1, 2, 3], [-9, 0, 0], [-1, -1, -2], dict(), (2, 2, 2)),
            "negative_masks": ([0, 0, 0], [0, 0, 0], [1, -1, -2], dict(beginMask=7, endMask=7), (2, 3, 2)),
            "ellipsis": ([0, 1], [0, 3], [1, 1], dict(ellipsisMask=1), (2, 3, 2)),
            "new_axis": ([0, 0, 1], [0, 0, 3], [1, 1, 1], dict(newAxisMask=1, beginMask=2, endMask=2), (1, 2, 2, 4)),
            "ellipsis_new": ([0, 0, 1], [0, 0, 3], [1, 1, 2], dict(ellipsisMask=1, newAxisMask=2), (2, 3, 1, 1)),
            "clip": ([-9, 1, 0], [9, 99, 3], [1, 1, 2], dict(), (2, 2, 2)),
            "offset": ([0, 1, 1], [2, 2, 2], [1, 1, 1], dict(offset=True), (2, 2, 2))}.items():
        one("strided_slice_" + name, OP.STRIDED_SLICE, [("x", x), i32(*b), i32(*e), i32(*t)], shape, "StridedSliceOptions", **masks)
    one("slice_rest", OP.SLICE, [("x", x), i32(0, 1, 2), i32(2, -1, 1)], (2, 2, 1))
    one("dynamic_update_slice", OP.DYNAMIC_UPDATE_SLICE, [("x", x), ("u", floats(1, 2, 4)), ("at", i32(1, 5, 0))], x.shape)
    one("dynamic_update_slice_inner", OP.DYNAMIC_UPDATE_SLICE, [("x", x), ("u", floats(2, 1, 2)), ("at", i32(0, 1, 1))], x.shape)
    one("gather", OP.GATHER, [("x", x), i32(2, 0, 2, 1)], (2, 4, 4), "GatherOptions", axis=1)
    one("gather_batch", OP.GATHER, [("x", x), ("i", np.int32([[2, 0], [1, 1]]))], (2, 2, 4), "GatherOptions", axis=1, batchDims=1)
    one("gather_batch_inner", OP.GATHER, [("x", x), ("i", np.int32([[2, 0], [1, 3]]))], (2, 3, 2), "GatherOptions", axis=2, batchDims=1)
    one("gather_nd", OP.GATHER_ND, [("x", x), np.int32([[0, 2], [1, 0]])], (2, 4), "GatherNdOptions")
    one("scatter_nd", OP.SCATTER_ND, [np.int32([[3], [0]]), ("u", floats(2, 3)), i32(4, 3)], (4, 3), "ScatterNdOptions")
    one("one_hot", OP.ONE_HOT, [("i", np.int32([[1, 0], [2, 5]])), np.int32(3), np.float32(2), np.float32(-1)], (2, 3, 2), "OneHotOptions", axis=1)
    one("embedding_lookup", OP.EMBEDDING_LOOKUP, [("i", i32(3, 1)), floats(4, 5)], (2, 5))


def reductions():
    x = floats(2, 3, 4)
    c = RNG.rand(2, 3, 4) > .4
    one("reduce_any", OP.REDUCE_ANY, [("c", c), i32(2)], (2, 3), "ReducerOptions", out_kind=B8)
    one("reduce_all", OP.REDUCE_ALL, [("c", c), i32(0, -1)], (1, 3, 1), "ReducerOptions", out_kind=B8, keepDims=True)
    for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
        one(name.lower() + "_axes", getattr(OP, name), [("x", x), i32(0, -1)], (3,), "ReducerOptions")
    for exclusive in (False, True):
        for reverse in (False, True):
            one("cumsum_%d%d" % (exclusive, reverse), OP.CUMSUM, [("x", x), np.int32(1)], x.shape, "CumsumOptions", exclusive=exclusive, reverse=reverse)
    one("segment_sum", OP.SEGMENT_SUM, [("x", floats(5, 3)), i32(0, 0, 1, 2, 2)], (3, 3), "SegmentSumOptions")
    one("unsorted_segment_sum", OP.UNSORTED_SEGMENT_SUM, [("x", floats(4, 3)), i32(2, 0, 2, 1), np.int32(3)], (3, 3))
    one("topk", OP.TOPK_V2, [("x", x), np.int32(2)], (2, 3, 2), "TopKV2Options", outputs=2, out_kind=[F, I])
    one("arg_min", OP.ARG_MIN, [("x", x), np.int32(-1)], (2, 3), "ArgMinOptions", out_kind=I, outputType=I)
    boxes = np.float32([[0, 0, 1, 1], [0, .1, 1, 1.1], [0, 2, 1, 3], [0, 4, 1, 5]])
    scores = np.float32([.9, .8, .7, .1])
    one("nms_v4", OP.NON_MAX_SUPPRESSION_V4, [("b", boxes), ("s", scores), np.int32(3), np.float32(.5), np.float32(.2)], [(3,), ()],
        "NonMaxSuppressionV4Options", outputs=2, out_kind=I)
    one("nms_v5", OP.NON_MAX_SUPPRESSION_V5, [("b", boxes), ("s", scores), np.int32(3), np.float32(.5), np.float32(.2), np.float32(0)],
        [(3,), (3,), ()], "NonMaxSuppressionV5Options", outputs=3, out_kind=[I, F, I])


def images():
    x = floats(1, 7, 6, 3)
    w, b = floats(4, 3, 3, 3), floats(4)
    for act, number in (("none", 0), ("relu_n1", 2), ("tanh", 4)):
        if act != "tanh":
            one("conv_" + act, OP.CONV_2D, [("x", x), w, b], (1, 4, 3, 4), "Conv2DOptions", padding=0, strideW=2, strideH=2, fusedActivationFunction=number,
                dilationWFactor=1, dilationHFactor=1)
    one("conv_dilated_same", OP.CONV_2D, [("x", x), w, b], (1, 7, 6, 4), "Conv2DOptions", padding=0, strideW=1, strideH=1, dilationWFactor=2,
        dilationHFactor=3)
    one("conv_grouped", OP.CONV_2D, [("x", floats(1, 5, 5, 4)), floats(4, 3, 3, 2), b], (1, 3, 3, 4), "Conv2DOptions", padding=1, strideW=1, strideH=1,
        dilationWFactor=1, dilationHFactor=1)
    one("depthwise_multiplier", OP.DEPTHWISE_CONV_2D, [("x", x), floats(1, 3, 2, 6), floats(6)], (1, 7, 6, 6), "DepthwiseConv2DOptions", padding=0,
        strideW=1, strideH=1, depthMultiplier=2, fusedActivationFunction=1, dilationWFactor=1, dilationHFactor=1)
    for name, (size, stride, padding) in {"same": ((14, 12), 2, 0), "valid": ((15, 13), 2, 1), "same_odd": ((13, 11), 2, 0),
                                          "stride3": ((21, 18), 3, 0)}.items():
        one("transpose_conv_" + name, OP.TRANSPOSE_CONV, [i32(1, *size, 4), floats(4, 3, 3, 3), ("x", x), b], (1, *size, 4), "TransposeConvOptions",
            version=3, padding=padding, strideW=stride, strideH=stride)
    one("l2_pool", OP.L2_POOL_2D, [("x", x)], (1, 3, 3, 3), "Pool2DOptions", padding=1, strideW=2, strideH=2, filterWidth=2, filterHeight=3)
    one("average_pool_same", OP.AVERAGE_POOL_2D, [("x", x)], (1, 4, 3, 3), "Pool2DOptions", padding=0, strideW=2, strideH=2, filterWidth=3, filterHeight=3,
        fusedActivationFunction=2)
    one("max_pool_same", OP.MAX_POOL_2D, [("x", x)], (1, 4, 3, 3), "Pool2DOptions", padding=0, strideW=2, strideH=2, filterWidth=3, filterHeight=3,
        fusedActivationFunction=1)
    for align, half in ((False, False), (True, False), (False, True)):
        for size in ((14, 12), (5, 9), (7, 3)):
            one("bilinear_%d%d_%dx%d" % (align, half, *size), OP.RESIZE_BILINEAR, [("x", x), i32(*size)], (1, *size, 3), "ResizeBilinearOptions",
                version=3, alignCorners=align, halfPixelCenters=half)
            one("nearest_%d%d_%dx%d" % (align, half, *size), OP.RESIZE_NEAREST_NEIGHBOR, [("x", x), i32(*size)], (1, *size, 3),
                "ResizeNearestNeighborOptions", version=3, alignCorners=align, halfPixelCenters=half)
    one("space_to_batch_3d", OP.SPACE_TO_BATCH_ND, [("x", floats(1, 5, 2)), i32(2), np.int32([[1, 0]])], (2, 3, 2), "SpaceToBatchNDOptions")
    one("batch_to_space_4d", OP.BATCH_TO_SPACE_ND, [("x", floats(4, 2, 3, 2)), i32(2, 2), np.int32([[0, 1], [1, 0]])], (1, 3, 5, 2),
        "BatchToSpaceNDOptions")
    one("fully_connected_keep", OP.FULLY_CONNECTED, [("x", floats(2, 3, 4)), floats(5, 4), floats(5)], (2, 3, 5), "FullyConnectedOptions", keepNumDims=True,
        fusedActivationFunction=3, version=5)
    one("fully_connected_flat", OP.FULLY_CONNECTED, [("x", floats(2, 3, 4)), floats(5, 4), None], (6, 5), "FullyConnectedOptions")
    one("fully_connected_computed", OP.FULLY_CONNECTED, [("x", floats(2, 4)), ("w", floats(5, 4)), None], (2, 5), "FullyConnectedOptions", version=5)
    one("batch_matmul", OP.BATCH_MATMUL, [("x", floats(2, 4, 3)), ("z", floats(2, 5, 4))], (2, 3, 5), "BatchMatMulOptions", adjX=True, adjY=True)


def transforms():
    for name, (shape, lengths, width) in {"row": ((2, 1, 16), (1, 16), 9), "plane": ((2, 8, 16), (8, 16), 9)}.items():
        for part in ("REAL", "IMAG", "COMPLEX_ABS"):
            w = Writer()
            x = w.input("x", shape)
            z = w.tensor("z", shape[:-1] + (width,), C64)
            w.op(OP.RFFT2D, [x, w.constant(i32(*lengths))], [z], "Rfft2dOptions")
            y = w.tensor("y", shape[:-1] + (width,))
            w.op(getattr(OP, part), [z], [y])
            w.output(y)
            record("rfft2d_%s_%s" % (name, part.lower()), w, {"x": floats(*shape)})


def recurrent():
    T, N, H, P = 5, 3, 4, 2

    def lstm(name, cifg=False, peephole=False, projection=False, norm=False, clip=0., time_major=False, step=False):
        w = Writer()
        shape = (2, N) if step else (T, 2, N) if time_major else (2, T, N)
        x = floats(*shape)
        out = P if projection else H
        first = lambda k, i, *sh: -1 if cifg and k == 0 else i(*sh)
        make = lambda *sh: w.constant((floats(*sh) / 2).astype(np.float32))
        inputs = [w.input("x", shape)]
        inputs += [first(k, make, H, N) for k in range(4)] + [first(k, make, H, out) for k in range(4)]
        inputs += [(-1 if cifg and k == 0 else make(H)) if peephole else -1 for k in range(3)]
        inputs += [first(k, make, H) for k in range(4)]
        inputs += [make(P, H), -1] if projection else [-1, -1]
        inputs += [w.tensor("h_state", (2, out), variable=True), w.tensor("c_state", (2, H), variable=True)]
        if norm:
            inputs += [first(k, make, H) for k in range(4)]
        y = w.tensor("y", shape[:-1] + (out,))
        if step:
            w.op(OP.LSTM, inputs, [y], "LSTMOptions", version=4 if norm else 1, fusedActivationFunction=4, cellClip=clip)
        else:
            w.op(OP.UNIDIRECTIONAL_SEQUENCE_LSTM, inputs, [y], "UnidirectionalSequenceLSTMOptions", fusedActivationFunction=4, cellClip=clip,
                 timeMajor=time_major)
        w.output(y)
        data = {"x": x}
        record(name, w, data)
        if step:
            for key, width in (("h_state", out), ("c_state", H)):
                ENTRIES["%s/in/%s" % (name, key)] = np.zeros((2, width), np.float32)

    lstm("lstm_sequence")
    lstm("lstm_sequence_time_major", time_major=True)
    lstm("lstm_sequence_cifg", cifg=True)
    lstm("lstm_sequence_peephole", peephole=True)
    lstm("lstm_sequence_projection", projection=True)
    lstm("lstm_sequence_clip", clip=.3)
    lstm("lstm_sequence_norm", norm=True, cifg=True, peephole=True)
    lstm("lstm_step", step=True)

    w = Writer()
    inputs = [w.input("x", (2, T, N))]
    for _ in range(2):
        inputs += [w.constant(floats(H, N) / 2) for _ in range(4)] + [w.constant(floats(H, H) / 2) for _ in range(4)] + [-1] * 3
        inputs += [w.constant(floats(H)) for _ in range(4)] + [-1, -1]
    inputs += [w.tensor("state%d" % k, (2, H), variable=True) for k in range(4)] + [-1] * 9
    y = w.tensor("y", (2, T, 2 * H))
    w.op(OP.BIDIRECTIONAL_SEQUENCE_LSTM, inputs, [y], "BidirectionalSequenceLSTMOptions", fusedActivationFunction=4, mergeOutputs=True, timeMajor=False)
    w.output(y)
    record("lstm_bidirectional", w, {"x": floats(2, T, N)})

    w = Writer()
    inputs = [w.input("x", (2, T, N)), w.constant(floats(H, N)), w.constant(floats(H, H) / 2), w.constant(floats(H)), w.tensor("h", (2, H), variable=True)]
    y = w.tensor("y", (2, T, H))
    w.op(OP.UNIDIRECTIONAL_SEQUENCE_RNN, inputs, [y], "SequenceRNNOptions", fusedActivationFunction=4)
    w.output(y)
    record("rnn_sequence", w, {"x": floats(2, T, N)})

    w = Writer()
    inputs = [w.input("x", (2, T, N))]
    for k in range(2):
        inputs += [w.constant(floats(H, N)), w.constant(floats(H, H) / 2), w.constant(floats(H)), w.tensor("h%d" % k, (2, H), variable=True)]
    y, z = w.tensor("y", (2, T, H)), w.tensor("z", (2, T, H))
    w.op(OP.BIDIRECTIONAL_SEQUENCE_RNN, inputs + [-1] * 3, [y, z], "BidirectionalSequenceRNNOptions", fusedActivationFunction=1)
    w.output(y, z)
    record("rnn_bidirectional", w, {"x": floats(2, T, N)})

    w = Writer()
    inputs = [w.input("x", (2, N)), w.constant(floats(H, N)), w.constant(floats(H, H) / 2), w.constant(floats(H)), w.tensor("h", (2, H), variable=True)]
    y = w.tensor("y", (2, H))
    w.op(OP.RNN, inputs, [y], "RNNOptions", fusedActivationFunction=4)
    w.output(y)
    record("rnn_step", w, {"x": floats(2, N)})
    ENTRIES["rnn_step/in/h"] = np.zeros((2, H), np.float32)

    w = Writer()
    inputs = [w.input("x", (2, N)), w.constant(floats(6, N)), w.constant(floats(6, 3)), w.constant(floats(3)), w.tensor("s", (2, 18), variable=True)]
    y = w.tensor("y", (2, 3))
    w.op(OP.SVDF, inputs, [y], "SVDFOptions", rank=2, fusedActivationFunction=1)
    w.output(y)
    record("svdf", w, {"x": floats(2, N)})
    ENTRIES["svdf/in/s"] = np.zeros((2, 18), np.float32)


def control():
    w = Writer()
    x, c = w.input("x", (3,)), w.input("c", (), B8)
    y = w.tensor("y", (3,))
    w.op(OP.IF, [c, x], [y], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    w.output(y)
    for name, code, options in (("then", OP.ADD, "AddOptions"), ("else", OP.MUL, "MulOptions")):
        w.graph(name)
        a, b = w.input("a_" + name, (3,)), w.tensor("b_" + name, (3,))
        w.op(code, [a, w.constant(np.float32([1, 2, 3]))], [b], options)
        w.output(b)
    for value in (True, False):
        record("if_%s" % str(value).lower(), w, {"x": floats(3), "c": np.array(value)})

    w = Writer()
    x, n = w.input("x", (2, 2)), w.input("n", (), I)
    i, y, z = w.tensor("i", (), I), w.tensor("y", (2, 2)), w.tensor("m", (), I)
    w.op(OP.WHILE, [w.constant(np.int32(0)), x, n], [i, y, z], "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
    w.output(i, y)
    w.graph("cond")
    a, _, m = w.input("ci", (), I), w.input("cx", (2, 2)), w.input("cn", (), I)
    r = w.tensor("cr", (), B8)
    w.op(OP.LESS, [a, m], [r], "LessOptions")
    w.output(r)
    w.graph("body")
    a, v, m = w.input("bi", (), I), w.input("bx", (2, 2)), w.input("bn", (), I)
    b, u = w.tensor("bj", (), I), w.tensor("by", (2, 2))
    w.op(OP.ADD, [a, w.constant(np.int32(1))], [b], "AddOptions")
    w.op(OP.MUL, [v, w.constant(np.float32([[.5, 2], [1, -1]]))], [u], "MulOptions")
    w.output(b, u, m)
    record("while", w, {"x": floats(2, 2), "n": np.int32(5)})

    w = Writer()
    x = w.input("x", (2,))
    y = w.tensor("y", (2,))
    w.op(OP.CALL_ONCE, [], [], "CallOnceOptions", initSubgraphIndex=1)
    h = w.op(OP.VAR_HANDLE, [], [w.tensor("handle", (), s.TensorType.RESOURCE)], "VarHandleOptions", container="", sharedName="total")
    v = w.op(OP.READ_VARIABLE, [h], [w.tensor("before", (2,))], "ReadVariableOptions")
    w.op(OP.ADD, [v, x], [y], "AddOptions")
    w.op(OP.ASSIGN_VARIABLE, [h, y], [], "AssignVariableOptions")
    w.output(y)
    w.graph("init")
    h = w.op(OP.VAR_HANDLE, [], [w.tensor("init_handle", (), s.TensorType.RESOURCE)], "VarHandleOptions", container="", sharedName="total")
    w.op(OP.ASSIGN_VARIABLE, [h, w.constant(np.float32([3, 4]))], [], "AssignVariableOptions")
    x = floats(2)
    # The value for the next run, and the one to start with, are outputs here.
    first = np.float32([3, 4])
    record("variable", w, {"x": x, "total": first}, expected={"y": x + first, "total/next": x + first, "total/initial": first})

    w = Writer()
    x = w.input("x", (2,))
    a, b, c = w.tensor("a", (2,)), w.tensor("b", (2,)), w.tensor("c", (2,))
    w.op(OP.CUSTOM, [x], [a], custom=("FlexErf", b""))
    w.op(OP.CUSTOM, [a], [b], custom=("Mystery", b""))
    w.op(OP.CONV_3D, [b, b, b], [c])
    w.output(c)
    refused("custom", w, "FlexErf;Mystery;CONV_3D")


def custom():
    boxes = (floats(1, 6, 4) / 4).astype(np.float32)
    scores = RNG.uniform(0, 1, (1, 6, 3)).astype(np.float32)
    anchors = np.float32([[.5, .5, 1, 1], [.5, .5, 1, 1], [.2, .2, .3, .3], [.8, .8, .3, .3], [.25, .7, .2, .4], [.7, .3, .5, .2]])
    for regular in (False, True):
        options = flexbuffers.Dumps(dict(max_detections=4, max_classes_per_detection=1, detections_per_class=2, use_regular_nms=regular,
                                         nms_score_threshold=.3, nms_iou_threshold=.5, num_classes=2, y_scale=10., x_scale=10., h_scale=5., w_scale=5.))
        one("detections_%s" % ("regular" if regular else "fast"), OP.CUSTOM, [("b", boxes), ("s", scores), anchors], [(1, 4, 4), (1, 4), (1, 4), (1,)],
            outputs=4, custom=("TFLite_Detection_PostProcess", bytes(options)))
    signal = floats(400, 1)
    options = bytes(flexbuffers.Dumps(dict(window_size=100, stride=80, magnitude_squared=True)))
    one("spectrogram", OP.CUSTOM, [("x", signal)], (1, 4, 65), custom=("AudioSpectrogram", options))
    options = bytes(flexbuffers.Dumps(dict(upper_frequency_limit=4000, lower_frequency_limit=20, filterbank_channel_count=40, dct_coefficient_count=13)))
    one("mfcc", OP.CUSTOM, [("x", np.abs(floats(1, 3, 129))), i32(16000)], (1, 3, 13), custom=("Mfcc", options))


    # MediaPipe's pair, which LiteRT does not have: what is not the greatest of its window becomes 0.
    x = floats(1, 4, 6, 3)
    options = np.int32([1, 3, 2, 3, 2, 0]).tobytes()
    w = Writer()
    a = w.input("x", x.shape)
    pooled, position, y = w.tensor("pooled", (1, 2, 2, 3)), w.tensor("position", (1, 2, 2, 3)), w.tensor("y", x.shape)
    w.op(OP.CUSTOM, [a], [pooled, position], custom=("MaxPoolingWithArgmax2D", options))
    w.op(OP.CUSTOM, [pooled, position], [y], custom=("MaxUnpooling2D", options))
    w.output(pooled, y)
    best = x.reshape(1, 2, 2, 2, 3, 3).max((2, 4))
    record("pool_and_unpool", w, {"x": x}, expected={"pooled": best, "y": np.where(x == best.repeat(2, 1).repeat(3, 2), x, np.float32(0))})


def quantised():
    def q(x, scale, zero, kind):
        info = np.iinfo(kind)
        return np.clip(np.round(x / scale) + zero, info.min, info.max).astype(kind)

    sx, sy = .03, .05
    x = floats(1, 5, 6, 4)
    for kind, zx, zy, label in ((np.int8, 3, -8, "int8"), (np.uint8, 131, 120, "uint8")):
        data = q(x, sx, zx, kind)
        w = q(floats(4, 3, 3, 4), .02, 0 if kind == np.int8 else 125, kind)
        b = RNG.randint(-500, 500, 4).astype(np.int32)
        wq = (.02, 0 if kind == np.int8 else 125)
        wd = q(floats(1, 3, 3, 4), .02, wq[1], kind)
        wf = q(floats(7, 24), .02, wq[1], kind)
        out = dict(out_kind=KINDS[np.dtype(kind)])
        one("conv_" + label, OP.CONV_2D, [("x", data), w, b], (1, 5, 6, 4), "Conv2DOptions", quant={0: (sx, zx), 1: wq, 2: (sx * .02, 0)},
            out_quant=(.1, zy), padding=0, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1, fusedActivationFunction=1, **out)
        one("conv_relu_n1_" + label, OP.CONV_2D, [("x", data), w, b], (1, 5, 6, 4), "Conv2DOptions", quant={0: (sx, zx), 1: wq, 2: (sx * .02, 0)},
            out_quant=(.01, zy), padding=0, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1, fusedActivationFunction=2, **out)
        one("depthwise_" + label, OP.DEPTHWISE_CONV_2D, [("x", data), wd, b], (1, 5, 6, 4), "DepthwiseConv2DOptions",
            quant={0: (sx, zx), 1: wq + (3,), 2: (sx * .02, 0)}, out_quant=(.05, zy), padding=0, strideW=1, strideH=1, depthMultiplier=1,
            dilationWFactor=1, dilationHFactor=1, **out)
        one("fully_connected_" + label, OP.FULLY_CONNECTED, [("x", data.reshape(5, 24)), wf, RNG.randint(-500, 500, 7).astype(np.int32)], (5, 7),
            "FullyConnectedOptions", quant={0: (sx, zx), 1: wq, 2: (sx * .02, 0)}, out_quant=(.1, zy), **out)
        for code, options in ((OP.ADD, "AddOptions"), (OP.SUB, "SubOptions"), (OP.MUL, "MulOptions")):
            one("%s_%s" % (options[:3].lower(), label), code, [("x", data), ("z", data[:, ::-1].copy())], x.shape, options,
                quant={0: (sx, zx), 1: (sx, zx)}, out_quant=(sy, zy), **out)
        one("average_pool_" + label, OP.AVERAGE_POOL_2D, [("x", data)], (1, 3, 3, 4), "Pool2DOptions", quant=(sx, zx), out_quant=(sx, zx), padding=0,
            strideW=2, strideH=2, filterWidth=2, filterHeight=3, **out)
        one("concat_" + label, OP.CONCATENATION, [("x", data), ("z", data)], (1, 5, 6, 8), "ConcatenationOptions", quant={0: (sx, zx), 1: (sx, zx)},
            out_quant=(sx, zx), axis=3, **out)
        one("pad_" + label, OP.PAD, [("x", data), np.int32([[0, 0], [1, 1], [0, 2], [0, 0]])], (1, 7, 8, 4), quant=(sx, zx), out_quant=(sx, zx), **out)
        one("mean_" + label, OP.MEAN, [("x", data), i32(1, 2)], (1, 4), "ReducerOptions", quant=(sx, zx), out_quant=(sy, zy), **out)
        one("logistic_" + label, OP.LOGISTIC, [("x", data)], x.shape, quant=(sx, zx), out_quant=(1 / 256., -128 if kind == np.int8 else 0), **out)
        one("softmax_" + label, OP.SOFTMAX, [("x", data.reshape(5, 24))], (5, 24), "SoftmaxOptions", quant=(sx, zx),
            out_quant=(1 / 256., -128 if kind == np.int8 else 0), beta=1., **out)
        one("bilinear_" + label, OP.RESIZE_BILINEAR, [("x", data)] + [i32(9, 11)], (1, 9, 11, 4), "ResizeBilinearOptions", quant=(sx, zx),
            out_quant=(sx, zx), version=3, halfPixelCenters=True, **out)
        one("quantize_" + label, OP.QUANTIZE, [("x", x)], x.shape, "QuantizeOptions", out_quant=(sx, zx), **out)
        one("dequantize_" + label, OP.DEQUANTIZE, [("x", data)], x.shape, "DequantizeOptions", quant=(sx, zx))
        one("cast_quantised_" + label, OP.CAST, [("x", data)], x.shape, "CastOptions", quant=(sx, zx), inDataType=KINDS[np.dtype(kind)], outDataType=F)
        one("prelu_" + label, OP.PRELU, [("x", data), q(floats(1, 1, 4), .02, wq[1], kind)], x.shape, quant={0: (sx, zx), 1: wq}, out_quant=(sy, zy), **out)
    d = q(x, sx, 3, np.int8)
    one("requantize", OP.QUANTIZE, [("x", d)], x.shape, "QuantizeOptions", quant=(sx, 3), out_quant=(sy, -4), out_kind=Q8)
    scales = (.01, .02, .03, .015)
    w = np.stack([q(floats(3, 3, 4), sc, 0, np.int8) for sc in scales])
    one("conv_channels", OP.CONV_2D, [("x", d), w, RNG.randint(-500, 500, 4).astype(np.int32)], (1, 3, 4, 4), "Conv2DOptions",
        quant={0: (sx, 3), 1: (scales, 0, 0), 2: ([sx * sc for sc in scales], 0, 0)}, out_quant=(.1, -8), out_kind=Q8, padding=1, strideW=1, strideH=1,
        dilationWFactor=1, dilationHFactor=1)
    wd = np.stack([q(floats(1, 3, 3), sc, 0, np.int8) for sc in scales], -1)
    one("depthwise_channels", OP.DEPTHWISE_CONV_2D, [("x", d), wd, RNG.randint(-500, 500, 4).astype(np.int32)], (1, 3, 4, 4), "DepthwiseConv2DOptions",
        quant={0: (sx, 3), 1: (scales, 0, 3), 2: ([sx * sc for sc in scales], 0, 0)}, out_quant=(.1, -8), out_kind=Q8, padding=1, strideW=1, strideH=1,
        depthMultiplier=1, dilationWFactor=1, dilationHFactor=1)
    wt = np.stack([q(floats(3, 3, 4), sc, 0, np.int8) for sc in scales])
    one("transpose_conv_channels", OP.TRANSPOSE_CONV, [i32(1, 10, 12, 4), wt, ("x", d)], (1, 10, 12, 4), "TransposeConvOptions",
        quant={1: (scales, 0, 0), 2: (sx, 3)}, out_quant=(.1, -8), out_kind=Q8, padding=0, strideW=2, strideH=2)
    d16 = q(x, .0002, 0, np.int16)
    one("add_int16", OP.ADD, [("x", d16), ("z", d16)], x.shape, "AddOptions", quant={0: (.0002, 0), 1: (.0002, 0)}, out_quant=(.0003, 0), out_kind=Q16,
        potScaleInt16=False)
    one("conv_int16", OP.CONV_2D, [("x", d16), w, np.zeros(4, np.int64)], (1, 3, 4, 4), "Conv2DOptions",
        quant={0: (.0002, 0), 1: (scales, 0, 0), 2: ([.0002 * sc for sc in scales], 0, 0)}, out_quant=(.002, 0), out_kind=Q16, padding=1, strideW=1,
        strideH=1, dilationWFactor=1, dilationHFactor=1)


def layouts():
    """Buffers behind the FlatBuffer, half-precision weights, the first field for operator codes only."""
    w = Writer()
    x, y, h = w.input("x", (2, 3)), w.tensor("y", (2, 3)), w.tensor("half", (3,))
    value = np.float16([1, 2.5, -3])
    w.op(OP.DEQUANTIZE, [w.constant(value)], [h], "DequantizeOptions")
    w.op(OP.ADD, [x, h], [y], "AddOptions")
    w.output(y)
    record("half_weights", w, {"x": floats(2, 3)})

    w = Writer()
    x, y = w.input("x", (2, 3)), w.tensor("y", (2, 3))
    c = w.constant(np.float32([1, 2, 3]))
    w.op(OP.ADD, [x, c], [y], "AddOptions")
    w.output(y)
    data = floats(2, 3)
    buffer = w.model.buffers[-1]
    content, buffer.data = bytes(buffer.data), None
    buffer.offset, buffer.size = 1 << 20, len(content)
    size = len(w.bytes())
    start = (size + 63) // 64 * 64
    buffer.offset = start
    whole = w.bytes()
    whole += bytes(start - len(whole)) + content

    class Ready:
        def bytes(self):
            return whole
    record("buffer_behind", Ready(), {"x": data}, expected={"y": data + np.float32([1, 2, 3])})


if __name__ == "__main__":
    for part in (elementwise, shapes, reductions, images, transforms, recurrent, control, custom, quantised, layouts):
        part()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tflite_operators.npz")
    np.savez_compressed(path, **ENTRIES)
    print("%d models, %d bytes" % (sum(k.endswith("/model") for k in ENTRIES), os.path.getsize(path)))
