"""Inference models that converter_lite makes training models of: gradients against central differences, training, errors.

    training_models.py [--keep FOLDER] [part of a test's name]

The gradients of small ONNX models that are built here are compared, number by number, with central differences of the loss of the source
model, which onnx's reference evaluator computes in float64. --keep: where to leave the small training models, for the fuzzers. Prints "N passed, N failed". Needs numpy and onnx. Environment: see mslite.py.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import mslite
import mslite_training
import tflite_writer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODELS = os.path.join(ROOT, "Tests/Models")
TOOL = os.environ.get("MSLITE_TOOL", os.path.join(ROOT, "build/bin/mslite"))
WORK = tempfile.mkdtemp(prefix="mslite-training-")
TOLERANCE = 1e-3
# Numbers of each weight whose derivative is compared, at random.
SAMPLES = 12
tally = mslite.Tally()
random = np.random.default_rng(7)


def values(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype(np.float32)


class Network:
    """An ONNX model that is built node by node, in float32 for the converter and in float64 for the reference."""

    def __init__(self, shape, batch=3):
        self.shape, self.batch = list(shape), batch
        self.nodes, self.weights, self.integers = [], {}, {}
        self.last = "x"

    def weight(self, *shape, scale=None):
        fan = np.prod(shape[1:]) if len(shape) > 1 else 4
        return self.constant(values(*shape, scale=scale or 1 / np.sqrt(fan)))

    def constant(self, data):
        """A float constant."""
        name = "w%d" % len(self.weights)
        self.weights[name] = np.asarray(data, np.float32)
        return name

    def ints(self, data):
        name = "i%d" % len(self.integers)
        self.integers[name] = np.asarray(data, np.int64)
        return name

    def add(self, kind, inputs=None, outputs=1, name=None, **attributes):
        """A node that reads the last result, or `inputs`; its result, or results, become the last."""
        made = ["t%d_%d" % (len(self.nodes), i) for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs or [self.last], made, name=name or "n%d_%s" % (len(self.nodes), kind), **attributes))
        self.last = made[0] if outputs == 1 else made
        return self.last

    def with_last(self, kind, *more, **rest):
        return self.add(kind, [self.last, *more], **rest)

    def model(self, double=False, weights=None):
        kind, dtype = (TensorProto.DOUBLE, np.float64) if double else (TensorProto.FLOAT, np.float32)
        weights = weights or self.weights
        constants = [numpy_helper.from_array(np.asarray(w, dtype), n) for n, w in weights.items()]
        constants += [numpy_helper.from_array(w, n) for n, w in self.integers.items()]
        graph = helper.make_graph(
            self.nodes, "net", [helper.make_tensor_value_info("x", kind, [self.batch, *self.shape])],
            [helper.make_tensor_value_info(self.last, kind, None)], constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])

    def reference(self):
        """A function from weights and x to the output, in float64."""
        model = self.model(double=True)

        def run(weights, x):
            for tensor in model.graph.initializer:
                if tensor.name in weights:
                    tensor.CopyFrom(numpy_helper.from_array(np.asarray(weights[tensor.name], np.float64), tensor.name))
            return ReferenceEvaluator(model).run(None, {"x": x.astype(np.float64)})[0]
        return run


def softmax_loss(y, t):
    y = y.reshape(len(y), -1)
    log = y - y.max(1, keepdims=True)
    log = log - np.log(np.exp(log).sum(1, keepdims=True))
    if t.ndim == 1:
        return -log[np.arange(len(y)), t].mean()
    return -(t * log).sum(1).mean()


def smooth_l1(y, t, beta=0.7):
    d = np.abs(y - t)
    return np.where(d < beta, d * d / 2 / beta, d - beta / 2).mean()


LOSSES = {
    "SPARSE_SOFTMAX_CROSS_ENTROPY": softmax_loss, "SOFTMAX_CROSS_ENTROPY": softmax_loss, "MSE": lambda y, t: ((y - t) ** 2).mean(),
    "SIGMOID_CROSS_ENTROPY": lambda y, t: (np.maximum(y, 0) - y * t + np.log1p(np.exp(-np.abs(y)))).mean(),
    "BINARY_CROSS_ENTROPY": lambda y, t: -(t * np.log(y + 1e-12) + (1 - t) * np.log(1 - y + 1e-12)).mean(), "SMOOTH_L1": smooth_l1,
}


def configuration(name, settings):
    path = os.path.join(WORK, name + ".cfg")
    with open(path, "w") as f:
        f.write("[training]\n" + "".join("%s=%s\n" % (key, value) for key, value in settings.items()))
    return path


def convert(source, name, settings, format="ONNX", *options):
    """The path of the training model."""
    target = os.path.join(WORK, name)
    mslite.convert(source, target, format, "--trainModel=true", "--configFile=" + configuration(name, settings), *options)
    return target + ".ms"


def labels_for(loss, shape):
    if loss == "SPARSE_SOFTMAX_CROSS_ENTROPY":
        return random.integers(0, np.prod(shape[1:]), shape[0]).astype(np.int32)
    if loss == "SOFTMAX_CROSS_ENTROPY":
        t = random.random((shape[0], int(np.prod(shape[1:])))).astype(np.float32)
        return t / t.sum(1, keepdims=True)
    if loss in ("SIGMOID_CROSS_ENTROPY", "BINARY_CROSS_ENTROPY"):
        return random.random(shape).astype(np.float32)
    return values(*shape)


def stored(weight, arrays):
    """(name, function) of the constant that holds a weight, and of how a gradient of its form becomes one of the source's."""
    forms = [(weight, lambda g: g.reshape(weight.shape))]
    if weight.ndim == 2:
        forms.append((weight.T, lambda g: g.reshape(weight.T.shape).T))
    if weight.ndim == 4:
        turned = weight.transpose(0, 2, 3, 1)
        forms.append((turned, lambda g: g.reshape(turned.shape).transpose(0, 3, 1, 2)))
        # TFLite's depthwise kernels: [1, kh, kw, C].
        last = weight.transpose(3, 1, 2, 0)
        forms.append((last, lambda g: g.reshape(last.shape).transpose(3, 1, 2, 0)))
    for name, array in arrays.items():
        for form, back in forms:
            if array.size == form.size and np.array_equal(array.ravel(), form.ravel()):
                return name, back
    return None, None


