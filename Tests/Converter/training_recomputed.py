"""Training models of other makers, trained by the engine and, from the same weights and batches, by numpy in float64: the losses of eight
steps and the weights after them.

    training_recomputed.py [MODELS ...]

MODELS: folders of the form of Tests/Models (the default, with MSLITE_EXTRA_MODELS where that is set). The networks are LeNet with and
without biases in its convolutions, with an absolute difference or a softmax cross entropy as the loss, and Adam; and a single convolution
with Momentum. Prints "N passed, N failed". Needs numpy. Environment: see mslite.py.
"""
import os
import sys

import numpy as np

import mslite
import mslite_training

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STEPS = 8
TOLERANCE = 1e-4
tally = mslite.Tally()


# ---- layers, channels last: each returns its result and a function from the result's gradient to those of input and weights


def convolution(x, w, pad=0):
    """w: [O, kh, kw, I]."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    _, kh, kw, _ = w.shape
    h, width = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (1, 2))
    y = np.einsum("nhwcij,oijc->nhwo", windows, w)

    def back(dy):
        dx = np.zeros_like(x)
        for i in range(kh):
            for j in range(kw):
                dx[:, i:i + h, j:j + width] += dy @ w[:, i, j]
        return dx[:, pad:x.shape[1] - pad, pad:x.shape[2] - pad], np.einsum("nhwcij,nhwo->oijc", windows, dy)
    return y, back


def bias(x, b):
    return x + b, lambda dy: (dy, dy.reshape(-1, b.size).sum(0))


def relu(x):
    return np.maximum(x, 0), lambda dy: (dy * (x > 0),)


def max_pool(x):
    """Windows of 2 x 2. The first largest value gets the gradient."""
    n, h, w, c = x.shape
    parts = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)
    place = parts.argmax(-1)

    def back(dy):
        dx = np.zeros_like(parts)
        np.put_along_axis(dx, place[..., None], dy[..., None], -1)
        return (dx.reshape(n, h // 2, w // 2, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(x.shape),)
    return parts.max(-1), back


def flatten(x):
    """Channels come first in a row."""
    return x.transpose(0, 3, 1, 2).reshape(len(x), -1), lambda dy: (
        dy.reshape(x.shape[0], x.shape[3], x.shape[1], x.shape[2]).transpose(0, 2, 3, 1),)


def dense(x, w):
    return x @ w.T, lambda dy: (dy @ w, dy.T @ x)


def softmax_loss(y, t):
    log = y - y.max(1, keepdims=True)
    log = log - np.log(np.exp(log).sum(1, keepdims=True))
    return -(t * log).sum(1).mean(), (np.exp(log) - t) / len(y)


def absolute_loss(y, t):
    return np.abs(y - t).mean(), np.sign(y - t) / y.size


# ---- networks: lists of layers, each with the names of its weights


def lenet(convolutions, layers):
    """The names of the layers, and which kinds of weights they have."""
    network = []
    for name, has_bias in convolutions:
        network += [(convolution, name + ".weight")] + ([(bias, name + ".bias")] if has_bias else []) + [(relu, None), (max_pool, None)]
    network.append((flatten, None))
    for i, name in enumerate(layers):
        network += [(dense, name + ".weight"), (bias, name + ".bias")] + ([(relu, None)] if i + 1 < len(layers) else [])
    return network


def padded_convolution(x, w):
    return convolution(x, w, 1)


NETWORKS = {
    "ms_from_repos/lenet_train.ms": (lenet([("conv1", False), ("conv2", False)], ["fc1", "fc2", "fc3"]), absolute_loss, "adam", 0.01),
    "training/lenet_adam/train.ms": (lenet([("c1", True), ("c2", True)], ["d1", "d2", "d3"]), softmax_loss, "adam", 1e-8),
    "ms_from_repos/conv_train_model.ms": ([(bias, "bias"), (padded_convolution, "layer.weight"), (flatten, None)], softmax_loss, "momentum", None),
}


def gradients(network, weights, x, t, loss):
    backs = []
    for layer, name in network:
        x, back = layer(x, *([weights[name]] if name else []))
        backs.append((name, back))
    value, d = loss(x, t)
    result = {}
    for name, back in reversed(backs):
        d, *rest = back(d)
        if name:
            result[name] = rest[0]
    return value, result


class Adam:
    def __init__(self, rate, epsilon):
        self.rate, self.epsilon, self.m, self.v, self.t = rate, epsilon, {}, {}, 0

    def __call__(self, weights, gradients):
        self.t += 1
        for name, g in gradients.items():
            self.m[name] = 0.9 * self.m.get(name, 0) + 0.1 * g
            self.v[name] = 0.999 * self.v.get(name, 0) + 0.001 * g * g
            rate = self.rate * np.sqrt(1 - 0.999 ** self.t) / (1 - 0.9 ** self.t)
            weights[name] = weights[name] - rate * self.m[name] / (np.sqrt(self.v[name]) + self.epsilon)


class Momentum:
    def __init__(self, rate, _):
        self.rate, self.a = rate, {}

    def __call__(self, weights, gradients):
        for name, g in gradients.items():
            self.a[name] = 0.9 * self.a.get(name, 0) + g
            weights[name] = weights[name] - self.rate * self.a[name]


def check(path, name):
    network, loss, kind, epsilon = NETWORKS[name]
    random = np.random.default_rng(5)
    for threads in (1, 2):
        model = mslite_training.TrainingModel(path, threads)
        (x_name, _, x_shape), (t_name, _, t_shape) = model.inputs()
        start = model.weights()
        weights = {n: start[n].astype(np.float64) for _, n in network if n}
        rate = float(start["learning_rate"].ravel()[0])
        update = (Adam if kind == "adam" else Momentum)(rate, epsilon)
        if loss is softmax_loss:
            t = np.eye(t_shape[1], dtype=np.float32)[random.integers(0, t_shape[1], t_shape[0])]
        else:
            t = random.random(t_shape).astype(np.float32)
        worst = 0.0
        for step in range(STEPS):
            x = random.standard_normal(x_shape).astype(np.float32)
            seen = float(next(iter(model.step({x_name: x, t_name: t}).values())).ravel()[0])
            want, g = gradients(network, weights, x.astype(np.float64), t.astype(np.float64), loss)
            update(weights, g)
            worst = max(worst, abs(seen - want) / abs(want))
        tally.check("%s, %d threads: losses" % (name, threads), worst < TOLERANCE, "relative error %.1e" % worst)
        print("%s, %d threads: losses within %.1e" % (name, threads, worst))
        after = model.weights()
        for n, w in weights.items():
            # Of what the steps have done, not of how large the weights are; but each step rounds the weights to float32.
            rounding = STEPS * 2 ** -24 * np.linalg.norm(w)
            change, error = np.linalg.norm(w - start[n]), np.linalg.norm(after[n] - w)
            tally.check("%s, %d threads: %s" % (name, threads, n), error < TOLERANCE * change + rounding, "off by %.1e, changed by %.1e" % (error, change))


def main():
    folders = sys.argv[1:] or [os.path.join(ROOT, "Tests/Models")] + [f for f in [os.environ.get("MSLITE_EXTRA_MODELS")] if f]
    for folder in folders:
        for name in NETWORKS:
            path = os.path.join(folder, name)
            if os.path.exists(path):
                try:
                    check(path, name)
                except (mslite.Refused, KeyError, ValueError) as error:
                    tally.note(name, "%s: %s" % (type(error).__name__, error))
    sys.exit(tally.end())


if __name__ == "__main__":
    main()
