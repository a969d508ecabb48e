"""Small Caffe nets, one or more for every layer type: a net in text form and weights written here, converted, run, and compared
with what numpy computes from the layers' definitions (caffe_reference.py). Also nets that must be refused, with the text of the
refusal, and damaged files.

    python caffe_models.py [part of a case's name]

Needs numpy. Environment: see mslite.py.
"""
import os
import sys
import tempfile

import numpy as np

import mslite
import caffe_reference as ref
from wire import field, varint

RNG = np.random.RandomState(7)
CASES = []
REFUSALS = []


def values(*shape):
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def net_text(inputs, body, v1=False):
    text = 'name: "net"\n'
    for name, x in inputs.items():
        if v1:
            text += 'input: "%s"\n%s\n' % (name, " ".join("input_dim: %d" % d for d in x.shape))
        else:
            dims = " ".join("dim: %d" % d for d in x.shape)
            text += 'layer { name: "%s" type: "Input" top: "%s" input_param { shape { %s } } }\n' % (name, name, dims)
    return text + body


def layer(kind, parameters="", bottoms="x", tops="y", name="l"):
    return 'layer { name: "%s" type: "%s" %s %s %s }\n' % (
        name, kind, " ".join('bottom: "%s"' % b for b in bottoms.split()), " ".join('top: "%s"' % t for t in tops.split()), parameters)


def case(name, inputs, body, expected, weights=None, form="shape", v1=False, text=None, options=()):
    """`inputs`: arrays by name (one array is "x"). `expected`: arrays in the order of the outputs (or one)."""
    if isinstance(inputs, np.ndarray):
        inputs = {"x": inputs}
    if not isinstance(expected, list):
        expected = [expected]
    CASES.append((name, inputs, text or net_text(inputs, body, v1), weights or {}, expected, form, v1, options))


def refusal(name, body, words, weights=None, inputs=None, text=None, raw=None):
    REFUSALS.append((name, text or net_text(inputs or {"x": values(1, 4, 5, 5)}, body), weights or {}, words, raw))


def write(folder, text, weights):
    with open(os.path.join(folder, "net.prototxt"), "w") as f:
        f.write(text)
    with open(os.path.join(folder, "net.caffemodel"), "wb") as f:
        f.write(weights)


def convert(folder, *options):
    path = os.path.join(folder, "net")
    mslite.convert(path + ".prototxt", path, "CAFFE", "--weightFile=" + path + ".caffemodel", "--inputDataFormat=NCHW", *options)
    return path + ".ms"


def check(folder, inputs, text, weights, expected, form, v1, options):
    write(folder, text, ref.caffemodel(weights, form, v1))
    results = mslite.run(convert(folder, *options), inputs)
    if len(results) != len(expected):
        return "%d outputs (%s), %d expected" % (len(results), ", ".join(n for n, _ in results), len(expected))
    for (name, y), e in zip(results, expected):
        e = np.asarray(e)
        if y.shape != e.shape:
            return "%s has the shape %s, %s expected" % (name, y.shape, e.shape)
        error = np.abs(y.astype(np.float64) - e).max() if e.size else 0
        if not error <= 2e-5 * max(np.abs(e).max(), 1e-3):
            return "%s differs by %g of %g" % (name, error, np.abs(e).max())
    return None


# ---- convolutions