def image(x):
    """As the converted model wants it."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def gradients(path, data, threads=1):
    """(loss, {name of a weight: gradient}): what the accumulators of Momentum hold after one step."""
    model = mslite_training.TrainingModel(path, threads)
    loss = float(next(iter(model.step(data).values())).ravel()[0])
    after = model.weights()
    return loss, {n[len("accumulator."):]: w for n, w in after.items() if n.startswith("accumulator.")}


def compare_gradients(name, path, given, weights, loss_of, untrained=(), step=1e-5):
    """Compares the gradients of a training model with central differences of `loss_of`, which is given the weights that differ."""
    got_loss, got = gradients(path, given)
    same = gradients(path, given, threads=2)
    tally.check(name + ": two threads", got_loss == same[0] and all(np.array_equal(got[n], same[1][n]) for n in got), "bits differ")
    want_loss = loss_of({})
    tally.check(name + ": loss", abs(got_loss - want_loss) < TOLERANCE * max(abs(want_loss), 1e-3), "%g instead of %g" % (got_loss, want_loss))
    arrays = mslite_training.TrainingModel(path).weights()
    arrays = {n: arrays[n] for n in got}
    checked = 0
    for key, weight in weights.items():
        place, back = stored(weight, arrays)
        if key in untrained:
            tally.check("%s: %s stays" % (name, key), place is None, "it is trained as %s" % place)
            continue
        if place is None:
            tally.note("%s: %s" % (name, key), "no such weight is trained; there are %s" % sorted(arrays))
            continue
        checked += 1
        own = back(got[place])
        chosen = random.permutation(weight.size)[:SAMPLES]
        want = []
        for i in chosen:
            sides = []
            for sign in (1, -1):
                changed = weight.astype(np.float64)
                changed.ravel()[i] += sign * step
                sides.append(loss_of({key: changed}))
            want.append((sides[0] - sides[1]) / 2 / step)
        want, seen = np.array(want), own.ravel()[chosen].astype(np.float64)
        worst = np.abs(seen - want).max() / max(np.abs(want).max(), 1e-6)
        tally.check("%s: gradient of %s %s" % (name, key, weight.shape), worst < TOLERANCE, "relative error %.1e of %.1e" % (worst, np.abs(want).max()))
    tally.check(name + ": weights", len(arrays) == checked, "trained, but no weight of the source: %d of %s" % (len(arrays) - checked, sorted(arrays)))


def check_network(name, network, loss="SPARSE_SOFTMAX_CROSS_ENTROPY", x=None, untrained=(), reference=None, step=1e-5, **settings):
    """Compares all gradients of a network with central differences. `untrained`: weights that must have no gradient. `step`: of the
    differences; the reference evaluator's Erf has float32's precision and wants a large one."""
    settings = {"loss": loss, "optimizer": "MOMENTUM", "momentum": 0, "learning_rate": 0, **settings}
    if loss == "SMOOTH_L1":
        settings["beta"] = 0.7
    source = os.path.join(WORK, name + ".onnx")
    try:
        onnx.save(network.model(), source)
        path = convert(source, name, settings)
        x = values(network.batch, *network.shape) if x is None else x
        run = reference or network.reference()
        shape = run(network.weights, x).shape
        t = labels_for(loss, shape)
        given = {"x": image(x), "label": t}
        compare_gradients(name, path, given, network.weights, lambda weights: LOSSES[loss](run({**network.weights, **weights}, x), t), untrained, step)
    except (mslite.Refused, KeyError, ValueError) as error:
        tally.note(name, "%s: %s" % (type(error).__name__, error))


TESTS = []


def test(function):
    TESTS.append(function)
    return function


# ---- operators


def dense(network, n, m, bias=True):
    """Gemm with the weights as PyTorch has them."""
    w = network.weight(m, n)
    network.with_last("Gemm", w, *([network.weight(m)] if bias else []), transB=1)
    return network


def classifier(network, channels, classes=4):
    """Averages over the pixels, then a dense layer."""
    network.add("GlobalAveragePool")
    network.add("Flatten")
    return dense(network, channels, classes)


@test
def losses():
    for loss in LOSSES:
        network = dense(Network([6]), 6, 5)
        network.add("Tanh")
        dense(network, 5, 3)
        if loss == "BINARY_CROSS_ENTROPY":
            network.add("Sigmoid")
        check_network("loss_" + loss.lower(), network, loss)


@test
def activations():
    for kind, attributes in [("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("HardSwish", {}), ("LeakyRelu", {"alpha": 0.1}), ("Elu", {"alpha": 0.7}),
                             ("Selu", {}), ("Softplus", {}), ("Softmax", {"axis": -1}), ("LogSoftmax", {"axis": 1}), ("Exp", {}), ("Erf", {}), ("Abs", {}),
                             ("Neg", {}), ("Sin", {}), ("Cos", {}), ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}), ("Softsign", {})]:
        network = dense(Network([6]), 6, 8)
        network.add(kind, **attributes)
        dense(network, 8, 3)
        check_network("activation_" + kind.lower(), network, step=1e-3 if kind == "Erf" else 1e-5)


@test
def clips():
    network = dense(Network([6]), 6, 8)
    network.with_last("Clip", network.constant(0.0), network.constant(6.0))
    network.with_last("Mul", network.constant(1.5))
    network.with_last("Clip", network.constant(-0.4), network.constant(0.3))
    dense(network, 8, 3)
    check_network("clips", network, untrained=("w2", "w3", "w4", "w5", "w6"))


@test
def positive_functions():
    for kind in ("Sqrt", "Log", "Reciprocal"):
        network = dense(Network([6]), 6, 8)
        network.with_last("Mul", network.last)
        network.with_last("Add", network.constant(0.5))
        network.add(kind)
        dense(network, 8, 3)
        check_network("positive_" + kind.lower(), network, untrained=("w2",))
    network = dense(Network([6]), 6, 8)
    network.add("Sigmoid")
    network.with_last("Pow", network.constant(2.5))
    dense(network, 8, 3)
    check_network("power", network, untrained=("w2",))


@test
def prelu():
    network = Network([3, 5, 5])
    network.with_last("Conv", network.weight(4, 3, 3, 3), network.weight(4), pads=[1, 1, 1, 1])
    network.with_last("PRelu", network.weight(4, 1, 1))
    check_network("prelu", classifier(network, 4))


@test
def gelu():
    network = dense(Network([6]), 6, 8)
    h = network.last
    network.with_last("Div", network.constant(np.sqrt(2)))
    network.add("Erf")
    network.with_last("Add", network.constant(1.0))
    network.with_last("Mul", h)
    network.with_last("Mul", network.constant(0.5))
    dense(network, 8, 3)
    check_network("gelu", network, untrained=("w2", "w3", "w4"), step=1e-3)


@test
def convolutions():
    for name, shape, weight, attributes in [
            ("plain", [3, 7, 6], (5, 3, 3, 3), {}), ("padded", [3, 7, 6], (5, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
            ("uneven", [3, 8, 7], (5, 3, 3, 2), {"pads": [0, 1, 2, 0], "strides": [2, 1]}),
            ("strided", [2, 9, 9], (4, 2, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
            ("dilated", [2, 9, 9], (4, 2, 3, 3), {"dilations": [2, 2]}), ("pointwise", [6, 5, 5], (4, 6, 1, 1), {}),
            ("depthwise", [6, 7, 7], (6, 1, 3, 3), {"group": 6, "pads": [1, 1, 1, 1]}),
            ("depthwise_strided", [6, 8, 8], (6, 1, 3, 3), {"group": 6, "pads": [0, 0, 1, 1], "strides": [2, 2]}),
            ("grouped", [6, 7, 7], (4, 3, 3, 3), {"group": 2})]:
        for first in (False, True):
            network = Network(shape)
            if first:
                # So that the gradient of the image is needed.
                network.with_last("Conv", network.weight(shape[0], shape[0], 1, 1), network.weight(shape[0]))
                network.add("Tanh")
            network.with_last("Conv", network.weight(*weight), network.weight(weight[0]), **attributes)
            network.add("Relu")
            check_network("conv_%s%s" % (name, "_inner" if first else ""), classifier(network, weight[0]))


@test
def transposed_convolutions():
    for name, weight, attributes in [("plain", (4, 5, 3, 3), {"strides": [2, 2]}), ("padded", (4, 5, 3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
                                     ("larger", (4, 5, 3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]})]:
        network = Network([3, 4, 5])
        network.with_last("Conv", network.weight(4, 3, 1, 1), network.weight(4))
        network.with_last("ConvTranspose", network.weight(*weight, scale=0.3), network.weight(5), **attributes)
        network.add("Tanh")
        check_network("transposed_" + name, network, "MSE")


@test
def pools():
    for kind, name, attributes in [
            ("MaxPool", "plain", {"kernel_shape": [2, 2], "strides": [2, 2]}), ("MaxPool", "overlapping", {"kernel_shape": [3, 3], "strides": [2, 2]}),
            ("MaxPool", "padded", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
            ("MaxPool", "as_same", {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}),
            ("MaxPool", "up", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
            ("AveragePool", "plain", {"kernel_shape": [2, 2], "strides": [2, 2]}), ("AveragePool", "overlapping", {"kernel_shape": [3, 2], "strides": [1, 2]}),
            ("AveragePool", "as_same", {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}), ("GlobalMaxPool", "all", {}),
            ("GlobalAveragePool", "all", {})]:
        network = Network([3, 8, 8])
        network.with_last("Conv", network.weight(4, 3, 3, 3), network.weight(4), pads=[1, 1, 1, 1])
        network.add(kind, **attributes)
        network.with_last("Conv", network.weight(4, 4, 1, 1), network.weight(4))
        network.add("Tanh")
        check_network("pool_%s_%s" % (kind.lower(), name), classifier(network, 4))


@test
def arithmetic():
    network = dense(Network([6]), 6, 8)
    h = network.last
    a = dense(network, 8, 8).last
    for kind, shape in [("Add", (8,)), ("Mul", (8,)), ("Sub", (1, 8)), ("Div", (8,))]:
        data = values(*shape)
        network.with_last(kind, network.constant(np.sign(data) * (np.abs(data) + 1) if kind == "Div" else data))
    network.with_last("Add", h)
    network.with_last("Mul", h)
    network.with_last("Sub", a)
    network.with_last("Max", h)
    network.with_last("Min", network.constant(np.float32(1.5)))
    network.add("Sum", [network.last, h, a])
    dense(network, 8, 3)
    check_network("arithmetic", network, untrained=("w8",))
    # Broadcast between results: gates of channels, rows and columns.
    network = Network([4, 5, 6])
    network.with_last("Conv", network.weight(4, 4, 1, 1), network.weight(4))
    h = network.last
    network.add("GlobalAveragePool")
    network.with_last("Conv", network.weight(4, 4, 1, 1), network.weight(4))
    network.add("Sigmoid")
    network.with_last("Mul", h)
    rows = network.add("ReduceMean", axes=[2], keepdims=1)
    network.add("Add", [rows, h])
    both = network.last
    network.add("Exp", [network.add("ReduceMean", [h], axes=[1], keepdims=1)])
    network.add("Div", [both, network.last])
    network.add("Mul", [h, network.last])
    check_network("broadcast", classifier(network, 4))


@test
def matrix_products():
    network = Network([5, 6])
    network.with_last("MatMul", network.weight(6, 8))
    network.with_last("Add", network.weight(8))
    h = network.last
    network.add("Transpose", perm=[0, 2, 1])
    t = network.last
    network.add("MatMul", [h, t])
    network.add("Softmax", axis=-1)
    network.with_last("MatMul", h)
    network.add("ReduceMean", axes=[1], keepdims=0)
    dense(network, 8, 3)
    check_network("attention", network)
    network = Network([5, 6])
    network.with_last("MatMul", network.weight(6, 8))
    network.add("MatMul", [network.weight(4, 5), network.last])
    network.add("Tanh")
    network.add("Flatten")
    dense(network, 32, 3)
    check_network("matmul_left", network)
    network = Network([6])
    network.with_last("Gemm", network.weight(6, 8), network.weight(8))
    network.add("Tanh")
    network.with_last("MatMul", network.weight(8, 5))
    dense(network, 5, 3, bias=False)
    check_network("gemm", network)


@test
def normalisations():
    network = dense(Network([6]), 6, 8)
    network.with_last("LayerNormalization", network.weight(8), network.weight(8), axis=-1, epsilon=1e-3)
    dense(network, 8, 3)
    check_network("layer_norm", network)
    network = Network([5, 6])
    network.with_last("MatMul", network.weight(6, 8))
    mean = network.add("ReduceMean", axes=[-1], keepdims=1)
    centred = network.add("Sub", ["t0_0", mean])
    network.add("Mul", [centred, centred])
    network.add("ReduceMean", axes=[-1], keepdims=1)
    network.with_last("Add", network.constant(1e-2))
    network.add("Sqrt")
    network.add("Div", [centred, network.last])
    network.with_last("Mul", network.weight(8))
    network.with_last("Add", network.weight(8))
    network.add("Flatten")
    dense(network, 40, 3)
    check_network("layer_norm_pattern", network, untrained=("w1",))


def batch_normalised(dimensions=4):
    network = Network([3, 5, 5] if dimensions == 4 else [6], batch=5)
    if dimensions == 4:
        network.with_last("Conv", network.weight(4, 3, 3, 3))
    else:
        network.with_last("Gemm", network.weight(6, 4))
    network.with_last("BatchNormalization", network.weight(4), network.weight(4), network.weight(4), network.constant(np.abs(values(4)) + 0.5), epsilon=1e-3)
    network.add("Relu")
    return classifier(network, 4) if dimensions == 4 else dense(network, 4, 3)


def by_batch(network):
    """A batch normalisation as it trains."""
    run = network.reference()
    at = next(i for i, node in enumerate(network.nodes) if node.op_type == "BatchNormalization")
    first = Network(network.shape, network.batch)
    first.nodes, first.weights, first.last = network.nodes[:at], network.weights, network.nodes[at].input[0]
    before = first.reference()

    def trained(weights, x):
        made = before(weights, x)
        axes = tuple(a for a in range(made.ndim) if a != 1)
        _, _, _, mean, variance = network.nodes[at].input
        return run({**weights, mean: made.mean(axes), variance: made.var(axes)}, x)
    return trained


@test
def batch_norms():
    for dimensions in (4, 2):
        network = batch_normalised(dimensions)
        check_network("batch_norm_running_%d" % dimensions, network, untrained=("w3", "w4"), batch_norm="RUNNING")
        network = batch_normalised(dimensions)
        check_network("batch_norm_batch_%d" % dimensions, network, untrained=("w3", "w4"), reference=by_batch(network))


@test
def running_statistics():
    """Training moves the running statistics by the share that the source states, and what is frozen keeps its own."""
    network = batch_normalised()
    onnx.save(network.model(), os.path.join(WORK, "running.onnx"))
    x, t = values(5, 3, 5, 5), random.integers(0, 4, 5).astype(np.int32)
    made = Network(network.shape, 5)
    made.nodes, made.weights, made.last = network.nodes[:1], network.weights, network.nodes[0].output[0]
    y = made.reference()(network.weights, x)
    for name, settings in (("trained", {}), ("frozen", {"train_last_layers": 1})):
        path = convert(os.path.join(WORK, "running.onnx"), "running_" + name, {"optimizer": "SGD", "learning_rate": 0, **settings})
        model = mslite_training.TrainingModel(path)
        before = {n: w.copy() for n, w in model.weights().items()}
        model.step({"x": image(x), "label": t})
        after = model.weights()
        changed = {n for n in after if not np.array_equal(before[n], after[n]) and not n.startswith(("stat.", "accumulator."))}
        if name == "frozen":
            tally.check("running_statistics: frozen ones stay", not changed, sorted(changed))
            continue
        for key, batch in (("w3", y.mean((0, 2, 3))), ("w4", y.var((0, 2, 3)))):
            want = network.weights[key] * 0.9 + 0.1 * batch
            tally.check("running_statistics: %s" % key, any(np.allclose(after[n], want, rtol=1e-4, atol=1e-5) for n in changed), "none of %s" % sorted(changed))


@test
def arrangements():
    network = Network([4, 6, 5])
    network.with_last("Conv", network.weight(6, 4, 1, 1), network.weight(6))
    h = network.last
    a, b, c = network.with_last("Split", network.ints([1, 2, 3]), outputs=3, axis=1)
    network.add("Concat", [c, a, h], axis=1)
    network.with_last("Slice", network.ints([1, 1]), network.ints([9, 5]), network.ints([1, 2]))
    network.with_last("Pad", network.ints([0, 0, 1, 0, 0, 0, 2, 1]), mode="constant")
    network.add("Transpose", perm=[0, 2, 3, 1])
    network.with_last("Reshape", network.ints([3, -1, 8]))
    network.with_last("Unsqueeze", network.ints([2]))
    network.with_last("Squeeze", network.ints([2]))
    network.add("ReduceSum", [network.last, network.ints([1])], keepdims=0)
    network.add("Flatten")
    dense(network, 8, 3)
    check_network("arrangements", network)
    network = Network([4, 6, 5])
    network.with_last("Conv", network.weight(6, 4, 1, 1), network.weight(6))
    network.with_last("Slice", network.ints([0, 1]), network.ints([6, 5]), network.ints([2, 3]), network.ints([2, 1]))
    network.with_last("Expand", network.ints([3, 6, 3, 4]))
    network.add("ReduceMean", axes=[1, 2, 3], keepdims=0)
    network.with_last("Unsqueeze", network.ints([1]))
    dense(network, 1, 3)
    check_network("strided_slice", network)
    network = Network([4, 5])
    network.with_last("MatMul", network.weight(5, 6))
    network.add("ReduceMean", axes=[1], keepdims=1)
    network.with_last("Expand", network.ints([3, 4, 6]))
    network.with_last("MatMul", network.weight(6, 2))
    network.add("Tanh")
    network.add("Flatten")
    dense(network, 8, 3)
    check_network("expand", network)
    network = Network([4, 5])
    network.with_last("MatMul", network.weight(5, 6))
    h = network.last
    network.add("ReduceMax", axes=[1], keepdims=0)
    top = network.last
    network.add("ReduceMin", [h], axes=[-2, -1], keepdims=1)
    network.add("Squeeze", [network.last, network.ints([1])])
    network.with_last("Mul", top)
    dense(network, 6, 3)
    check_network("extremes", network)
    network = dense(Network([6]), 6, 8)
    network.add("ReduceSumSquare", axes=[1], keepdims=1)
    dense(network, 1, 3)
    check_network("sum_of_squares", network)


@test
def resizes():
    for name, attributes in [("nearest", {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
                             ("linear", {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
                             ("linear_half", {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}),
                             ("cubic_half", {"mode": "cubic", "coordinate_transformation_mode": "half_pixel"}),
                             ("linear_asymmetric", {"mode": "linear", "coordinate_transformation_mode": "asymmetric"})]:
        network = Network([2, 4, 5])
        network.with_last("Conv", network.weight(3, 2, 1, 1), network.weight(3))
        network.nodes.append(helper.make_node("Resize", [network.last, "", "", network.ints([3, 3, 8, 10])], ["resized"], name="resize", **attributes))
        network.last = "resized"
        network.with_last("Conv", network.weight(3, 3, 3, 3), network.weight(3))
        network.add("Tanh")
        check_network("resize_" + name, network, "MSE")


@test
def embedding():
    network = Network([4])
    table = network.weight(7, 6, scale=1)
    network.add("Cast", to=TensorProto.INT64)
    network.add("Gather", [table, network.last], axis=0)
    network.add("Tanh")
    network.add("ReduceMean", axes=[1], keepdims=0)
    dense(network, 6, 3)
    check_network("embedding", network, x=np.array([[1, 3, 0, 3], [6, 1, 1, 2], [5, 0, 4, 4]], np.float32))


@test
def residual_network():
    network = Network([3, 8, 8])
    network.with_last("Conv", network.weight(8, 3, 3, 3), network.weight(8), pads=[1, 1, 1, 1], strides=[2, 2])
    network.with_last("Clip", network.constant(0.0), network.constant(6.0))
    h = network.last
    network.with_last("Conv", network.weight(16, 8, 1, 1), network.weight(16))
    network.add("HardSwish")
    network.with_last("Conv", network.weight(16, 1, 3, 3), network.weight(16), pads=[1, 1, 1, 1], group=16)
    network.add("HardSwish")
    network.with_last("Conv", network.weight(8, 16, 1, 1), network.weight(8))
    network.with_last("Add", h)
    check_network("residual", classifier(network, 8), untrained=("w2", "w3"))


# ---- TFLite: channels last, activations that are part of other nodes


def windows(x, kh, kw, stride, fill):
    """[N, h, w, C, kh, kw], padded as SAME wants it."""
    pads = [(0, 0)]
    for size, k in ((x.shape[1], kh), (x.shape[2], kw)):
        whole = max(((size + stride - 1) // stride - 1) * stride + k - size, 0)
        pads.append((whole // 2, whole - whole // 2))
    x = np.pad(x, pads + [(0, 0)], constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (1, 2))[:, ::stride, ::stride]


@test
def tflite_network():
    w = {"first": values(6, 3, 3, 3, scale=0.3), "first_bias": values(6), "depth": values(1, 3, 3, 6, scale=0.5), "depth_bias": values(6),
         "point": values(6, 1, 1, 6, scale=0.5), "point_bias": values(6), "dense": values(5, 6), "dense_bias": values(5)}
    net = tflite_writer.Network([2, 9, 8, 3])
    c = {name: net.constant(weight) for name, weight in w.items()}
    net.add("CONV_2D", [0, c["first"], c["first_bias"]], [2, 5, 4, 6], "Conv2D", padding=tflite_writer.SAME, stride_w=2, stride_h=2,
            activation=tflite_writer.RELU6)
    h = net.last
    net.add("DEPTHWISE_CONV_2D", [h, c["depth"], c["depth_bias"]], [2, 5, 4, 6], "DepthwiseConv2D", padding=tflite_writer.SAME, stride_w=1,
            stride_h=1, depth_multiplier=1, activation=tflite_writer.RELU)
    net.add("CONV_2D", [net.last, c["point"], c["point_bias"]], [2, 5, 4, 6], "Conv2D", padding=tflite_writer.VALID, stride_w=1, stride_h=1)
    net.add("ADD", [net.last, h], [2, 5, 4, 6], "Add", activation=tflite_writer.RELU)
    net.add("MAX_POOL_2D", [net.last], [2, 3, 2, 6], "Pool2D", padding=tflite_writer.SAME, stride_w=2, stride_h=2, filter_w=3, filter_h=3)
    net.add("MEAN", [net.last, net.constant(np.array([1, 2], np.int32))], [2, 6], "Reducer", keep_dims=False)
    net.add("FULLY_CONNECTED", [net.last, c["dense"], c["dense_bias"]], [2, 5], "FullyConnected")
    net.add("SOFTMAX", [net.last], [2, 5], "Softmax", beta=1.0)
    source = os.path.join(WORK, "small.tflite")
    with open(source, "wb") as f:
        f.write(net.encoded())

    def logits(weights, x):
        v = {**{n: a.astype(np.float64) for n, a in w.items()}, **weights}
        h = np.clip(np.einsum("nhwcij,oijc->nhwo", windows(x, 3, 3, 2, 0), v["first"]) + v["first_bias"], 0, 6)
        d = np.maximum(np.einsum("nhwcij,ijc->nhwc", windows(h, 3, 3, 1, 0), v["depth"][0]) + v["depth_bias"], 0)
        y = np.maximum(d @ v["point"][:, 0, 0].T + v["point_bias"] + h, 0)
        return windows(y, 3, 3, 2, -np.inf).max((4, 5)).mean((1, 2)) @ v["dense"].T + v["dense_bias"]
    x, t = values(2, 9, 8, 3), np.array([3, 1], np.int32)
    for name, settings, untrained in (("all", {}, ()), ("last", {"train_last_layers": 2}, ("first", "first_bias", "depth", "depth_bias"))):
        path = convert(source, "tflite_" + name, {"optimizer": "MOMENTUM", "momentum": 0, "learning_rate": 0, **settings}, "TFLITE")
        compare_gradients("tflite " + name, path, {"x": x, "label": t}, w, lambda changed: softmax_loss(logits(changed, x.astype(np.float64)), t), untrained)


# ---- what is trained


def small_network():
    """Three layers with a Dropout before the last one."""
    network = Network([3, 6, 6], batch=4)
    network.with_last("Conv", network.weight(4, 3, 3, 3), network.weight(4), name="first")
    network.with_last("BatchNormalization", network.weight(4), network.weight(4), network.weight(4), network.constant(np.abs(values(4)) + 0.5), name="norm")
    network.add("Relu")
    network.with_last("Conv", network.weight(6, 4, 1, 1), network.weight(6), name="second")
    network.add("Relu")
    network.add("GlobalAveragePool")
    network.add("Flatten")
    network.add("Dropout", name="drop")
    network.with_last("Gemm", network.weight(5, 6), network.weight(5), transB=1, name="third")
    return network


NETWORK_WEIGHTS = ["w%d" % i for i in range(10)]


@test
def frozen_parts():
    for name, settings, trained in [
            ("last", {"train_last_layers": 1}, "89"), ("two", {"train_last_layers": 2}, "6789"), ("from", {"train_from": "second"}, "6789"),
            ("named", {"train_nodes": "first,th*"}, "0189"), ("but", {"freeze_nodes": "f*st,norm,thi*d"}, "67"),
            ("both", {"train_last_layers": 2, "freeze_nodes": "third"}, "67")]:
        network = small_network()
        network.nodes = [node for node in network.nodes if node.name != "drop"]
        network.nodes[-1].input[0] = network.nodes[-2].output[0]
        check_network("frozen_" + name, network, untrained=[w for w in NETWORK_WEIGHTS if w[1:] not in trained], **settings)


def nodes_of(path):
    return [(n["operator"], n["name"], n.get("attributes", {})) for n in inspect(path)["graphs"][0]["nodes"]]


def inspect(path):
    done = subprocess.run([TOOL, "inspect", path, "--format", "json"], capture_output=True, text=True, timeout=300)
    return json.loads(done.stdout)


@test
def form_of_the_file():
    """The frozen part is optimised as for inference, and gradients are built only as far as they are needed."""
    network = small_network()
    onnx.save(network.model(), os.path.join(WORK, "form.onnx"))
    path = convert(os.path.join(WORK, "form.onnx"), "form", {"train_last_layers": 1, "optimizer": "ADAM"})
    nodes = nodes_of(path)
    convolutions = [n for n in nodes if n[0] == "Conv2DFusion"]
    tally.check("form: convolutions", len(convolutions) == 2 and all(n[2].get("activation_type") == "RELU" for n in convolutions), convolutions)
    kinds = [n[0] for n in nodes]
    tally.check("form: batch normalisation is folded", "FusedBatchNorm" not in kinds, kinds)
    tally.check("form: the trained layer's Dropout stays", kinds.count("Dropout") == 1, kinds)
    tally.check("form: gradients", sorted(n[0] for n in nodes if n[1].startswith("Gradients")) == ["BiasAddGrad", "MatMulFusion", "SparseSoftmaxCrossEntropyWithLogits"],
                [n for n in nodes if n[1].startswith("Gradients")])
    tally.check("form: optimisers", kinds.count("Adam") == 2 and kinds.count("Assign") == 2, kinds)
    path = convert(os.path.join(WORK, "form.onnx"), "form2", {"train_nodes": "second"})
    tally.check("form: the frozen layer behind keeps its Dropout out", [n[0] for n in nodes_of(path)].count("Dropout") == 1, nodes_of(path))
    network.nodes.insert(2, helper.make_node("Dropout", [network.nodes[2].input[0]], ["early"], name="early"))
    network.nodes[3].input[0] = "early"
    onnx.save(network.model(), os.path.join(WORK, "form.onnx"))
    path = convert(os.path.join(WORK, "form.onnx"), "form3", {"train_last_layers": 1})
    tally.check("form: a frozen Dropout goes", [n[0] for n in nodes_of(path)].count("Dropout") == 1, nodes_of(path))


@test
def predictions():
    """What a training model predicts before the first step is what the source predicts; a softmax at the end stays an output."""
    network = small_network()
    network.add("Softmax", axis=-1, name="probabilities")
    source = os.path.join(WORK, "predictions.onnx")
    onnx.save(network.model(), source)
    x, t = values(4, 3, 6, 6), random.integers(0, 5, 4).astype(np.int32)
    want = network.reference()(network.weights, x)
    path = convert(source, "predictions", {})
    model = mslite_training.TrainingModel(path)
    given = {"x": image(x), "label": t}
    (_, logits), = model.evaluate(given)
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    tally.check("predictions: logits", np.allclose(probabilities, want, atol=1e-5), (probabilities, want))
    outputs = model.step(given)
    tally.check("predictions: outputs", list(outputs) == ["loss", network.last] and outputs[network.last].shape == (4, 5), list(outputs))
    tally.check("predictions: Dropout drops", not np.allclose(outputs[network.last], want, atol=1e-3), "in training too it does not")
    exported = os.path.join(WORK, "exported.ms")
    model = mslite_training.TrainingModel(path)
    model.export(exported, outputs=[network.last])
    (_, y), = mslite.run(exported, [image(x)])
    tally.check("predictions: exported with its softmax", np.allclose(y, want, atol=1e-5), (y, want))
    for batch in (1, 7):
        more, labels = values(batch, 3, 6, 6), random.integers(0, 5, batch).astype(np.int32)
        loss = float(model.step({"x": image(more), "label": labels})["loss"].ravel()[0])
        tally.check("predictions: a batch of %d" % batch, np.isfinite(loss), loss)


@test
def sizes_of_batches():
    """The gradient is the mean over the batch whatever its size; batch_size changes what the file has fixed."""
    network = Network([3, 6, 6], batch=1)
    network.with_last("Conv", network.weight(4, 3, 3, 3), network.weight(4))
    network.add("Tanh")
    network.with_last("Reshape", network.ints([1, 64]))
    dense(network, 64, 3)
    source = os.path.join(WORK, "batch.onnx")
    onnx.save(network.model(), source)
    for loss in ("SPARSE_SOFTMAX_CROSS_ENTROPY", "SOFTMAX_CROSS_ENTROPY", "MSE"):
        path = convert(source, "batch", {"loss": loss, "optimizer": "MOMENTUM", "momentum": 0, "learning_rate": 0, "batch_size": 4})
        model = mslite_training.TrainingModel(path)
        shapes = {name: shape for name, _, shape in model.inputs()}
        tally.check("batch %s: inputs" % loss, shapes["x"] == [4, 6, 6, 3] and shapes["label"][0] == 4, shapes)
        x, t = values(6, 6, 6, 3), labels_for(loss, (6, 3))
        _, whole = gradients(path, {"x": x, "label": t})
        halves = [gradients(path, {"x": x[i:i + 3], "label": t[i:i + 3]})[1] for i in (0, 3)]
        worst = max(np.abs(whole[n] - (halves[0][n] + halves[1][n]) / 2).max() / np.abs(whole[n]).max() for n in whole)
        tally.check("batch %s: mean of two halves" % loss, worst < 1e-5, worst)


@test
def new_heads():
    for name, last in (("gemm", "Gemm"), ("matmul", "MatMul"), ("conv", "Conv")):
        network = Network([3, 6, 6], batch=1)
        network.with_last("Conv", network.weight(4, 3, 3, 3), network.weight(4), name="first")
        network.add("Relu")
        if last == "Conv":
            network.with_last("Conv", network.weight(5, 4, 1, 1), network.weight(5), name="head")
            network.add("Relu")
            network.add("GlobalAveragePool")
            network.with_last("Reshape", network.ints([1, 5]))
        else:
            network.add("GlobalAveragePool")
            network.add("Flatten")
            if last == "Gemm":
                dense(network, 4, 5)
            else:
                network.with_last("MatMul", network.weight(4, 5))
                network.with_last("Add", network.weight(5))
        network.add("Softmax", axis=-1)
        source = os.path.join(WORK, "head.onnx")
        onnx.save(network.model(), source)
        shape, sums = None, []
        for seed in (3, 3, 4):
            path = convert(source, "head", {"classes": 11, "seed": seed, "train_last_layers": 1, "batch_size": 4})
            model = mslite_training.TrainingModel(path)
            x = values(4, 6, 6, 3)
            (_, y), = model.evaluate({"x": x, "label": np.zeros(4, np.int32)})
            shape = y.shape
            head = next(w for w in model.weights().values() if w.size == 44)
            sums.append(float(head.sum()))
            sources = 4
            limit = np.sqrt(6 / (sources + 11))
            tally.check("new_heads %s: spread" % name, np.abs(head).max() <= limit and np.abs(head).max() > limit * 0.8, np.abs(head).max())
            first = float(model.step({"x": x, "label": np.array([0, 3, 10, 7], np.int32)})["loss"].ravel()[0])
            for _ in range(300):
                outputs = model.step({"x": x, "label": np.array([0, 3, 10, 7], np.int32)})
            tally.check("new_heads %s: learns" % name, float(outputs["loss"].ravel()[0]) < first, (first, outputs["loss"]))
        tally.check("new_heads %s: classes" % name, shape == (4, 11), shape)
        tally.check("new_heads %s: seeds" % name, sums[0] == sums[1] and sums[0] != sums[2], sums)


# ---- optimisers


def numpy_steps(kind, s, weights, grads_of, steps):
    """The optimisers' formulas, in float64."""
    w = [x.astype(np.float64) for x in weights]
    m, v = [0 * x for x in w], [0 * x for x in w]
    for t in range(1, steps + 1):
        for i, g in enumerate(grads_of(w)):
            decay = s.get("weight_decay", 0)
            if kind == "SGD":
                d = g + decay * w[i]
                m[i] = d if t == 1 else s.get("momentum", 0.9) * m[i] + (1 - s.get("dampening", 0)) * d
                w[i] = w[i] - s["learning_rate"] * (d + s.get("momentum", 0.9) * m[i] if s.get("nesterov") else m[i])
            elif kind == "MOMENTUM":
                d = g + decay * w[i]
                m[i] = s.get("momentum", 0.9) * m[i] + d
                w[i] = w[i] - s["learning_rate"] * (d + s.get("momentum", 0.9) * m[i] if s.get("nesterov") else m[i])
            else:
                b1, b2 = s.get("beta1", 0.9), s.get("beta2", 0.999)
                m[i] = b1 * m[i] + (1 - b1) * g
                v[i] = b2 * v[i] + (1 - b2) * g * g
                if kind == "ADAM":
                    first = b1 * m[i] + (1 - b1) * g if s.get("nesterov") else m[i]
                    w[i] = w[i] - s["learning_rate"] * np.sqrt(1 - b2 ** t) / (1 - b1 ** t) * first / (np.sqrt(v[i]) + s.get("epsilon", 1e-8))
                else:
                    w[i] = w[i] - s["learning_rate"] * (m[i] / (np.sqrt(v[i]) + s.get("epsilon", 1e-8)) + decay * w[i])
    return w


