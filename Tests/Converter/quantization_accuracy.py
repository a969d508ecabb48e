"""How much quantised models lose. Ends with "N passed, N failed"; the measured numbers are printed before.

    quantization_accuracy.py [--photographs DIR]

Models of Tests/Models (.ms files are the converter's source here) are quantised in every way and run on inputs that calibration has
not seen: crops, mirror images, changes of brightness and contrast, mixtures and noise of the photographs that the models' golden
cases have. The classifier must keep its first class: for 99.5 % of 100 inputs with 8-bit weights, for 98 % fully quantised (95 % of
photographs, see docs/converter.md). (Inputs for
which the float model's first class leads the second by less than 0.1 of probability have no first class to speak of: they do not count, but
the share among all inputs is printed too.)

--photographs: takes the classifier's inputs from the PNG and JPEG files below this folder instead. Every second photograph calibrates,
the others are the inputs that are compared, each once. Cut-out objects (transparent pixels) are put on a smooth background; what has
too few colours for a photograph is left out. Needs Pillow. Debian's package tuxpaint-stamps-default has more than 200 that pass:

    apt-get download tuxpaint-stamps-default && dpkg -x tuxpaint-stamps-default_*.deb stamps
    quantization_accuracy.py --photographs stamps/usr/share/tuxpaint/stamps

Environment: see mslite.py.
"""
import argparse
import glob
import os
import sys
import tempfile
import time

import numpy as np

import mslite

MODELS = os.path.join(mslite.ROOT, "Tests", "Models")
# Folders of drawings among photographs.
DRAWINGS = {"cartoon", "symbols", "flags", "roadsigns", "easter"}
tally = mslite.Tally()


def check(name, condition, seen):
    print("%s: %s" % (name, seen), flush=True)
    tally.check(name, condition, seen)


def pictures():
    """The photographs of the golden cases as [H, W, 3] between 0 and 1."""
    out = []
    for folder, shape, low, high in [
            ("efficientnet_lite0", (3, 224, 224), -1, 1), ("face_detect_short", (128, 128, 3), -1, 1),
            ("hand_landmark_lite", (224, 224, 3), 0, 1), ("selfie_seg_landscape", (144, 256, 3), 0, 1), ("face_landmark", (192, 192, 3), 0, 1)]:
        path = os.path.join(MODELS, folder, "case0", "in_0.bin")
        x = np.fromfile(path, np.float32).reshape(shape)
        out.append((np.moveaxis(x, 0, 2) if shape[0] == 3 else x) * (1 / (high - low)) - low / (high - low))
    return [np.clip(p, 0, 1).astype(np.float32) for p in out]


def is_photograph(rgba):
    """Of at least 96 pixels each way, with as many colours as cameras see and drawings do not have."""
    pixels = rgba[rgba[..., 3] > 200][:, :3].astype(np.int64)
    if min(rgba.shape[:2]) < 96 or len(pixels) < 0.15 * rgba.shape[0] * rgba.shape[1]:
        return False
    shares = np.bincount((pixels >> 3) @ [1024, 32, 1]) / len(pixels)
    shares = shares[shares > 0]
    return len(np.unique(pixels @ [65536, 256, 1])) > 2000 and -(shares * np.log2(shares)).sum() > 5


def background(random, height, width):
    """Colours that run from corner to corner."""
    down, across = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    corners = random.uniform(0.15, 0.95, [4, 1, 1, 3])
    return (corners[0] * (1 - across) + corners[1] * across) * (1 - down) + (corners[2] * (1 - across) + corners[3] * across) * down


def photographs(folder):
    """The photographs below `folder` as squares [H, H, 3] between 0 and 1, objects in the middle of a background."""
    from PIL import Image
    random, out = np.random.RandomState(0), []
    for path in sorted(p for kind in ("png", "jpg", "jpeg") for p in glob.glob(os.path.join(folder, "**", "*." + kind), recursive=True)):
        if DRAWINGS & set(path.split(os.sep)):
            continue
        picture = Image.open(path).convert("RGBA")
        if not is_photograph(np.asarray(picture)):
            continue
        picture.thumbnail((320, 320), Image.LANCZOS)
        x = np.asarray(picture) / 255.0
        size = int(max(x.shape[:2]) * (1 if (x[..., 3] > 0.9).all() else random.uniform(1.05, 1.4)))
        square = background(random, size, size)
        top, left = (size - x.shape[0]) // 2, (size - x.shape[1]) // 2
        part = square[top:top + x.shape[0], left:left + x.shape[1]]
        part += (x[..., :3] - part) * x[..., 3:]
        out.append(square.astype(np.float32))
    return out