def convolutions():
    x = values(2, 6, 9, 8)
    w, b = values(4, 6, 3, 2), values(4)
    case("convolution", x, layer("Convolution", "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 stride: 2 pad_h: 1 pad_w: 0 }"),
         ref.convolution(x, w, b, (2, 2), (1, 0)), {"l": [w, b]})
    case("convolution_lists", x,
         layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 kernel_size: 2 stride: 1 stride: 2 pad: 2 pad: 1 dilation: 2 dilation: 1 bias_term: false }"),
         ref.convolution(x, w, None, (1, 2), (2, 1), (2, 1)), {"l": [w]})
    w3 = values(4, 3, 3, 3)
    case("convolution_group", x, layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 2 pad: 1 engine: CAFFE weight_filler { type: \"xavier\" } }"),
         ref.convolution(x, w3, b, (1, 1), (1, 1), group=2), {"l": [w3, b]})
    wd, bd = values(6, 1, 3, 3), values(6)
    for kind in ("DepthwiseConv", "ConvolutionDepthwise"):
        case("depthwise_" + kind, x, layer(kind, "convolution_param { num_output: 6 kernel_size: 3 stride: 2 pad: 1 }"),
             ref.convolution(x, wd, bd, (2, 2), (1, 1), group=6), {"l": [wd, bd]})
    wm = values(12, 1, 3, 3)
    case("depthwise_multiplier", x, layer("Convolution", "convolution_param { num_output: 12 kernel_size: 3 group: 6 bias_term: false }"),
         ref.convolution(x, wm, group=6), {"l": [wm]})
    line = values(2, 6, 11)
    wl = values(4, 6, 3)
    case("convolution_of_lines", line, layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 }"),
         ref.convolution(line[..., None], wl[..., None], b, (2, 1), (1, 0))[..., 0], {"l": [wl, b]})
    wt, bt = values(6, 4, 4, 3), values(4)
    case("deconvolution", x, layer("Deconvolution", "convolution_param { num_output: 4 kernel_h: 4 kernel_w: 3 stride: 2 pad: 1 }"),
         ref.deconvolution(x, wt, bt, (2, 2), (1, 1)), {"l": [wt, bt]})
    wt2 = values(6, 2, 3, 3)
    case("deconvolution_group", x, layer("Deconvolution", "convolution_param { num_output: 6 kernel_size: 3 stride: 2 group: 3 bias_term: false dilation: 2 }"),
         ref.deconvolution(x, wt2, None, (2, 2), (0, 0), (2, 2), 3), {"l": [wt2]})
    wt3 = values(6, 1, 4, 4)
    case("deconvolution_depthwise", x, layer("Deconvolution", "convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 6 bias_term: false }"),
         ref.deconvolution(x, wt3, None, (2, 2), (1, 1), group=6), {"l": [wt3]})
    for form in ("legacy", "double", "unpacked"):
        case("weights_" + form, x, layer("Convolution", "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 }"),
             ref.convolution(x, w, b), {"l": [w, b]}, form)

    for axis, shape in ((1, (2, 3, 4, 5)), (2, (2, 3, 4, 5)), (-1, (2, 7)), (1, (3, 8))):
        v = values(*shape)
        a = axis % len(shape)
        k = int(np.prod(shape[a:]))
        wf, bf = values(5, k), values(5)
        y = (v.reshape(-1, k) @ wf.T).reshape(shape[:a] + (5,)) + bf
        case("inner_product_axis%d_%dd" % (axis, len(shape)), v, layer("InnerProduct", "inner_product_param { num_output: 5 axis: %d }" % axis), y, {"l": [wf, bf]})
    v = values(2, 3, 4, 5)
    wf = values(60, 7)
    case("inner_product_transpose", v, layer("InnerProduct", "inner_product_param { num_output: 7 transpose: true bias_term: false }"),
         v.reshape(2, -1) @ wf, {"l": [wf]})
    wf, bf = values(7, 60), values(7)
    case("inner_product_legacy", v, layer("InnerProduct", "inner_product_param { num_output: 7 }"), v.reshape(2, -1) @ wf.T + bf, {"l": [wf, bf]}, "legacy")


# ---- pooling

def poolings():
    for mean in (False, True):
        kind = "AVE" if mean else "MAX"
        for h, w, k, s, p, more, ceil in [
                (8, 7, (3, 3), (2, 2), (0, 0), "", True), (7, 7, (2, 2), (2, 2), (0, 0), "", True), (7, 8, (3, 3), (2, 2), (1, 1), "", True),
                (6, 6, (3, 3), (3, 3), (1, 1), "", True), (5, 5, (2, 2), (2, 2), (1, 1), "", True), (3, 3, (2, 2), (2, 2), (1, 1), "", True),
                (9, 5, (4, 3), (3, 2), (2, 1), "", True), (8, 7, (3, 3), (2, 2), (1, 1), "round_mode: FLOOR", False),
                (8, 8, (3, 3), (2, 2), (0, 0), "ceil_mode: false", False), (6, 7, (5, 5), (1, 1), (2, 2), "", True),
                (10, 10, (3, 3), (4, 4), (0, 0), "", True), (11, 6, (3, 2), (4, 3), (2, 1), "", True)]:
            x = values(2, 3, h, w)
            p_text = "pooling_param { pool: %s kernel_h: %d kernel_w: %d stride_h: %d stride_w: %d pad_h: %d pad_w: %d %s }" % (
                kind, *k, *s, *p, more)
            case("pooling_%s_%dx%d_k%d_s%d_p%d%s" % (kind, h, w, k[0], s[0], p[0], "_floor" if not ceil else ""), x, layer("Pooling", p_text),
                 ref.pooling(x, k, s, p, mean, ceil))
        x = values(2, 3, 6, 5)
        case("pooling_global_" + kind, x, layer("Pooling", "pooling_param { pool: %s global_pooling: true }" % kind),
             x.mean((2, 3), keepdims=True) if mean else x.max((2, 3), keepdims=True))
        case("pooling_square_" + kind, x, layer("Pooling", "pooling_param { pool: %s kernel_size: 2 stride: 2 pad: 1 }" % kind),
             ref.pooling(x, (2, 2), (2, 2), (1, 1), mean))


