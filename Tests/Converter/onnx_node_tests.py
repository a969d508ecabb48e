"""The node tests of the `onnx` package (made in memory by onnx.backend.test) through converter_lite and the engine.

    onnx_node_tests.py [--only PATTERN ...] [--jobs N] [--keep FOLDER] [--verbose] [--constants]

A case passes when the converted model gives the package's outputs (rtol 1e-3, atol 1e-4; integers exactly; int64 as int32 and
float64 as float32), or when the converter refuses it for the reason that onnx_node_expected.txt states. Lines of that file:
`pattern: text`, where the pattern may have wildcards and the text must occur in the refusal. The text `random:` means that the
results are random numbers: the model must convert and run, and give the types and shapes of the package's outputs.
With --constants all operands but the first are constants of the model, as weights, sizes and scales are in real ones.
Every case runs in a process of its own. Needs numpy, ml_dtypes and onnx. Environment: see mslite.py.
"""
import argparse
import collections
import fnmatch
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import warnings

import numpy as np

import mslite

HERE = os.path.dirname(os.path.abspath(__file__))


def collect():
    warnings.simplefilter("ignore")
    from onnx.backend.test.case.node import collect_testcases
    return sorted(collect_testcases(None), key=lambda case: case.name)


def expectations():
    lines = []
    for line in open(os.path.join(HERE, "onnx_node_expected.txt")):
        line = line.split("#")[0].strip()
        if line:
            pattern, text = line.split(": ", 1)
            lines.append((pattern, text.strip()))
    return lines


# Element types that the engine holds in another type.
HELD = {"int64": "int32", "float64": "float32", "bfloat16": "float32", "uint4": "uint8", "int4": "int8"}


def difference(want, got, is_random):
    """What differs between an output and its reference; None when nothing does. Of random numbers only type and shape count."""
    held = HELD.get(str(want.dtype), str(want.dtype))
    if str(got.dtype) != held:
        return "type %s instead of %s" % (got.dtype, held)
    if got.shape != want.shape:
        if sorted(got.shape) == sorted(want.shape) and got.ndim == 4 and got.transpose(0, 3, 1, 2).shape == want.shape:
            got = got.transpose(0, 3, 1, 2)
        else:
            return "shape %s instead of %s" % (list(got.shape), list(want.shape))
    if is_random:
        return None
    if held.startswith("float"):
        tolerance = (1e-2, 1e-2) if str(want.dtype) in ("float16", "bfloat16") else (1e-3, 1e-4)
        want = want.astype(np.float64)
        if np.allclose(got.astype(np.float64), want, rtol=tolerance[0], atol=tolerance[1], equal_nan=True):
            return None
        with np.errstate(all="ignore"):
            return "values differ by %g" % np.nanmax(np.abs(got.astype(np.float64) - want), initial=0)
    if np.array_equal(got.astype(object), want.astype(object)):
        return None
    return "%d of %d values differ" % (np.count_nonzero(got.astype(object) != want.astype(object)), want.size)


def array(value):
    """An input or output of a data set, some of which are TensorProto."""
    if hasattr(value, "SerializeToString"):
        from onnx.numpy_helper import to_array
        return to_array(value) if hasattr(value, "data_type") else value
    return np.asarray(value)


def fixed(case, stem):
    """The model with its small operands behind the first (axes, shapes, sizes) as initializers, as exporters write them, and their
    names. The package's tests make every operand an input, whatever it means."""
    import onnx
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    first = {node.input[0] for node in graph.node if node.input}
    values = dict(zip([value.name for value in graph.input], map(array, case.data_sets[0][0])))
    names = {name for name, value in values.items()
             if name not in first and isinstance(value, np.ndarray) and value.ndim <= 1 and value.size <= 64}
    for value in [value for value in graph.input if value.name in names]:
        graph.initializer.append(onnx.numpy_helper.from_array(values[value.name], value.name))
        graph.input.remove(value)
    with open(stem + ".onnx", "wb") as file:
        file.write(model.SerializeToString())
    return names


# What is said of operands whose values are needed before the run.
NEEDS_VALUE = re.compile("must be constant|needs the sizes before the run|is needed and not known|is not known; give|needs constant")


def arranged(data, shape):
    """An input in the layout of the converted model: images may be channels-last there."""
    if data.ndim == 4 and list(data.shape) != shape and list(data.transpose(0, 2, 3, 1).shape) == shape:
        return data.transpose(0, 2, 3, 1)
    return data


def with_constants(model, inputs):
    """The model with all inputs but the first as initializers, and the inputs that are left."""
    import onnx
    from onnx import numpy_helper
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for value, data in list(zip(model.graph.input, inputs))[1:]:
        if not value.type.HasField("tensor_type"):
            continue
        if hasattr(data, "SerializeToString"):
            tensor = onnx.TensorProto.FromString(data.SerializeToString())
            tensor.name = value.name
        else:
            tensor = numpy_helper.from_array(np.asarray(data), value.name)
        if tensor.data_type != value.type.tensor_type.elem_type:
            continue
        model.graph.initializer.append(tensor)
        model.graph.input.remove(value)
    return model


def check(case, folder, constants, is_random):
    """Empty when the case passes; otherwise "stage: reason"."""
    stem = os.path.join(folder, case.name)
    model = with_constants(case.model, case.data_sets[0][0]) if constants else case.model
    with open(stem + ".onnx", "wb") as file:
        file.write(model.SerializeToString())
    reason = attempt(case, stem, case.data_sets[:1] if constants else case.data_sets, is_random)
    if reason.startswith("run: ") or NEEDS_VALUE.search(reason):
        if fixed(case, stem):
            reason = attempt(case, stem, case.data_sets[:1], is_random)
    if NEEDS_VALUE.search(reason) and not constants:
        return check(case, folder, True, is_random)
    return reason


