"""Small TFLite models of single operators (tflite_operators.npz, see tflite_operators_record.py) through converter_lite and the
engine, compared with LiteRT's outputs; then damaged copies of them, which must be refused or converted, with nothing else happening.

    tflite_operators.py [--only PART] [--verbose] [--damage N]

--damage: damaged copies per model (default 3). Prints "N passed, N failed". Needs numpy. Environment: see mslite.py.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import mslite

# float outputs: 1e-4 of the peak; quantised bytes: 1 step; 16 bits, which are computed as float32: 2 steps.
TOLERANCE = 1e-4


def models():
    found = {}
    with np.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tflite_operators.npz")) as data:
        for key in data.files:
            name, _, rest = key.partition("/")
            entry = found.setdefault(name, {"in": {}, "out": {}})
            if rest == "model":
                entry["model"] = data[key].tobytes()
            else:
                kind, _, tensor = rest.partition("/")
                entry[kind][tensor] = data[key]
    return found


def compare(want, got):
    if got.shape != want.shape:
        return "shape %s instead of %s" % (got.shape, want.shape)
    if want.dtype.kind == "f":
        off = np.max(np.abs(got.astype(np.float64) - want), initial=0) / max(np.max(np.abs(want), initial=0), 1e-30)
        return None if off <= TOLERANCE else "differs by %.2g of the peak" % off
    off = np.max(np.abs(got.astype(np.int64) - want.astype(np.int64)), initial=0)
    limit = {"int8": 1, "uint8": 1, "int16": 2}.get(str(want.dtype), 0)
    return None if off <= limit else "differs by %d" % off


def check(name, entry, folder):
    source, target = os.path.join(folder, "m.tflite"), os.path.join(folder, "m")
    with open(source, "wb") as file:
        file.write(entry["model"])
    if ":refused " in name:
        try:
            mslite.convert(source, target, "TFLITE")
        except mslite.Refused as error:
            missing = [word for word in name.split(":refused ")[1].split(";") if word not in str(error)]
            assert not missing, "the refusal does not name %s: %s" % (missing, error)
            return
        raise AssertionError("it was converted")
    options = []
    for side, values in (("input", entry["in"]), ("output", entry["out"])):
        kinds = {str(v.dtype) for v in values.values()} & {"int8", "uint8"}
        if kinds:
            options.append("--%sDataType=%s" % (side, kinds.pop().upper()))
    mslite.convert(source, target, "TFLITE", *options)
    got = dict(mslite.run(target + ".ms", entry["in"]))
    for tensor, want in entry["out"].items():
        assert tensor in got, "no output %s; there are %s" % (tensor, list(got))
        problem = compare(want, got[tensor])
        assert problem is None, "%s %s" % (tensor, problem)


def damaged(content, random):
    bytes_ = bytearray(content)
    if random.randint(4) == 0:
        return bytes(bytes_[:random.randint(len(bytes_))])
    for _ in range(random.randint(1, 12)):
        at = random.randint(len(bytes_))
        bytes_[at] = random.choice([0, 0xff, 0x7f, 0x80, bytes_[at] ^ (1 << random.randint(8)), random.randint(256)])
    return bytes(bytes_)


def survives(content, folder):
    """The converter ends by itself, with a text when it refuses."""
    source, target = os.path.join(folder, "d.tflite"), os.path.join(folder, "d")
    with open(source, "wb") as file:
        file.write(content)
    if os.path.exists(target + ".ms"):
        os.remove(target + ".ms")
    done = subprocess.run([mslite.CONVERTER, "--fmk=TFLITE", "--modelFile=" + source, "--outputFile=" + target, "--quiet"], capture_output=True, timeout=60)
    if done.returncode < 0:
        return "signal %d" % -done.returncode
    if done.returncode and (not done.stderr or os.path.exists(target + ".ms")):
        return "refused without a text, or with a file"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--damage", type=int, default=3)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    random = np.random.RandomState(arguments.seed)
    tally = mslite.Tally()
    for name, entry in models().items():
        if arguments.only not in name:
            continue
        folder = tempfile.mkdtemp()
        try:
            check(name, entry, folder)
            for _ in range(arguments.damage):
                content = damaged(entry["model"], random)
                problem = survives(content, folder)
                if problem:
                    kept = os.path.join(tempfile.gettempdir(), "damaged_%s.tflite" % name.split(":")[0])
                    with open(kept, "wb") as file:
                        file.write(content)
                    raise AssertionError("damaged: %s (%s)" % (problem, kept))
            tally.note(name)
            if arguments.verbose:
                print("ok  ", name)
        except Exception as error:
            tally.note(name, str(error)[:400] or repr(error))
        finally:
            shutil.rmtree(folder)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