def scaled(picture, height, width):
    """Bilinear, pixel centres at half coordinates."""
    for axis, size in ((0, height), (1, width)):
        n = picture.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
        low = np.floor(at).astype(int)
        t = (at - low).astype(np.float32).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        picture = np.take(picture, low, axis) * (1 - t) + np.take(picture, np.minimum(low + 1, n - 1), axis) * t
    return picture


def inputs(count, height, width, channels, seed):
    """Varied pictures [1, height, width, channels] between 0 and 1."""
    random, sources, out = np.random.RandomState(seed), pictures(), []
    while len(out) < count:
        p = sources[len(out) % len(sources)]
        h, w = p.shape[:2]
        share = random.uniform(0.55, 1)
        ch, cw = int(h * share), int(w * share)
        top, left = random.randint(h - ch + 1), random.randint(w - cw + 1)
        x = scaled(p[top:top + ch, left:left + cw], height, width)
        if random.rand() < 0.5:
            x = x[:, ::-1]
        x = (x - 0.5) * random.uniform(0.7, 1.3) + 0.5 + random.uniform(-0.15, 0.15)
        kind = len(out) // len(sources) % 4
        if kind == 1:
            x = x + random.normal(0, 0.03, x.shape)
        elif kind == 2:
            other = sources[random.randint(len(sources))]
            x = 0.8 * x + 0.2 * scaled(other, height, width)
        elif kind == 3:
            x = x * random.uniform(0.8, 1.2, [1, 1, 3])
        x = np.clip(x, 0, 1)
        if channels == 1:
            x = x.mean(axis=2, keepdims=True)
        out.append(x[None].astype(np.float32))
    return out


def cosine(a, b):
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b) + 1e-300))


def sqnr(a, b):
    noise = float(((a.astype(np.float64) - b) ** 2).sum())
    return 10 * np.log10(float((a.astype(np.float64) ** 2).sum()) / noise) if noise else 999.0


class Case:
    """A model with its calibration data in `folder`."""

    def __init__(self, folder, name, path, prepare, calibration=40, tests=20, lead=None, repeats=True):
        """`lead`: what the first class must be ahead of the second by for an input to count. `repeats`: prepares inputs until
        `tests` of them count; otherwise there are `tests` in all."""
        self.folder, self.name, self.path = folder, name, os.path.join(MODELS, path)
        self.float = mslite.Model(self.path)
        (self.input, _, self.shape), = self.float.inputs()
        self.data = os.path.join(folder, name)
        os.makedirs(self.data)
        for i, x in enumerate(prepare(calibration, self.shape, 1)):
            x.astype(np.float32).tofile(os.path.join(self.data, "%03d.bin" % i))
        self.calibration = calibration
        self.tests, self.expected, self.decided, seed = [], [], [], 2
        while sum(self.decided) < tests:
            for x in prepare(tests, self.shape, seed):
                if sum(self.decided) == tests:
                    break
                y = [y for _, y in self.float.run([x])]
                second, first = np.sort(y[0].ravel())[-2:]
                self.tests.append(x)
                self.expected.append(y)
                self.decided.append(lead is None or first - second >= lead)
            seed += 1
            if not repeats:
                break

    def converted(self, kind, config, *options):
        target = os.path.join(self.folder, "%s_%s" % (self.name, kind))
        with open(target + ".cfg", "w") as file:
            file.write(config.format(input=self.input, data=self.data, size=self.calibration))
        mslite.convert(self.path, target, "MSLITE", "--configFile=" + target + ".cfg", *options)
        return target + ".ms"

    def compare(self, path):
        """Outputs per test input, and the worst cosine and mean SQNR over all outputs."""
        model = mslite.Model(path)
        got = [[y for _, y in model.run([x])] for x in self.tests]
        pairs = [(a, b) for e, g in zip(self.expected, got) for a, b in zip(e, g)]
        return got, min(cosine(a, b) for a, b in pairs), float(np.mean([min(sqnr(a, b), 99) for a, b in pairs]))


def milliseconds(path, x):
    """The shortest of 30 runs, with one thread."""
    model, best = mslite.Model(path), 1e9
    for _ in range(30):
        start = time.perf_counter()
        model.run([x])
        best = min(best, time.perf_counter() - start)
    return best * 1e3


def centred(count, shape, seed):
    return [x * 2 - 1 for x in inputs(count, shape[1], shape[2], shape[3], seed)]


def classifier(count, shape, seed):
    return [(x * 255 - 127) / 128 for x in inputs(count, shape[1], shape[2], shape[3], seed)]