def bytes_wanted(case):
    """The option for results that are quantised bytes, which are real numbers by default."""
    last = case.model.graph.node[-1].op_type if case.model.graph.node else ""
    types = {value.type.tensor_type.elem_type for value in case.model.graph.output}
    name = {2: "UINT8", 3: "INT8"}.get(types.pop()) if len(types) == 1 else None
    return ["--outputDataType=" + name] if name and last in ("QuantizeLinear", "QLinearConv", "QLinearMatMul") else []


def attempt(case, stem, data_sets, is_random):
    """Converts and runs STEM.onnx; like check."""
    try:
        mslite.convert(stem + ".onnx", stem, "ONNX", "--inputDataFormat=NCHW", *bytes_wanted(case))
    except mslite.Refused as error:
        return "convert: %s" % error
    graph = case.model.graph
    for inputs, outputs in data_sets:
        try:
            model = mslite.Model(stem + ".ms")
            named = dict(zip([value.name for value in graph.input], map(array, inputs)))
            results = dict(model.run({name: arranged(named[name], shape) for name, _, shape in model.inputs()}))
        except mslite.Refused as error:
            return "run: %s" % error
        for value, want in zip(graph.output, outputs):
            if value.name not in results:
                return "compare: no output %s, there are %s" % (value.name, sorted(results))
            different = difference(array(want), results[value.name], is_random)
            if different:
                return "compare: %s: %s" % (value.name, different)
    return ""


def start(case, folder, constants, is_random):
    """Runs a case in a child process; returns its process number and the end of a pipe that its result comes through."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    signal.alarm(120)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    try:
        text = check(case, folder, constants, is_random)
    except BaseException as error:
        text = "script: %s: %s" % (type(error).__name__, error)
    os.write(writing, b"=" + text.encode()[:60000])
    os._exit(0)


def run_all(cases, folder, jobs, constants, random):
    """The reason of each case by its name. `random`: names of the cases whose results are random numbers."""
    results, running, waiting = {}, {}, list(reversed(cases))
    while waiting or running:
        while waiting and len(running) < jobs:
            case = waiting.pop()
            child, pipe = start(case, folder, constants, case.name in random)
            running[pipe] = (case.name, child, [])
        for pipe in select.select(list(running), [], [])[0]:
            name, child, pieces = running[pipe]
            piece = os.read(pipe, 65536)
            if piece:
                pieces.append(piece)
                continue
            os.close(pipe)
            del running[pipe]
            _, status = os.waitpid(child, 0)
            text = b"".join(pieces).decode(errors="replace")
            results[name] = text[1:] if text else "crash: the process ended with status %d" % status
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=["*"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", help="leave the models in this folder")
    parser.add_argument("--constants", action="store_true", help="operands after the first are constants")
    parser.add_argument("--verbose", action="store_true", help="whole reasons")
    arguments = parser.parse_args()
    began = time.time()
    cases = [case for case in collect() if any(fnmatch.fnmatch(case.name, p) for p in arguments.only)]
    folder = arguments.keep or tempfile.mkdtemp(prefix="onnx-node-")
    os.makedirs(folder, exist_ok=True)
    expected = expectations()
    drawn = [(p, t) for p, t in expected if t == "random:"]
    random = {case.name for case in cases if any(fnmatch.fnmatchcase(case.name, p) for p, _ in drawn)}
    results = run_all(cases, folder, arguments.jobs, arguments.constants, random)
    if not arguments.keep:
        shutil.rmtree(folder)
    tally, failed, refused, used = mslite.Tally(), [], 0, set()
    for name in sorted(results):
        reason = results[name]
        entry = next(((p, t) for p, t in expected if fnmatch.fnmatchcase(name, p) and t in reason and t != "random:"), None)
        stated = [t for p, t in expected if fnmatch.fnmatchcase(name, p)]
        if reason.startswith(("convert: ", "run: ")) and entry:
            refused += 1
            tally.note(name)
            used.add(entry)
        elif reason:
            failed.append((name, reason))
        elif name in [p for p, t in expected if t != "random:"] and not arguments.constants:
            failed.append((name, "passes, but is listed as refused: %s" % stated[0]))
        else:
            tally.note(name)
    groups = collections.defaultdict(list)
    for name, reason in failed:
        line = " | ".join(part for part in reason.splitlines() if part.strip())
        line = line if arguments.verbose else line[:230]
        tally.note(name, line)
        groups[re.sub(r'"[^"]*"|[-+]?[0-9][0-9.e+-]*|\[.*?\]', "_", line)[:110]].append(name)
    if len(failed) > 20:
        print("\nmost frequent reasons:")
        for key, names in sorted(groups.items(), key=lambda item: -len(item[1]))[:40]:
            print("%5d  %s   (%s ...)" % (len(names), key, names[0]))
    if arguments.only == ["*"]:
        used.update((p, t) for p, t in drawn if fnmatch.filter(random, p))
        for entry in [e for e in expected if e not in used]:
            print("unused expectation: %s: %s" % entry)
    print("%d refused as expected, %d with random results that were not compared, %.0f s" % (
        refused, len(random.difference(name for name, _ in failed)), time.time() - began))
    sys.exit(tally.end())


if __name__ == "__main__":
    main()