@test
def optimisers():
    x, t = values(8, 6), values(8, 3)
    for kind, s in [("SGD", {"learning_rate": 0.1}), ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "dampening": 0.2, "weight_decay": 0.01}),
                    ("SGD", {"learning_rate": 0.05, "nesterov": True}), ("MOMENTUM", {"learning_rate": 0.05, "weight_decay": 0.02}),
                    ("MOMENTUM", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}), ("ADAM", {"learning_rate": 0.01}),
                    ("ADAM", {"learning_rate": 0.01, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4, "nesterov": True}),
                    ("ADAM_WEIGHT_DECAY", {"learning_rate": 0.01, "weight_decay": 0.1})]:
        network = Network([6], batch=8)
        w, b = network.weight(3, 6), network.weight(3)
        network.with_last("Gemm", w, b, transB=1)
        onnx.save(network.model(), os.path.join(WORK, "optimiser.onnx"))
        settings = {k: str(v).lower() for k, v in s.items()}
        path = convert(os.path.join(WORK, "optimiser.onnx"), "optimiser", {"loss": "MSE", "optimizer": kind, **settings})

        def grads_of(now):
            d = 2 * (x.astype(np.float64) @ now[0].T + now[1] - t) / t.size
            return [d.T @ x, d.sum(0)]
        want = numpy_steps(kind, s, [network.weights[w], network.weights[b]], grads_of, 6)
        for threads in (1, 2):
            model = mslite_training.TrainingModel(path, threads)
            for _ in range(6):
                model.step({"x": x, "label": t})
            after = model.weights()
            for name, value in ((w, want[0]), (b, want[1])):
                worst = np.abs(after[name] - value).max() / np.abs(value).max()
                tally.check("optimiser %s %s, %d threads: %s" % (kind, s, threads, name), worst < 1e-5, worst)


