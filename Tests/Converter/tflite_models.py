"""TFLite models through converter_lite and the engine, compared with recorded outputs.

    tflite_models.py [--only PART] [--verbose] [FOLDER ...]

A FOLDER has the form of Tests/Models (the default): folders with a meta.json beside model.tflite and model_original.tflite, and
single_op_tflite and tf_front_end with an index.json. MSLITE_EXTRA_MODELS names one more. float outputs may differ by 1e-4 of the largest
recorded value, quantised ones by 4 steps, integers not at all. Prints "N passed, N failed". Needs numpy. Environment: see mslite.py.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile

import numpy as np

import mslite

TOLERANCE = 1e-4
STEPS = 4
# Correct engines round differently in every layer; of 1000 results of EfficientNet-Lite0 one lies 4 steps apart.
# LiteRT quantises the activations of dense layers as it runs; its own kernels differ by 1.9e-2 among each other.
LOOSER = {"fer_emotion_dyn8": 2e-2}


def load(folder, entry, path, shape, kind):
    return np.fromfile(os.path.join(folder, path), np.dtype(kind)).reshape(shape)


def cases(root):
    """(name, model, [(inputs, outputs)], quantised)"""
    for name in sorted(os.listdir(root)):
        folder = os.path.join(root, name)
        meta = os.path.join(folder, "meta.json")
        if os.path.exists(meta):
            meta = json.load(open(meta))
            for file in ("model.tflite", "model_original.tflite"):
                model = os.path.join(folder, file)
                if not os.path.exists(model):
                    continue
                runs = [(["in", folder, c["inputs"]], ["out", folder, c["outputs"]]) for c in meta["cases"]
                        if all(os.path.exists(os.path.join(folder, t["file"])) for t in c["inputs"] + c["outputs"])]
                yield name + ("" if file == "model.tflite" else "/original"), model, runs, bool(meta.get("quant_io"))
        index = os.path.join(folder, "index.json")
        if os.path.exists(index) and name in ("single_op_tflite", "tf_front_end"):
            for entry in json.load(open(index)):
                stem = entry.get("op") or entry["name"]
                model = os.path.join(folder, stem + ".tflite")
                if not os.path.exists(model):
                    continue
                rows = lambda key: [dict(zip(("file", "name", "shape", "dtype"), row)) for row in entry.get(key, [])]
                files = [r["file"] for r in rows("inputs") + rows("outputs")]
                recorded = files and all(os.path.exists(os.path.join(folder, f)) for f in files)
                runs = [(["in", folder, rows("inputs")], ["out", folder, rows("outputs")])] if recorded else []
                yield name + "/" + stem, model, runs, bool(entry.get("quant") or entry.get("quant_io"))


def arrays(description):
    _, folder, rows = description
    return [load(folder, r, r["file"], r["shape"], r["dtype"]) for r in rows], [r["name"] for r in rows]


def difference(name, want, got, quantised):
    if list(got.shape) != list(want.shape):
        return "shape %s instead of %s" % (list(got.shape), list(want.shape))
    if want.dtype.kind == "f":
        if want.size == 0:
            return None
        peak = max(float(np.max(np.abs(want))), 1e-30)
        off = float(np.max(np.abs(got.astype(np.float64) - want))) / peak
        limit = LOOSER.get(name, TOLERANCE)
        return None if off <= limit else "differs by %.2g of the peak" % off
    off = int(np.max(np.abs(got.astype(np.int64) - want.astype(np.int64)), initial=0))
    limit = STEPS if quantised and want.dtype.itemsize == 1 and want.dtype != np.bool_ else 0
    return None if off <= limit else "differs by %d" % off


def check(name, model, runs, quantised, folder):
    """Raises what is wrong."""
    target = os.path.join(folder, "model")
    # Recorded integers are compared as integers: the file then keeps the types of its source.
    options = []
    kinds = {r["dtype"] for i, o in runs for r in i[2] + o[2]}
    if quantised and kinds & {"int8", "uint8"}:
        kind = "INT8" if "int8" in kinds else "UINT8"
        options = ["--inputDataType=" + kind, "--outputDataType=" + kind]
    mslite.convert(model, target, "TFLITE", *options)
    ms = mslite.Model(target + ".ms")
    problems = []
    for inputs, outputs in runs:
        data, names = arrays(inputs)
        want, wanted_names = arrays(outputs)
        by_name = dict(zip(names, data))
        try:
            data = [by_name[n] for n, _, _ in ms.inputs()]
        except KeyError as error:
            raise mslite.Refused("no input is named %s; there are %s" % (error, names))
        got = dict(ms.run(data))
        for n, w in zip(wanted_names, want):
            if n not in got:
                raise mslite.Refused("no output is named %s; there are %s" % (n, list(got)))
            problem = difference(name, w, got[n], quantised)
            if problem:
                problems.append("%s %s" % (n, problem))
    if problems:
        raise mslite.Refused("; ".join(problems))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    folders = arguments.folders or [os.path.join(mslite.ROOT, "Tests/Models")]
    if os.environ.get("MSLITE_EXTRA_MODELS"):
        folders.append(os.environ["MSLITE_EXTRA_MODELS"])
    tally = mslite.Tally()
    for root in folders:
        for name, model, runs, quantised in cases(root):
            if arguments.only not in name:
                continue
            folder = tempfile.mkdtemp()
            try:
                check(name, model, runs, quantised, folder)
                tally.note(name)
                if arguments.verbose:
                    print("ok   %s%s" % (name, "" if runs else " (nothing recorded: built only)"))
            except Exception as error:
                tally.note(name, str(error) or repr(error))
            finally:
                shutil.rmtree(folder)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
