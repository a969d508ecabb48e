"""The passes keep results, and leave no more nodes than the original converter does.

    passes.py MODELS [name ...]

MODELS is a folder of models: NAME/model.onnx with meta.json, case0/ and, made by the original converter, model.ms. Every model is
converted with and without optimisation; the outputs must agree with each other and with the recorded ones (1e-4 of the peak), and
the optimised file must not have more nodes, or more Transpose nodes, than the one of the original converter.
Prints `N passed, N failed`.
"""
import collections
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

import mslite

INSPECT = os.environ.get("MSLITE_TOOL", os.path.join(os.path.dirname(mslite.CONVERTER), "mslite"))
# The original's runtime refuses its own file (a PReLUFusion after a dense layer).
UNFAIR = {"mtcnn_onet"}


def histogram(path):
    """Node counts by operator, over all graphs of a file."""
    text = subprocess.run([INSPECT, "inspect", path, "--format", "json"], capture_output=True, text=True).stdout
    count = collections.Counter()
    for graph in json.loads(text)["graphs"]:
        for row in graph["operators"]:
            count[row["operator"]] += row["nodes"] if "nodes" in row else row["count"]
    return count


def load(folder, entry):
    data = np.fromfile(os.path.join(folder, entry["file"]), dtype=entry["dtype"])
    return data.reshape(entry["shape"])


def difference(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        return float("inf")
    return float(np.max(np.abs(a - b), initial=0) / max(np.max(np.abs(b), initial=0), 1e-20))


def main(root, names):
    tally = mslite.Tally()
    names = names or sorted(n for n in os.listdir(root) if os.path.exists(os.path.join(root, n, "model.onnx")))
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            folder = os.path.join(root, name)
            meta = json.load(open(os.path.join(folder, "meta.json")))
            problems, note = [], ""
            try:
                files = {}
                for mode, options in {"none": ["--optimize=none"], "general": []}.items():
                    files[mode] = os.path.join(scratch, name + "_" + mode)
                    start = time.time()
                    try:
                        mslite.convert(os.path.join(folder, "model.onnx"), files[mode], "ONNX", *options)
                    except mslite.Refused as e:
                        # Some models need a rank that only fixed shapes tell; the error says so.
                        if "--inputShape" not in str(e):
                            raise
                        shapes = ";".join("%s:%s" % (i["name"], ",".join(map(str, i["shape"]))) for i in meta["cases"][0]["inputs"])
                        mslite.convert(os.path.join(folder, "model.onnx"), files[mode], "ONNX", "--inputShape=" + shapes, *options)
                    note += "%s %.2f s  " % (mode, time.time() - start)
                for case in meta["cases"]:
                    # Not every case of the description need be there.
                    if not all(os.path.exists(os.path.join(folder, entry["file"])) for entry in case["inputs"] + case["outputs"]):
                        continue
                    inputs = {i["name"]: load(folder, i) for i in case["inputs"]}
                    inputs = {k: v.transpose(0, 2, 3, 1) if v.ndim == 4 else v for k, v in inputs.items()}
                    results = {mode: dict(mslite.run(path + ".ms", inputs)) for mode, path in files.items()}
                    for out in case["outputs"]:
                        golden = load(folder, out)
                        for mode, values in results.items():
                            d = difference(values[out["name"]], golden)
                            if not d <= 1e-4:
                                problems.append("%s: %s differs by %.2g of the peak" % (mode, out["name"], d))
                        d = difference(results["general"][out["name"]], results["none"][out["name"]])
                        note += "%.1e " % d
                mine = histogram(files["general"] + ".ms")
                note += " nodes %d, %d transposes" % (sum(mine.values()), mine["Transpose"])
                original = next((p for p in (os.path.join(folder, f) for f in ("model.ms", "model_dynamic.ms")) if os.path.exists(p)), None)
                if original and name not in UNFAIR:
                    theirs = histogram(original)
                    note += " (original %d, %d)" % (sum(theirs.values()), theirs["Transpose"])
                    if sum(mine.values()) > sum(theirs.values()) or mine["Transpose"] > theirs["Transpose"]:
                        problems.append("more nodes than the original: %s; %s" % (dict(mine - theirs), dict(theirs - mine)))
            except mslite.Refused as e:
                problems.append(str(e))
            except (KeyError, RuntimeError) as e:
                problems.append(repr(e))
            print("%-20s %s" % (name, note))
            tally.note(name, "; ".join(problems[:6]))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
