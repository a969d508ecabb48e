"""Operators of ONNX that the converter expresses by others, in forms that the node tests of the `onnx` package do not have: every
padding and length, dimensions that are open, operands that are computed. Random operands against the package's reference evaluator.

    onnx_operators.py [PART OF A NAME ...]

Needs numpy and onnx. Environment: see mslite.py.
"""
import itertools
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import mslite

generator = np.random.default_rng(1)
folder = tempfile.TemporaryDirectory()
tally = mslite.Tally()


def floats(*shape):
    return generator.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def number(value):
    return np.array(value, np.int64)


def check(operator, inputs, constants=None, order=None, shapes=None, **attributes):
    """Converts and runs one node whose operands are `inputs` and `constants` in `order` (theirs, unless given; "" is none), and compares
    its first result. `shapes`: of the graph's inputs, where dimensions may be open."""
    constants, shapes = constants or {}, shapes or {}
    name = "%s %s %s" % (operator, {k: v for k, v in attributes.items()}, [list(v.shape) for v in inputs.values()])
    if sys.argv[1:] and not any(part in name for part in sys.argv[1:]):
        return
    node = helper.make_node(operator, order or [*inputs, *constants], ["y"], **attributes)
    values = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), shapes.get(k, v.shape)) for k, v in inputs.items()]
    result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "graph", values, [result], [numpy_helper.from_array(v, k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    stem = os.path.join(folder.name, "model")
    onnx.save(model, stem + ".onnx")
    want = ReferenceEvaluator(model).run(None, inputs)[0]
    try:
        mslite.convert(stem + ".onnx", stem, "ONNX", "--inputDataFormat=NCHW")
        got = dict(mslite.Model(stem + ".ms").run(inputs))["y"]
        good = got.shape == want.shape and np.allclose(got, want, rtol=1e-3, atol=1e-4)
        reason = "shape %s instead of %s" % (got.shape, want.shape) if got.shape != want.shape else "values differ"
    except mslite.Refused as error:
        good, reason = False, str(error).replace("\n", " | ")
    tally.check(name, good, reason)


def grid_sample():
    for mode, padding, aligned in itertools.product(["linear", "nearest", "cubic"], ["zeros", "border", "reflection"], [0, 1]):
        for size in [5], [4, 5], [3, 4, 2]:
            grid = generator.uniform(-1.6, 1.6, [2] + [n + 1 for n in size] + [len(size)]).astype(np.float32)
            if len(size) != 2 or mode == "cubic":
                check("GridSample", {"x": floats(2, 3, *size), "grid": grid}, mode=mode, padding_mode=padding, align_corners=aligned)


def fourier():
    for inverse, onesided, length, parts in itertools.product([0, 1], [0, 1], [None, 7, 8, 12], [1, 2]):
        # One-sided are the transform of real numbers and the inverse of what it gives.
        if (inverse and parts == 1) or (onesided and parts == 2 and not inverse):
            continue
        constants = {"axis": number(2)}
        if length:
            constants["length"] = number(length)
        check("DFT", {"x": floats(2, 3, 9, 4, parts)}, constants, ["x", "length" if length else "", "axis"],
              inverse=inverse, onesided=onesided)
    check("DFT", {"x": floats(3, 8, 1)}, shapes={"x": [None, 8, 1]}, onesided=1)
    window = np.hanning(20).astype(np.float32)
    frames = {"step": number(7), "window": window, "length": number(20)}
    check("STFT", {"x": floats(2, 100, 1)}, frames, shapes={"x": [None, None, 1]})
    check("STFT", {"x": floats(2, 100, 1), "window": window}, {"step": number(7)}, ["x", "step", "window"], onesided=0)


def blocks():
    for image, block, strides, dilations, pads in [
            ((7, 9), (3, 2), (2, 3), (1, 2), (1, 0, 1, 2)), ((8, 8), (3, 3), (2, 2), (1, 1), (0, 0, 0, 0)),
            ((9,), (3,), (2,), (2,), (1, 2)), ((5, 6), (2, 2), (3, 3), (1, 1), (0, 0, 0, 0))]:
        n = len(image)
        places = [(image[i] + pads[i] + pads[i + n] - dilations[i] * (block[i] - 1) - 1) // strides[i] + 1 for i in range(n)]
        check("Col2Im", {"x": floats(2, 3 * int(np.prod(block)), int(np.prod(places)))}, {"image": ints(*image), "block": ints(*block)},
              strides=strides, dilations=dilations, pads=pads)


def volumes():
    for strides, dilations, pads, padding in [
            ((1, 1, 1), (1, 1, 1), (0,) * 6, (0, 0, 0)), ((2, 3, 2), (1, 2, 2), (1, 0, 1, 1, 1, 0), (1, 0, 1)),
            ((3, 2, 1), (2, 1, 1), (1, 1, 1, 2, 1, 1), (2, 1, 0))]:
        weights, bias = {"w": floats(4, 3, 3, 3, 3)}, {"b": floats(3)}
        for fixed in True, False:
            check("ConvTranspose", {"x": floats(2, 4, 3, 4, 5), **({} if fixed else weights)}, {**(weights if fixed else {}), **bias},
                  strides=strides, dilations=dilations, pads=pads, output_padding=padding)


def regions():
    rois = np.array([[0, 0, 10, 12], [3, 1, 9, 15], [-3, -2, 30, 30], [2, 2, 2.5, 2.2]], np.float32)
    for mode, rule in itertools.product(["avg", "max"], ["half_pixel", "output_half_pixel"]):
        check("RoiAlign", {"x": floats(2, 3, 9, 8), "rois": rois}, {"images": ints(0, 1, 1, 0)}, mode=mode, output_height=3,
              output_width=4, sampling_ratio=2, spatial_scale=0.5, coordinate_transformation_mode=rule)


def text():
    for mode, (shortest, longest, skips) in itertools.product(["TF", "IDF", "TFIDF"], [(1, 1, 0), (1, 3, 2), (2, 3, 1), (3, 3, 5)]):
        check("TfIdfVectorizer", {"x": generator.integers(0, 4, (2, 9)).astype(np.int32)}, mode=mode, min_gram_length=shortest,
              max_gram_length=longest, max_skip_count=skips, ngram_counts=[0, 3, 7], ngram_indexes=[0, 1, 2, 3, 4, 6, 5],
              pool_int64s=[1, 2, 3, 1, 2, 2, 3, 1, 2, 3, 2, 2, 3], weights=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])


def slices():
    for axis in 0, 1, 2:
        check("Unique", {"x": generator.integers(0, 2, (4, 3, 2)).astype(np.float32)}, axis=axis, sorted=1)


for cases in grid_sample, fourier, blocks, volumes, regions, text, slices:
    cases()
sys.exit(tally.end())
