"""Every ONNX model of a folder of test models through converter_lite and the engine, compared with its golden outputs.

    onnx_models.py MODELS [--generated FOLDER] [--only NAME ...]

MODELS has a folder for each model: model.onnx, meta.json (which names the inputs and outputs of each case, their shapes and types) and
the raw values. --generated: where the networks lie that MODELS/generators writes (NAME.onnx, without the suffix _rand); those whose file is
nowhere are left out.
A model passes when every output agrees within 1e-4 of its peak (quantised models: 3e-2, of which a few steps of eight bits make
up). Inputs may be channels-last in the converted file. Prints the time and the memory of each conversion.
Needs numpy. Environment: see mslite.py.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

import mslite


def arranged(data, shape):
    """An input in the layout of the converted model."""
    fits = len(shape) == data.ndim and all(s in (-1, d) for s, d in zip(shape, data.shape))
    if data.ndim == 4 and not fits:
        return data.transpose(0, 2, 3, 1)
    # A square image with as many rows as channels fits both ways; the converter's default is channels-last.
    return data


def convert(source, target, options):
    """Seconds and peak memory (MB) of the conversion."""
    began = time.time()
    command = [mslite.CONVERTER, "--fmk=ONNX", "--modelFile=" + source, "--outputFile=" + target, "--quiet", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise mslite.Refused(text.strip() or "converter_lite ended with status %d" % status)
    return time.time() - began, usage.ru_maxrss / 1024


def check(folder, meta, source, scratch, options):
    """(seconds, MB, largest difference relative to the peak)"""
    target = os.path.join(scratch, meta["id"])
    seconds, memory = convert(source, target, options)
    model = mslite.Model(target + ".ms")
    worst = 0.0
    for case in meta["cases"]:
        # Not every case of the description need be there.
        if not all(os.path.exists(os.path.join(folder, entry["file"])) for entry in case["inputs"] + case["outputs"]):
            continue
        def read(entry):
            return np.fromfile(os.path.join(folder, entry["file"]), entry["dtype"]).reshape(entry["shape"])
        given = {entry["name"]: read(entry) for entry in case["inputs"]}
        results = dict(model.run({name: arranged(given[name], shape) for name, _, shape in model.inputs()}))
        for entry in case["outputs"]:
            want, got = read(entry), results[entry["name"]]
            if got.shape != want.shape:
                raise mslite.Refused("output %s has the shape %s instead of %s" % (entry["name"], list(got.shape), list(want.shape)))
            peak = max(np.abs(want).max(initial=0), 1e-12)
            worst = max(worst, float(np.abs(got.astype(np.float64) - want).max(initial=0) / peak))
    return seconds, memory, worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models")
    parser.add_argument("--generated")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--option", action="append", default=[], help="passed on to converter_lite")
    arguments = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="onnx-models-")
    tally = mslite.Tally()
    for name in sorted(os.listdir(arguments.models)):
        folder = os.path.join(arguments.models, name)
        if not os.path.exists(os.path.join(folder, "meta.json")) or (arguments.only and name not in arguments.only):
            continue
        meta = json.load(open(os.path.join(folder, "meta.json")))
        places = [os.path.join(folder, "model.onnx")]
        if arguments.generated:
            places.append(os.path.join(arguments.generated, name.removesuffix("_rand") + ".onnx"))
        source = next((place for place in places if os.path.exists(place)), None)
        if source is None:
            continue
        limit = 3e-2 if meta.get("task") == "quantized" else 1e-4
        try:
            seconds, memory, worst = check(folder, meta, source, scratch, arguments.option)
            size = os.path.getsize(source) / 1e6
            seen = "%.1e of the peak; %.1f MB converted in %.1f s, %.0f MB of memory" % (worst, size, seconds, memory)
            print("%-24s %s" % (name, seen), flush=True)
            tally.check(name, worst <= limit, seen)
        except (mslite.Refused, KeyError, ValueError) as error:
            tally.note(name, "%s: %s" % (type(error).__name__, error))
    shutil.rmtree(scratch)
    sys.exit(tally.end())


if __name__ == "__main__":
    main()