# ---- batches


@test
def virtual_batches():
    """LeNet, as examples/train_digits trains it: four steps of 8 images that make one update are a step of 32."""
    source = os.path.join(MODELS, "mindir/lenet_adam_infer.mindir")
    for optimizer in ("SGD", "MOMENTUM", "ADAM"):
        path = convert(source, "lenet", {"optimizer": optimizer, "learning_rate": 0.001 if optimizer == "ADAM" else 0.01, "batch_size": 8}, "MINDIR")
        for threads in (1, 2):
            parts, whole = mslite_training.TrainingModel(path, threads), mslite_training.TrainingModel(path, threads)
            start = whole.weights()
            parts.set_virtual_batch(4)
            worst = 0.0
            for _ in range(5):
                x, t = random.random((32, 28, 28, 1)).astype(np.float32), random.integers(0, 10, 32).astype(np.int32)
                losses = [float(parts.step([x[i:i + 8], t[i:i + 8]])["loss"].ravel()[0]) for i in range(0, 32, 8)]
                loss = float(whole.step([x, t])["loss"].ravel()[0])
                worst = max(worst, abs(np.mean(losses) - loss) / loss)
            tally.check("virtual batch, %s, %d threads: losses" % (optimizer, threads), worst < 1e-5, worst)
            one, other = parts.weights(), whole.weights()
            for name in (n for n in start if not np.array_equal(start[n], other[n])):
                change = np.linalg.norm(other[name] - start[name])
                error = np.linalg.norm(one[name] - other[name]) / change
                # Adam divides by the gradient's size: where that is next to nothing, rounding decides.
                tally.check("virtual batch, %s, %d threads: %s" % (optimizer, threads, name), error < (1e-2 if optimizer == "ADAM" else 1e-4), error)


