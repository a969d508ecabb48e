"""ONNX models whose numbers do not fit together, or would take memory out of all proportion: they are refused, and the text says why.

    onnx_refused.py [PART OF A NAME ...]

Needs numpy and onnx. Environment: see mslite.py.
"""
import os
import sys
import tempfile

from onnx import TensorProto, helper, numpy_helper
import numpy as np

import mslite

BIG = 2**31 - 1
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
folder = tempfile.TemporaryDirectory()
tally = mslite.Tally()


def refused(name, text, nodes, inputs, constants=None, output="y", opset=21, sparse=(), functions=()):
    """The model of `nodes` (operator, operands, results, attributes) is refused with an error that says `text`. `inputs`: shapes of float
    inputs, or type and shape. `constants`: arrays, or a float tensor's shape without elements."""
    if sys.argv[1:] and not any(part in name for part in sys.argv[1:]):
        return
    values = []
    for key, shape in inputs.items():
        kind, shape = shape if isinstance(shape, tuple) else (FLOAT, shape)
        values.append(helper.make_tensor_value_info(key, kind, shape))
    fixed = []
    for key, value in (constants or {}).items():
        fixed.append(helper.make_tensor(key, FLOAT, value, []) if isinstance(value, list) else numpy_helper.from_array(value, key))
    made = [n if not isinstance(n, tuple) else helper.make_node(n[0], n[1].split(" "), n[2].split(" "), **n[3]) for n in nodes]
    made = [rename(n) for n in made]
    graph = helper.make_graph(made, "graph", values, [helper.make_tensor_value_info(output, FLOAT, None)], fixed, sparse_initializer=sparse)
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("f", 1)]
    stem = os.path.join(folder.name, "model")
    with open(stem + ".onnx", "wb") as file:
        file.write(helper.make_model(graph, opset_imports=sets, functions=functions).SerializeToString())
    try:
        mslite.convert(stem + ".onnx", stem, "ONNX")
        tally.note(name, "it is converted")
    except mslite.Refused as error:
        tally.check(name, text in str(error), str(error).replace("\n", " | "))


def rename(node):
    """An operand "-" is left out."""
    for i, key in enumerate(node.input):
        if key == "-":
            node.input[i] = ""
    return node


def ints(*values):
    return np.array(values, np.int64)


def reals(*shape):
    return np.ones(shape, np.float32)


def ranks():
    block = {"axis": 1, "block_size": 2}
    refused("block scale of another rank", "does not cover 4 entries of axis 1 out of 2 by blocks of 2",
            [("QuantizeLinear", "x s", "y", block)], {"x": [4, 4]}, {"s": reals(2)})
    refused("scales of an upsampled row", "the operand has rank 3", [("Upsample", "x", "y", {"height_scale": 2.0, "width_scale": 2.0})],
            {"x": [1, 2, 3]}, opset=7)
    refused("layer norm of a scalar", "axis -1 lies outside the rank 0",
            [("SkipLayerNormalization", "x z g", "y", {"domain": "com.microsoft"})], {"x": [], "z": [], "g": []})
    refused("embedding of a scalar", "the operand has rank 0",
            [("EmbedLayerNormalization", "x - w p - g b", "y", {"domain": "com.microsoft"})],
            {"x": (TensorProto.INT32, []), "w": [3, 4], "p": [3, 4], "g": [4], "b": [4]})
    refused("groups of weights without channels", "group %d does not fit" % BIG, [("ConvTranspose", "x w", "y", {"group": BIG})],
            {"x": [1, 0, 4, 4]}, {"w": [0, 1, 3, 3]})
    refused("nine starts", "there are 9 starts", [("Slice", "x s e", "y", {})], {"x": [4], "s": (INT64, [9]), "e": (INT64, [9])})


def shapes():
    refused("elements behind a dimension of 0", "which is too large", [("Relu", "x", "y", {})], {"x": [0, BIG, BIG, BIG]})
    refused("a constant without elements", "which is too large", [("Relu", "c", "y", {})], {}, {"c": [0, BIG, BIG, BIG]})
    refused("a dimension that the format cannot hold", "would have the dimension",
            [("Tile", "x t", "a", {}), ("Tile", "a t", "y", {})], {"x": [0, BIG, 2]}, {"t": ints(1, 2, 1)})
    refused("blocks of an image without pixels", "blocksize %d is impossible" % BIG, [("SpaceToDepth", "x", "y", {"blocksize": BIG, "mode": "CRD"})],
            {"x": [0, 2**20, 0, 0]})
    refused("an unpooled volume", "the result would have the shape", [("MaxUnpool", "x i", "y", {"kernel_shape": [1] * 6, "strides": [2**20] * 6})],
            {"x": [1, 1] + [100] * 6, "i": (INT64, [1, 1] + [100] * 6)})
    refused("a transposed volume", "which is too large", [("ConvTranspose", "x w", "y", {"strides": [2**20] * 3})],
            {"x": ["N", 1] + [2**15] * 3}, {"w": reals(1, 1, 1, 1, 1)})
    refused("a matrix of maxima", "is too large to be expressed", [("ScatterND", "x i u", "y", {"reduction": "max"})],
            {"x": [2**23, 2**23], "i": (INT64, [2**23, 2**22, 2]), "u": [2**23, 2**22]})