# ---- normalisation and factors

def normalisations():
    x = values(2, 5, 4, 3)
    c = (1, 5, 1, 1)
    mean, variance = values(5), RNG.uniform(0.5, 2, 5).astype(np.float32)
    for factor in (1.0, 2.5, 0.0):
        f = 0 if factor == 0 else 1 / factor
        y = (x - mean.reshape(c) * f) / np.sqrt(variance.reshape(c) * f + 1e-3)
        case("batch_norm_factor%g" % factor, x, layer("BatchNorm", "batch_norm_param { use_global_stats: true eps: 0.001 }"), y,
             {"l": [mean, variance, np.array([factor])]})
    v = values(3, 5)
    case("batch_norm_2d", v, layer("BatchNorm"), (v - mean) / np.sqrt(variance + 1e-5), {"l": [mean, variance, np.ones(1)]})
    t = values(2, 5, 7)
    case("batch_norm_3d", t, layer("BatchNorm"), (t - mean.reshape(1, 5, 1)) / np.sqrt(variance.reshape(1, 5, 1) + 1e-5), {"l": [mean, variance, np.ones(1)]})
    case("batch_norm_of_batch", x, layer("BatchNorm", "batch_norm_param { use_global_stats: false }"),
         (x - x.mean((0, 2, 3), keepdims=True)) / np.sqrt(x.var((0, 2, 3), keepdims=True) + 1e-5))
    s, b = values(5), values(5)
    case("scale", x, layer("Scale", "scale_param { bias_term: true }"), x * s.reshape(c) + b.reshape(c), {"l": [s, b]})
    case("scale_no_bias", x, layer("Scale"), x * s.reshape(c), {"l": [s]})
    w = values(4, 3)
    case("scale_axis2", x, layer("Scale", "scale_param { axis: 2 num_axes: -1 }"), x * w, {"l": [w]})
    w = values(3)
    case("scale_last", x, layer("Scale", "scale_param { axis: -1 bias_term: true }"), x * w + w * 2, {"l": [w, w * 2]})
    case("scale_number", x, layer("Scale", "scale_param { num_axes: 0 bias_term: true }"), x * 3 + 2, {"l": [np.array(3.0), np.array(2.0)]})
    case("scale_2d", v, layer("Scale", "scale_param { bias_term: true }"), v * s + b, {"l": [s, b]})
    w = values(2, 5)
    case("scale_axis0", x, layer("Scale", "scale_param { axis: 0 num_axes: 2 }"), x * w[:, :, None, None], {"l": [w]})
    case("scale_two_bottoms", {"x": x, "f": w}, layer("Scale", "scale_param { axis: 0 bias_term: true }", "x f"), x * w[:, :, None, None] + w[:, :, None, None] / 2, {"l": [w / 2]})
    case("bias", x, layer("Bias"), x + b.reshape(c), {"l": [b]})
    case("bias_two_bottoms", {"x": x, "f": b}, layer("Bias", "", "x f"), x + b.reshape(c))
    case("lrn_channels", x, layer("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.7 k: 2 }"), ref.lrn_channels(x, 3, 0.5, 0.7, 2.0))
    case("lrn_defaults", x, layer("LRN"), ref.lrn_channels(x, 5, 1.0, 0.75, 1.0))
    square = ref.pooling(x.astype(np.float64) ** 2, (3, 3), (1, 1), (1, 1), True)
    case("lrn_pixels", x, layer("LRN", "lrn_param { local_size: 3 alpha: 2 beta: 0.6 norm_region: WITHIN_CHANNEL }"), x * (1 + 2 * square) ** -0.6)
    for axes, text in (((2, 3), ""), ((1, 2, 3), "across_channels: true")):
        centred = x - x.mean(axes, keepdims=True)
        case("mvn_%d" % len(axes), x, layer("MVN", "mvn_param { %s eps: 0.01 }" % text), centred / (np.sqrt((centred ** 2).mean(axes, keepdims=True)) + 0.01))
        case("mvn_mean_%d" % len(axes), x, layer("MVN", "mvn_param { %s normalize_variance: false }" % text), centred)
    for spatial in (True, False):
        for shared in (True, False):
            f = values(1 if shared else 5)
            norm = np.sqrt((x.astype(np.float64) ** 2).sum((1, 2, 3) if spatial else 1, keepdims=True) + 1e-10)
            case("normalize_%d%d" % (spatial, shared), x,
                 layer("Normalize", "norm_param { across_spatial: %s channel_shared: %s scale_filler { value: 20 } }" % (str(spatial).lower(), str(shared).lower())),
                 x / norm * f.reshape(1, -1, 1, 1), {"l": [f]})
    a = RNG.uniform(0, 1, 5).astype(np.float32)
    case("prelu", x, layer("PReLU"), np.where(x > 0, x, x * a.reshape(c)), {"l": [a]})
    case("prelu_shared", x, layer("PReLU", "prelu_param { channel_shared: true }"), np.where(x > 0, x, x * a[0]), {"l": [a[:1]]})
    case("prelu_2d", v, layer("PReLU"), np.where(v > 0, v, v * a), {"l": [a]})
    case("prelu_3d", t, layer("PReLU"), np.where(t > 0, t, t * a.reshape(1, 5, 1)), {"l": [a]})


