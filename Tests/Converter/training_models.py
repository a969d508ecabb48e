"""Inference models that converter_lite makes training models of: gradients against central differences, training, errors.

    training_models.py [part of a test's name]

The gradients of small ONNX models that are built here are compared, number by number, with central differences of the loss of the source
model, which onnx's reference evaluator computes in float64. Prints "N passed, N failed". Needs numpy and onnx. Environment: see mslite.py.
"""
import os
import shutil
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import mslite
import mslite_training

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODELS = os.path.join(ROOT, "Tests/Models")
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


def check_network(name, network, loss="SPARSE_SOFTMAX_CROSS_ENTROPY", x=None, untrained=(), reference=None, strip=False, **settings):
    """Compares all gradients of a network with central differences. `untrained`: weights that must have no gradient."""
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
        given = {"x": image(x), "label": image(t) if loss not in ("SPARSE_SOFTMAX_CROSS_ENTROPY", "SOFTMAX_CROSS_ENTROPY") else t}
        got_loss, got = gradients(path, given)
        same = gradients(path, given, threads=2)
        tally.check(name + ": two threads", got_loss == same[0] and all(np.array_equal(got[n], same[1][n]) for n in got), "bits differ")
        want_loss = LOSSES[loss](run(network.weights, x), t)
        tally.check(name + ": loss", abs(got_loss - want_loss) < TOLERANCE * max(abs(want_loss), 1e-3), "%g instead of %g" % (got_loss, want_loss))
        arrays = mslite_training.TrainingModel(path).weights()
        arrays = {n: arrays[n] for n in got}
        checked = 0
        for key, weight in network.weights.items():
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
                    changed.ravel()[i] += sign * 1e-5
                    sides.append(LOSSES[loss](run({**network.weights, key: changed}, x), t))
                want.append((sides[0] - sides[1]) / 2e-5)
            want, seen = np.array(want), own.ravel()[chosen].astype(np.float64)
            worst = np.abs(seen - want).max() / max(np.abs(want).max(), 1e-6)
            tally.check("%s: gradient of %s %s" % (name, key, weight.shape), worst < TOLERANCE, "relative error %.1e" % worst)
        tally.check(name + ": weights", len(arrays) == checked, "trained, but no weight of the source: %d of %s" % (len(arrays) - checked, sorted(arrays)))
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
        check_network("activation_" + kind.lower(), network)


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
    check_network("gelu", network, untrained=("w2", "w3", "w4"))


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
    network.with_last("Div", network.add("Exp", [network.add("ReduceMean", [h], axes=[1], keepdims=1)]))
    last = network.last
    network.add("Div", [h, last])
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
    network = Network([4, 4, 4])
    network.with_last("Conv", network.weight(2, 4, 1, 1), network.weight(2))
    network.add("ReduceMean", axes=[2, 3], keepdims=1)
    network.with_last("Expand", network.ints([3, 2, 3, 3]))
    network.add("Flatten")
    dense(network, 18, 3)
    check_network("expand", network)
    network = dense(Network([6]), 6, 8)
    network.add("ReduceSumSquare", axes=[1], keepdims=1)
    dense(network, 1, 3)
    check_network("sum_of_squares", network)


@test
def resizes():
    for name, attributes in [("nearest", {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
                             ("linear", {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
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
    rows = network.ints(np.array([[1, 3, 0, 3], [6, 1, 1, 2], [5, 0, 4, 4]]))
    network.add("Gather", [table, rows], axis=0)
    network.add("Tanh")
    network.add("ReduceMean", axes=[1], keepdims=0)
    h = network.last
    network.add("MatMul", ["x", network.weight(4, 6)])
    network.with_last("Add", h)
    dense(network, 6, 3)
    check_network("embedding", network)


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


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        for function in TESTS:
            if wanted in function.__name__:
                try:
                    function()
                except Exception as error:
                    tally.note(function.__name__, repr(error))
    finally:
        shutil.rmtree(WORK)
    sys.exit(tally.end())