def memory():
    value = helper.make_sparse_tensor(numpy_helper.from_array(reals(1), "s"), numpy_helper.from_array(ints(3), "places"), [2**30, 2**10])
    refused("a sparse tensor", "is too large to be held densely", [("Relu", "s", "y", {})], {}, sparse=[value])
    refused("a diagonal", "which are too many", [("Einsum", "x", "y", {"equation": "ii->i"})], {"x": [2**22, 2**22]})
    refused("pixels of regions", "are too large", [("RoiAlign", "x r b", "y", {"sampling_ratio": 1})],
            {"x": [1, 1, BIG, 2], "r": [1, 4], "b": (INT64, [1])})
    refused("copies of heads", "do not fit each other", [("Attention", "x k v", "y", {})], {"x": [1, BIG, 1, 1], "k": [1] * 4, "v": [1] * 4},
            opset=23)
    refused("a causal mask without queries", "do not fit each other", [("Attention", "x k v", "y", {"is_causal": 1})],
            {"x": [1, 1, 0, 1], "k": [1, 1, BIG, 1], "v": [1, 1, BIG, 1]}, opset=23)
    refused("planes of a kernel", "a kernel of %d taps along axis 1 is too large" % 2**20, [("Conv", "x w", "y", {})],
            {"x": [1, 1, 2**21, 1, 1], "w": [1, 1, 2**20, 1, 1]})
    refused("taps of a dilated pool", "taps along axis 2 is too large", [("MaxPool", "x", "y", {"kernel_shape": [2**20], "dilations": [2]})],
            {"x": [1, 1, 2**22]})
    refused("positions of maxima", "are too many", [("MaxPool", "x", "z y", {"kernel_shape": [1, 1], "pads": [2**14] * 4})], {"x": [1, 1, 1, 1]})
    refused("counts of a dilated mean", "would have the dimension 2147483649", [("AveragePool", "x", "y", {"kernel_shape": [2], "dilations": [2], "pads": [1, 1]})],
            {"x": [1, 1, BIG]})
    refused("a repeated edge", "are too large for the mode \"edge\"", [("Pad", "x p", "y", {"mode": "edge"})], {"x": [BIG]}, {"p": ints(1, 1)})
    refused("entries in one block", "are too many for blocks", [("QuantizeLinear", "x s", "y", {"axis": 0, "block_size": BIG})], {"x": [BIG]},
            {"s": reals(1)})
    refused("classes of a loss", "classes are too many", [("NegativeLogLikelihoodLoss", "x t", "y", {})], {"x": [1, BIG], "t": (INT64, [1])})
    refused("a long transform", "a Fourier transform of the length", [("DFT", "x l a", "y", {})], {"x": [1, 1, 1]},
            {"l": np.array(2**22, np.int64), "a": np.array(1, np.int64)}, opset=20)
    refused("a long axis", "is impossible", [("Resize", "x - - s", "y", {"mode": "cubic"})], {"x": [1, 1, 3, 3]}, {"s": ints(1, 1, 2**24, 2**24)})
    many = [("MaxPool", "x", "z%d y%d" % (i, i), {"kernel_shape": [1]}) for i in range(20)]
    refused("positions of maxima, many times", "the constants that the model's nodes stand for are too large", many, {"x": [2**12, 2**12, 1]},
            output="y0")


def nesting():
    """Functions that call each other from within branches."""
    def branch(nodes, result):
        return helper.make_graph(nodes, "branch", [], [helper.make_tensor_value_info(result, FLOAT, None)])

    def function(k):
        inner = branch([helper.make_node("f%d" % (k + 1), ["a", "c"], ["r"], domain="f") if k < 9 else helper.make_node("Relu", ["a"], ["r"])], "r")
        for i in range(20):
            inner = branch([helper.make_node("If", ["c"], ["o%d" % i], then_branch=inner, else_branch=branch(
                [helper.make_node("Identity", ["a"], ["e"])], "e"))], "o%d" % i)
        node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
        return helper.make_function("f", "f%d" % k, ["a", "c"], ["y"], [node], [helper.make_opsetid("", 21), helper.make_opsetid("f", 1)])

    refused("branches in functions in branches", "are nested more than 48 deep", [("f0", "x c", "y", {"domain": "f"})],
            {"x": [2], "c": (TensorProto.BOOL, [])}, functions=[function(k) for k in range(10)])


for cases in ranks, shapes, memory, nesting:
    cases()
sys.exit(tally.end())