def photographed(photographs):
    """Inputs of the classifier. Seed 1: photographs at even places, the others otherwise, each as it is or mirrored."""
    def prepare(count, shape, seed):
        random, chosen = np.random.RandomState(seed), photographs[seed > 1::2]
        chosen = [chosen[i] for i in random.permutation(len(chosen))[:count]]
        pictures = [scaled(p, shape[1], shape[2])[:, ::random.choice([-1, 1])] for p in chosen]
        return [((x * 255 - 127) / 128)[None].astype(np.float32) for x in pictures]
    return prepare


def digits(count, shape, seed):
    """A batch of pictures per input."""
    return [np.concatenate(inputs(shape[0], shape[1], shape[2], shape[3], 1000 * seed + i)) for i in range(count)]


WEIGHTS = "[common_quant_param]\nquant_type=WEIGHT_QUANT\nbit_num=%d\nmin_quant_weight_size=0\nmin_quant_weight_channel=4\n"
FULL = """[common_quant_param]
quant_type=FULL_QUANT
bit_num=8
[full_quant_param]
activation_quant_method=%s
bias_correction=true
[data_preprocess_param]
calibrate_path={input}:{data}
calibrate_size={size}
input_type=BIN
"""
DYNAMIC = "[common_quant_param]\nquant_type=DYNAMIC_QUANT\n"


def agreement(case, got):
    """Among the inputs that count, and among all."""
    same = np.array([e[0].argmax() == g[0].argmax() for e, g in zip(case.expected, got)])
    return same[np.array(case.decided)].mean(), same.mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--photographs", metavar="DIR")
    arguments = parser.parse_args()
    prepare, calibration, tests = classifier, 60, 100
    if arguments.photographs:
        found = photographs(arguments.photographs)
        if len(found) < 40:
            parser.error("%s has %d photographs; 40 are the least that say anything" % (arguments.photographs, len(found)))
        prepare, calibration, tests = photographed(found), (len(found) + 1) // 2, len(found) // 2
        print("%d photographs calibrate, %d are compared" % (calibration, tests))
    with tempfile.TemporaryDirectory() as folder:
        net = Case(folder, "efficientnet_lite0", "efficientnet_lite0_fp16.ms", prepare, calibration, tests, lead=0.1, repeats=not arguments.photographs)
        for kind, config, least in [
                ("w8", WEIGHTS % 8, 0.995), ("full_max_min", FULL % "MAX_MIN", 0.95 if arguments.photographs else 0.98), ("full_kl", FULL % "KL", 0.95),
                ("full_outlier", FULL % "REMOVAL_OUTLIER", 0.95)]:
            path = net.converted(kind, config)
            got, least_cosine, ratio = net.compare(path)
            share, overall = agreement(net, got)
            text = "first class kept in %.1f %% (of all %d inputs: %.1f %%), cosine >= %.5f, SQNR %.1f dB, %d bytes"
            check("%s %s" % (net.name, kind), share >= least, text % (
                100 * share, len(net.tests), 100 * overall, least_cosine, ratio, os.path.getsize(path)))
            if kind == "full_max_min":
                float_time, full_time = milliseconds(net.path, net.tests[0]), milliseconds(path, net.tests[0])
                check("fully quantised is faster", full_time < float_time, "%.2f ms, float %.2f ms" % (full_time, float_time))
        for name, path, prepare, expectations in [
                ("face_detect_short", "face_detect_short/model.ms", centred, [
                    ("w8", WEIGHTS % 8, 0.998), ("w4", WEIGHTS % 4, 0.7), ("mixed", WEIGHTS % 0, 0.99), ("full_max_min", FULL % "MAX_MIN", 0.92),
                    ("full_kl", FULL % "KL", 0.96), ("full_outlier", FULL % "REMOVAL_OUTLIER", 0.92)]),
                ("ppocr_cls", "ppocr_cls/model.ms", centred, [
                    ("w8", WEIGHTS % 8, 0.99), ("full_max_min", FULL % "MAX_MIN", 0.97), ("full_kl", FULL % "KL", 0.92)]),
                ("lenet28", "ms_variants/lenet28__fp32.ms", digits, [
                    ("w8", WEIGHTS % 8, 0.999), ("w5", WEIGHTS % 5, 0.98), ("w12", WEIGHTS % 12, 0.9999), ("w1", WEIGHTS % 1, 0.0),
                    ("mixed", WEIGHTS % 0, 0.99), ("dynamic", DYNAMIC, 0.99), ("full_max_min", FULL % "MAX_MIN", 0.99)])]:
            case = Case(folder, name, path, prepare)
            for kind, config, least in expectations:
                path = case.converted(kind, config)
                _, worst, ratio = case.compare(path)
                check("%s %s" % (name, kind), worst >= least, "cosine >= %.5f, SQNR %.1f dB, %d bytes" % (worst, ratio, os.path.getsize(path)))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