# ---- real models


@test
def real_models():
    """EfficientNet-Lite0 (a .ms file with 16-bit weights) with another head, and a TFLite network whose last layers are trained."""
    source = os.path.join(MODELS, "efficientnet_lite0_fp16.ms")
    name = mslite.Model(source).inputs()[0][0]
    losses = {}
    x = np.random.default_rng(1).random((4, 224, 224, 3)).astype(np.float32)
    t = np.array([0, 1, 2, 1], np.int32)
    for threads in (1, 2):
        path = convert(source, "efficientnet", {"classes": 3, "train_last_layers": 1, "batch_size": 4, "learning_rate": 0.01}, "MSLITE")
        model = mslite_training.TrainingModel(path, threads)
        losses[threads] = [float(model.step({name: x, "label": t})["loss"].ravel()[0]) for _ in range(25)]
    tally.check("efficientnet: learns", losses[1][-1] < 0.5 * losses[1][0], losses[1])
    tally.check("efficientnet: two threads", losses[1] == losses[2], losses)
    # All of it: the gradient, along itself, is the difference of losses on both sides.
    path = convert(source, "whole", {"classes": 3, "batch_size": 2, "optimizer": "MOMENTUM", "momentum": 0, "learning_rate": 0}, "MSLITE")
    along_itself("efficientnet", path, {name: x[:2], "label": t[:2]}, lambda y, t: softmax_loss(y.astype(np.float64), t), 40)
    source = os.path.join(MODELS, "face_detect_short/model.tflite")
    settings = {"loss": "MSE", "output": "regressors", "optimizer": "MOMENTUM", "momentum": 0, "learning_rate": 0}
    path = convert(source, "detector", settings, "TFLITE")
    name = mslite_training.TrainingModel(path).inputs()[0][0]
    x = random.random((1, 128, 128, 3)).astype(np.float32) * 2 - 1
    along_itself("face_detect", path, {name: x, "label": values(1, 896, 16)}, lambda y, t: ((y.astype(np.float64) - t) ** 2).mean(), 40)