# ---- functions of elements

def functions():
    x = values(2, 3, 4, 5) * 4
    def simple(kind, y, parameters="", name=None):
        case(name or kind.lower(), x, layer(kind, parameters), y)
    simple("ReLU", np.maximum(x, 0))
    simple("ReLU", np.where(x > 0, x, x * np.float32(0.1)), "relu_param { negative_slope: 0.1 engine: CUDNN }", "leaky_relu")
    simple("ReLU6", x.clip(0, 6))
    simple("Sigmoid", 1 / (1 + np.exp(-x.astype(np.float64))))
    simple("TanH", np.tanh(x.astype(np.float64)))
    simple("ELU", np.where(x > 0, x, 0.7 * (np.exp(x) - 1)), "elu_param { alpha: 0.7 }")
    simple("Elu", np.where(x > 0, x, np.exp(x) - 1), "", "elu_other_name")
    simple("AbsVal", np.abs(x))
    simple("BNLL", np.log1p(np.exp(x.astype(np.float64))))
    simple("Exp", np.exp(x))
    simple("Exp", 2.0 ** (0.5 * x + 1), "exp_param { base: 2 scale: 0.5 shift: 1 }", "exp_base")
    positive = np.abs(x) + np.float32(0.5)
    case("log", positive, layer("Log"), np.log(positive))
    case("log_base", positive, layer("Log", "log_param { base: 10 scale: 2 shift: 0.25 }"), np.log10(2.0 * positive + 0.25))
    simple("Power", (0.1 * x + 2) ** 3, "power_param { power: 3 scale: 0.1 shift: 2 }")
    simple("Power", -2 * x + 1, "power_param { scale: -2 shift: 1 }", "power_1")
    case("power_half", positive, layer("Power", "power_param { power: -0.5 }"), positive.astype(np.float64) ** -0.5)
    simple("Threshold", (x > 0.5).astype(np.float32), "threshold_param { threshold: 0.5 }")
    simple("Swish", x / (1 + np.exp(-2.0 * x)), "swish_param { beta: 2 }")
    simple("Clip", x.clip(-1, 2), "clip_param { min: -1 max: 2 }")
    a, b, c = values(2, 3, 4, 5), values(2, 3, 4, 5), values(2, 3, 4, 5)
    three = {"a": a, "b": b, "c": c}
    case("eltwise_sum", three, layer("Eltwise", "", "a b c"), a + b + c)
    case("eltwise_coeff", three, layer("Eltwise", "eltwise_param { operation: SUM coeff: 1 coeff: -2 coeff: 0.5 }", "a b c"), a - 2 * b + 0.5 * c)
    case("eltwise_prod", three, layer("Eltwise", "eltwise_param { operation: PROD }", "a b c"), a * b * c)
    case("eltwise_max", three, layer("Eltwise", "eltwise_param { operation: MAX }", "a b c"), np.maximum(np.maximum(a, b), c))


# ---- shapes

def shapes():
    x = values(2, 6, 4, 5)
    a, b = values(2, 3, 4, 5), values(2, 2, 4, 5)
    case("concat", {"a": a, "b": b}, layer("Concat", "", "a b"), np.concatenate([a, b], 1))
    case("concat_axis", {"a": a, "b": a}, layer("Concat", "concat_param { axis: -1 }", "a b"), np.concatenate([a, a], 3))
    case("concat_dim", {"a": a, "b": a}, layer("Concat", "concat_param { concat_dim: 2 }", "a b"), np.concatenate([a, a], 2))
    case("slice", x, layer("Slice", "", "x", "y z"), [x[:, :3], x[:, 3:]])
    case("slice_points", x, layer("Slice", "slice_param { axis: 2 slice_point: 1 slice_point: 3 }", "x", "p q r"), [x[:, :, :1], x[:, :, 1:3], x[:, :, 3:]])
    case("slice_dim", x, layer("Slice", "slice_param { slice_dim: 1 slice_point: 2 }", "x", "p q"), [x[:, :2], x[:, 2:]])
    case("split", x, layer("Split", "", "x", "p q") + layer("ReLU", "", "p", "p", "r") + layer("AbsVal", "", "q", "s", "t"), [np.maximum(x, 0), np.abs(x)])
    case("flatten", x, layer("Flatten"), x.reshape(2, -1))
    case("flatten_axes", x, layer("Flatten", "flatten_param { axis: 1 end_axis: 2 }"), x.reshape(2, 24, 5))
    case("flatten_all", x, layer("Flatten", "flatten_param { axis: 0 }"), x.reshape(-1))
    def reshape(name, text, y):
        case("reshape_" + name, x, layer("Reshape", "reshape_param { %s }" % text), y)
    reshape("0_-1", "shape { dim: 0 dim: -1 dim: 4 }", x.reshape(2, -1, 4))
    reshape("copy", "shape { dim: 0 dim: 0 dim: -1 }", x.reshape(2, 6, 20))
    reshape("middle", "shape { dim: 3 dim: 2 } axis: 1 num_axes: 1", x.reshape(2, 3, 2, 4, 5))
    reshape("middle_0", "shape { dim: 0 dim: -1 } axis: 1 num_axes: 3", x.reshape(2, 6, 20))
    reshape("insert", "shape { dim: 1 } axis: -1 num_axes: 0", x[..., None])
    reshape("tail", "shape { dim: -1 } axis: 2", x.reshape(2, 6, 20))
    case("permute", x, layer("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"), x.transpose(0, 2, 3, 1))
    case("permute_short", x, layer("Permute", "permute_param { order: 2 }"), x.transpose(2, 0, 1, 3))
    case("tile", x, layer("Tile", "tile_param { tiles: 3 }"), np.tile(x, (1, 3, 1, 1)))
    case("tile_axis", x, layer("Tile", "tile_param { axis: -1 tiles: 2 }"), np.tile(x, (1, 1, 1, 2)))
    small = values(2, 6, 2, 3)
    case("crop", {"x": x, "r": small}, layer("Crop", "", "x r"), x[:, :, :2, :3])
    case("crop_offset", {"x": x, "r": small}, layer("Crop", "crop_param { offset: 1 }", "x r"), x[:, :, 1:3, 1:4])
    tiny = values(2, 3, 2, 3)
    case("crop_offsets", {"x": x, "r": tiny}, layer("Crop", "crop_param { axis: 1 offset: 2 offset: 0 offset: 1 }", "x r"), x[:, 2:5, 0:2, 1:4])
    case("interp_size", x, layer("Interp", "interp_param { height: 7 width: 3 }"), ref.interpolate(x, 7, 3))
    case("interp_zoom", x, layer("Interp", "interp_param { zoom_factor: 3 }"), ref.interpolate(x, 10, 13))
    case("interp_shrink", x, layer("Interp", "interp_param { shrink_factor: 2 pad_beg: -1 }"), ref.interpolate(x[:, :, 1:, 1:], 2, 2))
    case("interp_second", {"x": x, "r": values(1, 1, 9, 6)}, layer("Interp", "", "x r"), ref.interpolate(x, 9, 6))
    case("upsample", x, layer("Upsample", "upsample_param { scale: 2 }"), x.repeat(2, 2).repeat(2, 3))
    case("upsample_hw", x, layer("Upsample", "upsample_param { scale_h: 1 scale_w: 3 }"), x.repeat(3, 3))
    case("shuffle", x, layer("ShuffleChannel", "shuffle_channel_param { group: 3 }"), x.reshape(2, 3, 2, 4, 5).transpose(0, 2, 1, 3, 4).reshape(x.shape))
    table, bias = values(9, 4), values(4)
    words = np.array([[0, 8, 3], [2, 2, 7]], np.float32)
    case("embed", words, layer("Embed", "embed_param { num_output: 4 input_dim: 9 }"), table[words.astype(int)] + bias, {"l": [table, bias]})
    w = values(6, 3)
    y = values(1, 6, 1, 3)
    case("parameter", {"x": y}, 'layer { name: "p" type: "Parameter" top: "p" parameter_param { shape { dim: 1 dim: 6 dim: 1 dim: 3 } } }\n'
         + layer("Eltwise", "eltwise_param { operation: PROD }", "x p"), y * w.reshape(1, 6, 1, 3), {"p": [w.reshape(1, 6, 1, 3)]})