def along_itself(name, path, given, loss, most):
    """Central differences of the predicting part along each of the largest gradients. They are less exact than those of small networks:
    float32 wants large steps, over which some of many thousand activations pass their corners."""
    _, got = gradients(path, given)
    model = mslite_training.TrainingModel(path)
    weights = model.weights()
    largest = sorted(got, key=lambda n: -np.linalg.norm(got[n]))[:most]
    worst, where = 0.0, ""
    for n in largest:
        size = np.linalg.norm(got[n].astype(np.float64))
        best = np.inf
        # A step at which neither rounding nor curvature counts.
        for change in (1e-2, 3e-3, 1e-3, 3e-4, 1e-4):
            direction = got[n].astype(np.float64) / size
            length = change / size
            sides = []
            for sign in (1, -1):
                model.update(n, weights[n] + sign * length * direction.reshape(weights[n].shape))
                (_, y), = model.evaluate(given)
                sides.append(loss(y, given["label"]))
            model.update(n, weights[n])
            best = min(best, abs((sides[0] - sides[1]) / 2 / length - size) / size)
        if best > worst:
            worst, where = best, n
    tally.check(name + ": gradients along themselves", worst < 10 * TOLERANCE, "%s: relative error %.1e" % (where, worst))


# ---- refusals


@test
def refusals():
    plain = small_network()
    source, odd = os.path.join(WORK, "plain.onnx"), os.path.join(WORK, "odd.onnx")
    onnx.save(plain.model(), source)
    bad = small_network()
    bad.add("TopK", [bad.last, bad.ints([2])], outputs=2)
    bad.last = bad.last[0]
    dense(bad, 2, 3)
    onnx.save(bad.model(), odd)
    for name, file, settings, words in [
            ("rule", odd, {}, ["TopKFusion", "no gradient"]), ("output", source, {"output": "other"}, ["output=other", plain.last]),
            ("node", source, {"train_from": "nowhere"}, ["nowhere"]), ("pattern", source, {"train_nodes": "x*y"}, ["x*y"]),
            ("layers", source, {"train_last_layers": 9}, ["9", "3 layers"]), ("nothing", source, {"freeze_nodes": "*"}, ["no weight"]),
            ("exclusive", source, {"train_last_layers": 1, "train_from": "first"}, ["exclude each other"]),
            ("setting", source, {"optimizer": "ADAM", "momentum": 0.5}, ["no setting momentum"]), ("loss", source, {"loss": "HINGE"}, ["loss=HINGE", "MSE"]),
            ("label", source, {"label": "x"}, ["\"x\" already"]), ("key", source, {"rate": 1}, ["rate"]), ("rate", source, {"learning_rate": -1}, ["learning_rate"])]:
        try:
            convert(file, "refused", settings)
            tally.note("refused " + name, "was converted")
        except mslite.Refused as error:
            missing = [w for w in words if w not in str(error)]
            tally.check("refused " + name, not missing, "the text lacks %s: %s" % (missing, error))
    path = convert(odd, "below", {"train_last_layers": 1})
    tally.check("refused rule: what follows can be trained", os.path.exists(path))
    for options, words in [(["--trainModel=true"], ["[training]"]), (["--configFile=" + configuration("alone", {})], ["--trainModel=true"]),
                           (["--trainModel=true", "--fp16=on", "--configFile=" + configuration("half", {})], ["fp16"])]:
        try:
            mslite.convert(source, os.path.join(WORK, "refused"), "ONNX", *options)
            tally.note("refused %s" % options, "was converted")
        except mslite.Refused as error:
            tally.check("refused %s" % options, all(w in str(error) for w in words), str(error))


def keep(folder):
    """Copies the converted models that are small."""
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(WORK):
        path = os.path.join(WORK, name)
        if name.endswith(".ms") and os.path.getsize(path) < 65536:
            shutil.copy(path, os.path.join(folder, "trains_" + name))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", default="")
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    try:
        for function in TESTS:
            if arguments.part in function.__name__:
                try:
                    function()
                except Exception as error:
                    tally.note(function.__name__, repr(error))
        if arguments.keep:
            keep(arguments.keep)
    finally:
        shutil.rmtree(WORK)
    sys.exit(tally.end())


if __name__ == "__main__":
    main()