# ---- reductions and detection

def reductions():
    x = values(2, 6, 4, 5)
    for axis in (1, 2, -1):
        e = np.exp(x.astype(np.float64))
        case("softmax_%d" % axis, x, layer("Softmax", "softmax_param { axis: %d }" % axis), e / e.sum(axis, keepdims=True))
    case("argmax", x, layer("ArgMax"), x.reshape(2, 1, -1).argmax(2, keepdims=True))
    order = np.argsort(-x.reshape(2, -1), 1, "stable")[:, :3]
    both = np.stack([order.astype(np.float32), np.take_along_axis(x.reshape(2, -1), order, 1)], 1)
    case("argmax_both", x, layer("ArgMax", "argmax_param { out_max_val: true top_k: 3 }"), both)
    case("argmax_axis", x, layer("ArgMax", "argmax_param { axis: 1 }"), x.argmax(1)[:, None])
    case("argmax_values", x, layer("ArgMax", "argmax_param { axis: -1 top_k: 2 out_max_val: true }"), -np.sort(-x, 3)[..., :2])
    case("argmax_used", x, layer("ArgMax", "argmax_param { axis: 1 }", "x", "m") + layer("Power", "power_param { scale: 0.5 }", "m", "y", "p"), x.argmax(1)[:, None] * 0.5)
    for kind, f in (("SUM", lambda v: v.sum(-1)), ("ASUM", lambda v: np.abs(v).sum(-1)), ("SUMSQ", lambda v: (v ** 2).sum(-1)), ("MEAN", lambda v: v.mean(-1))):
        for axis, coeff in ((0, 1.0), (1, 2.5), (-2, 1.0), (2, 1e-6)):
            a = axis % 4
            case("reduction_%s_%d_%g" % (kind, axis, coeff), x, layer("Reduction", "reduction_param { operation: %s axis: %d coeff: %g }" % (kind, axis, coeff)),
                 coeff * f(x.astype(np.float64).reshape(x.shape[:a] + (-1,))))
    feature, image = values(1, 2, 3, 4), values(1, 3, 60, 80)
    both = {"f": feature, "i": image}
    for name, text, args in (
            ("prior_box", "min_size: 10 max_size: 20.5 aspect_ratio: 2 aspect_ratio: 3 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2",
             ([10], [20.5], [2, 3], [0.1, 0.1, 0.2, 0.2], True, False, 0, 0.5)),
            ("prior_box_clip", "min_size: 10 min_size: 33.3 aspect_ratio: 2 flip: false clip: true step: 16 offset: 0.25", ([10, 33.3], [], [2], [0.1] * 4, False, True, 16, 0.25))):
        case(name, both, layer("PriorBox", "prior_box_param { %s }" % text, "f i"), ref.prior_boxes((3, 4), (60, 80), *args))


# ---- nets

def nets():
    x = values(2, 3, 8, 8)
    w, b = values(4, 3, 3, 3), values(4)
    s = values(4)
    body = (layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", "x", "c", "c")
            + layer("Scale", "scale_param { bias_term: true }", "c", "c", "sc") + layer("ReLU", "", "c", "c", "r")
            + layer("Dropout", "dropout_param { dropout_ratio: 0.3 }", "c", "c", "d") + layer("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "c", "y", "p"))
    c = np.maximum(ref.convolution(x, w, b) * s.reshape(1, 4, 1, 1) + s.reshape(1, 4, 1, 1), 0)
    case("in_place", x, body, ref.pooling(c, (2, 2), (2, 2)), {"c": [w, b], "sc": [s, s]})
    case("in_place_input", x, layer("ReLU", "", "x", "x", "r") + layer("AbsVal", "", "x", "x", "a"), np.maximum(x, 0))
    v1 = ('layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" blobs_lr: 1 weight_decay: 0 convolution_param { num_output: 4 kernel_size: 3 } }\n'
          'layers { name: "r" type: RELU bottom: "c" top: "c" }\n'
          'layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }\n'
          'layers { name: "f" type: INNER_PRODUCT bottom: "p" top: "f" inner_product_param { num_output: 5 } }\n'
          'layers { name: "l" type: SOFTMAX_LOSS bottom: "f" bottom: "label" top: "loss" include { phase: TRAIN } }\n'
          'layers { name: "s" type: SOFTMAX bottom: "f" top: "s" }\n')
    p = ref.pooling(np.maximum(ref.convolution(x, w, b), 0), (3, 3), (2, 2), (1, 1), True).reshape(2, -1)
    wf, bf = values(5, p.shape[1]), values(5)
    e = np.exp(p @ wf.T + bf)
    for form in ("legacy", "shape"):
        case("v1_" + form, x, v1, e / e.sum(1, keepdims=True), {"c": [w, b], "f": [wf, bf]}, form, True)
    phases = (layer("AbsVal", "include { phase: TRAIN }", "x", "y", "a") + layer("ReLU", "include { phase: TEST }", "x", "y", "b")
              + layer("Power", "exclude { phase: TEST } power_param { scale: 9 }", "y", "y", "c") + layer("Power", "include { stage: \"other\" } power_param { scale: 9 }", "y", "y", "d")
              + layer("Power", "include { not_stage: \"other\" } power_param { scale: 2 }", "y", "y", "e") + layer("Power", "include { min_level: 1 } power_param { scale: 9 }", "y", "y", "f"))
    case("phases", x, phases, np.maximum(x, 0) * 2)
    shape_text = 'input: "x"\ninput_shape { dim: 2 dim: 3 dim: 8 dim: 8 }\n# a comment\n' + layer("ReLU", "unknown_param { a: 1 b { c: \"d\" } e: OFF } loss_weight: 0")
    case("input_shape", x, "", np.maximum(x, 0), text=shape_text)
    case("silence", x, layer("Slice", "slice_param { slice_point: 1 }", "x", "y z") + layer("Silence", "", "z", "", "s"), x[:, :1])
    case("input_is_output", x, layer("Split", "", "x", "y z"), [x, x])
    other = values(1, 3, 6, 10)
    case("given_shape", other, "", np.maximum(other, 0), text=shape_text, options=["--inputShape=x:1,3,6,10"])


# ---- refusals

def refusals():
    conv = layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }")
    w, b = values(4, 4, 3, 3), values(4)
    refusal("no_weights", conv, ['"l"', "no weights"])
    refusal("few_blobs", conv, ['"l"', "1 blobs", "2 are needed"], {"l": [w]})
    refusal("weight_shape", conv, ["[4, 4, 3, 3]", "[4, 3, 3, 3]"], {"l": [values(4, 3, 3, 3), b]})
    refusal("bias_shape", conv, ["bias", "[4]", "[5]"], {"l": [w, values(5)]})
    refusal("unknown_type", layer("Strange", "", "x", "y", "odd"), ['Strange "odd"'])
    refusal("all_at_once", layer("Strange", "", "x", "y", "one") + layer("Weird", "", "x", "z", "two") + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 9 }", "x", "c", "three"),
            ['Strange "one"', 'Weird "two"', 'Convolution "three"'])
    refusal("missing_bottom", layer("ReLU", "", "nothing"), ['"nothing"'])
    refusal("python", layer("Python", "python_param { module: \"m\" layer: \"L\" }"), ["Python"])
    refusal("data_layer", layer("Data", "", "", "d") + layer("ReLU"), ["Input"])
    refusal("stochastic", layer("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }"), ["stochastic"])
    refusal("pool_mask", layer("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "x", "y m"), ["2 tops"])
    refusal("loss", layer("SoftmaxWithLoss", "", "x", "y"), ["labels"])
    refusal("no_input", "", ["no input"], text=layer("ReLU"))
    refusal("bad_text", "", ["text form"], text="layer { name: \"a\" ")
    refusal("bad_number", "", ["text form"], text="input: \"x\" input_dim: 1x2")
    refusal("bad_value", "", ["enumeration"], text='input: "x" input_dim: 1 layer { name: "p" type: "Pooling" bottom: "x" top: "y" pooling_param { pool: SOME } }')
    refusal("both_formats", "", ["two formats"], text='input: "x" layer { name: "a" type: "ReLU" bottom: "x" top: "x" } layers { name: "b" type: RELU bottom: "x" top: "x" }')
    refusal("truncated_weights", conv, ["weights"], {"l": [w, b]}, raw=lambda data: data[:-30])
    refusal("wrong_count", conv, ["does not hold"], raw=lambda _: field(100, field(1, b"l") + field(7, field(7, field(1, varint(1 << 40) * 3)) + field(5, b"\0" * 16))))
    refusal("empty_weights", conv, ["no weights"], raw=lambda _: field(1, b"w"))
    refusal("zero_dims", "", ["shape"], text='input: "x" input_dim: 0 input_dim: 3 input_dim: 3 input_dim: 3\n' + layer("ReLU"))
    refusal("large_stride", layer("Pooling", "pooling_param { kernel_size: 4294967295 stride: 4294967295 }"), ["too large"])


def damaged(folder):
    """Bytes of both files changed or cut off: whatever comes of it, the tool ends by itself, without a crash."""
    x = values(2, 3, 8, 8)
    text = net_text({"x": x}, layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", "x", "c", "c") + layer("Scale", "scale_param { bias_term: true }", "c", "y", "s"))
    weights = ref.caffemodel({"c": [values(4, 3, 3, 3), values(4)], "s": [values(4), values(4)]})
    random = np.random.RandomState(1)
    for i in range(60):
        t, w = bytearray(text.encode()), bytearray(weights)
        for data in (t, w) if i % 3 == 0 else (t,) if i % 3 == 1 else (w,):
            if i % 2:
                del data[random.randint(len(data)):]
            else:
                for _ in range(3):
                    data[random.randint(min(len(data), 400))] = random.randint(256)
        with open(os.path.join(folder, "net.prototxt"), "wb") as f:
            f.write(t)
        with open(os.path.join(folder, "net.caffemodel"), "wb") as f:
            f.write(w)
        try:
            convert(folder)
        except mslite.Refused as error:
            if "ended with" in str(error) or not str(error):
                return "damage %d: %s" % (i, error)
    return None


def main():
    for make in (convolutions, poolings, normalisations, functions, shapes, reductions, nets, refusals):
        make()
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tally = mslite.Tally()

    with tempfile.TemporaryDirectory() as folder:
        for name, *rest in CASES:
            if wanted in name:
                try:
                    tally.note(name, check(folder, *rest))
                except Exception as error:  # a failure of one case must not hide the others
                    tally.note(name, "%s: %s" % (type(error).__name__, error))
        for name, text, weights, words, raw in REFUSALS:
            if wanted not in name:
                continue
            data = ref.caffemodel(weights)
            write(folder, text, raw(data) if raw else data)
            try:
                convert(folder)
                tally.note(name, "was converted")
            except mslite.Refused as error:
                missing = [w for w in words if w not in str(error)]
                tally.note(name, "the text lacks %s: %s" % (missing, error) if missing else None)
        if wanted in "damaged":
            tally.note("damaged", damaged(folder))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
