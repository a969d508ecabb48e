"""Tests of the benchmark itself: the numbers that it makes of fixed measurements, its pages, what it says when something is missing,
and one short run of our engine. How fast anything is, is no test. Ends with "N passed, N failed".

    python test_bench.py [part of a test's name]

Needs numpy. Environment: MSLITE_LIB: the engine's library; MSLITE_TOOLS: the folder of converter_lite and mslite.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser

import numpy as np

import inputs
import machine
import measure
import models
import report
import results
import roofline

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIBRARY = os.environ.get("MSLITE_LIB", os.path.join(ROOT, "build/lib/libmslite.so"))
TOOLS = os.environ.get("MSLITE_TOOLS", os.path.join(ROOT, "build/bin"))
WORK = tempfile.mkdtemp(prefix="mslite-bench-")
TESTS = []
passed = failed = 0
where = ""


def test(function):
    TESTS.append(function)
    return function


def check(condition, what, seen=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print("FAIL %s: %s: %s" % (where, what, str(seen)[-1500:]))


def near(value, expected, what):
    check(value is not None and abs(value - expected) <= 1e-6 * abs(expected), what, "%s, not %s" % (value, expected))


def refused(action, part, what):
    try:
        action()
        check(False, what, "nothing was refused")
    except (ValueError, models.Unavailable, roofline.Refused) as error:
        check(part in str(error), what, error)


# Two rounds of three engines on three models; ncnn fails on the second one, and nobody but us runs the third.
MEASURED = [("a", 1, "ours", [2.0, 4.0]), ("a", 1, "ort", [6.0, 6.0]), ("a", 1, "ncnn", [4.0, 8.0]),
            ("b<c>", 1, "ours", [8.0, 8.0]), ("b<c>", 1, "ort", [1.0, 3.0]), ("b<c>", 1, "ncnn", "it cannot compute out0"),
            ("alone", 1, "ours", [1.0, 1.0]), ("alone", 1, "ort", "there is no .onnx file"),
            ("a", 2, "ours", [1.0, 1.0]), ("a", 2, "ort", [4.0, 4.0])]


def measured():
    rows = []
    for model, threads, engine, times in MEASURED:
        start = {"model": model, "threads": threads, "engine": engine}
        if isinstance(times, str):
            rows.append(dict(start, round=0, error=times))
            continue
        for number, time in enumerate(times):
            rows.append(dict(start, round=number, median_ms=time, min_ms=time / 2, runs=10, load_ms=10 * time, first_ms=2 * time,
                             peak_kib=2048))
    return rows


NODES = [{"name": "conv \"1\"", "type": "Conv2DFusion", "arithmetic": "float32", "algorithm": "matrix product", "chain": 1,
          "output": [1, 8, 8, 4], "time": 0.5, "calls": 10, "flops": 4000000, "bytes": 1000},
         {"name": "copy|2", "type": "Concat", "arithmetic": "", "algorithm": "", "chain": 0, "output": [4], "time": 0.25, "calls": 40,
          "flops": 0, "bytes": 50000000},
         {"name": "open", "type": "NonZero", "arithmetic": "", "algorithm": "", "chain": 0, "output": [], "time": 0.1, "calls": 10,
          "flops": None, "bytes": None}]
PEAKS = machine.Machine(10e9, 40e9, [("L2 cache", 1 << 20, 100e9), ("memory", float("inf"), 50e9)])


def written(name):
    """A folder with the files of a run."""
    folder = os.path.join(WORK, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "results.tsv"), "w") as file:
        file.write("\t".join(results.FIELDS) + "\n")
        for row in measured():
            results.write_row(file, row)
    roofline.write(os.path.join(folder, "profile.tsv"), [roofline.parse("a", 1, {"operators": NODES}, 10)])
    with open(os.path.join(folder, "run.json"), "w") as file:
        json.dump({"date": "2026-01-31", "cpu": "Processor <X>", "processors": 2, "rounds": 2, "seconds": 0.5, "preferred": True,
                   "versions": {"ours": "mslite 1.0.0 (sse)", "ort": "9.9", "ncnn": "0.1"},
                   "machines": {"1": PEAKS.values(), "2": PEAKS.values()}}, file)
    return folder


@test
def medians_and_ratios():
    path = os.path.join(written("ratios"), "results.tsv")
    first, second, alone, threaded = results.compare(results.read(path))
    near(first.ran("ours").median_ms, 3.0, "the median of the rounds")
    near(first.ran("ours").load_ms, 30.0, "its load time")
    near(first.ran("ours").peak_mib, 2.0, "its memory")
    check(first.best_peer in ("ort", "ncnn"), "the best peer", first.best_peer)
    near(first.ratio(), 0.5, "ours / best peer")
    near(second.ratio(), 4.0, "without the peer that failed")
    check(second.ran("ncnn") is None and second.ratio("ncnn") is None, "a peer that failed has no ratio")
    check(alone.ratio() is None and alone.best_peer is None, "no peer, no ratio")
    near(threaded.ratio("ort"), 0.25, "two threads")


@test
def geometric_means():
    lines = {(s.threads, s.engine): s for s in results.standings(results.compare(measured()))}
    best = lines[1, None]
    near(best.mean, 2 ** 0.5, "of 0.5 and 4")
    check((best.count, best.ahead, best.worst, best.worst_model) == (2, 1, 4.0, "b<c>"), "counts and the worst", best)
    check(lines[1, "ncnn"].count == 1 and lines[2, None].count == 1, "only models that both have run", lines)
    check((2, "ncnn") not in lines, "no line for a peer that ran nothing", lines)


@test
def another_table_is_refused():
    path = os.path.join(WORK, "other.tsv")
    with open(path, "w") as file:
        file.write("model\tthreads\n")
    refused(lambda: results.read(path), "columns", "results with other columns")
    refused(lambda: roofline.read(path), "columns", "a profile with other columns")


@test
def roofs():
    profile = roofline.parse("a", 1, {"operators": NODES}, 10)
    conv, copy, unknown = profile.nodes
    near(conv.share(PEAKS), 0.8, "4 MFLOP at 10 GFLOP/s take 0.4 ms of 0.5")
    near(conv.gigaflops, 8.0, "attained operations")
    near(copy.time_ms, 1.0, "a node that runs four times in a run")
    near(copy.bytes, 200000000, "and its bytes")
    near(copy.share(PEAKS), 4.0, "bytes that fit no cache come from memory")
    check(unknown.share(PEAKS) is None and unknown.gigabytes is None, "shapes that depend on data have no roof")
    near(profile.share(PEAKS), 4.4 / 1.5, "all nodes that have one")
    near(1e3 * PEAKS.shortest(4000000, 0, integer=True), 0.1, "integers have a roof of their own")
    near(PEAKS.bandwidth(1 << 20), 100e9, "what just fits the cache")
    again = roofline.read(os.path.join(written("roofs"), "profile.tsv"))[0]
    check([n.flops for n in again.nodes] == [4000000, 0, None], "the file keeps what is not known", [n.flops for n in again.nodes])
    check([n.method for n in again.nodes] == ["matrix product, bands 1", "", ""], "algorithm and chain", [n.method for n in again.nodes])


@test
def machine_text():
    read = machine.parse("flops 1e11\nread 512 2e11\nread 4096 1e10\n", [("L2 cache", 1024)], [512, 4096])
    check(read.int8 == 0.0 and read.levels == [("L2 cache", 1024, 2e11), ("memory", float("inf"), 1e10)], "peaks", read.values())
    near(read.shortest(1e11, 0, integer=True), 1.0, "without a peak for integers, that of floats")
    again = machine.Machine.of(json.loads(json.dumps(read.values())))
    check(again.levels == read.levels, "through JSON and back", again.levels)


@test
def layouts_of_inputs():
    path = os.path.join(WORK, "in_0.bin")
    np.arange(24, dtype=np.float32).tofile(path)
    recorded = inputs.Inputs([{"name": "x", "file": path, "dtype": "float32", "shape": [1, 2, 3, 4]}])
    check(recorded.shape(0, ["x"], [1, 3, 4, 2]) == [1, 3, 4, 2], "NHWC is seen from the shape")
    data = recorded.array(0, ["x"], [1, 3, 4, 2], np.float32)
    check(data[0, 2, 3].tolist() == [11.0, 23.0] and data.flags["C_CONTIGUOUS"], "and the data turned", data)
    check(recorded.shape(0, ["other"], ["N", 2, None, 4]) == [1, 2, 3, 4], "by position, open dimensions filled")
    refused(lambda: recorded.array(0, ["x"], [1, 5], np.float32), "[1, 5]", "data of another shape")
    quantised = inputs.Inputs([{"name": "x", "file": path, "dtype": "int8", "shape": [96], "scale": 0.5, "zero_point": 2}])
    check(quantised.array(0, ["x"], [96], np.float32)[1] == -1.0, "recorded integers for an input of floats")
    check(quantised.array(0, ["x"], [96], np.int8)[1] == 0, "and for one of integers")
    made = inputs.Inputs([])
    check(made.shape(0, ["x"], [-1, 8]) == [1, 8], "an open batch is one")
    refused(lambda: made.shape(0, ["x"], [1, -1]), "open shape [1, -1]", "another open dimension")
    floats, whole = made.array(0, ["x"], [1, 8], np.float32), made.array(0, ["x"], [1, 8], np.int64)
    again = made.array(0, ["x"], [1, 8], np.float32)
    check(floats.min() >= 0 and floats.std() > 0 and (floats == again).all(), "the same floats again", floats)
    check(whole.dtype == np.int64 and not whole.any(), "valid indices", whole)


@test
def outputs_that_are_wrong():
    path = os.path.join(WORK, "out_0.bin")
    expected = np.linspace(-1, 3, 12, dtype=np.float32)
    expected.tofile(path)
    recorded = [{"files": [path], "dtype": "float32"}]

    def accepts(*outputs):
        try:
            inputs.check(recorded, outputs)
            return True
        except ValueError:
            return False

    check(accepts(expected.reshape(3, 4).T + np.float32(0.01)), "another layout and rounding")
    check(accepts(np.zeros(5), expected), "one of several outputs")
    check(not accepts(np.zeros(12, np.float32)), "nothing was computed")
    check(not accepts(np.full(12, np.nan, np.float32)), "not a number")
    refused(lambda: inputs.check(recorded, [expected + 2]), "off by 0.67", "the message says how far it is off")
    refused(lambda: inputs.check(recorded, [np.zeros(5)]), "12 are recorded", "an output that is missing")
    recorded[0]["files"].append(os.path.join(WORK, "original.bin"))
    np.zeros(12, np.float32).tofile(recorded[0]["files"][1])
    check(accepts(np.zeros(12, np.float32)), "what the original computes")
    np.arange(-6, 6, dtype=np.int8).tofile(path)
    recorded[0] = {"files": [path], "dtype": "int8", "scale": 0.5, "zero_point": 2}
    check(accepts(np.arange(-6, 6, dtype=np.int8)) and accepts(np.arange(-8, 4, dtype=np.float32) / 2), "integers, and what they stand for")


class Balance(HTMLParser):
    """Whether every element is closed, and what refers to something outside of the page."""
    OPEN = ("meta", "rect", "path", "br")

    def __init__(self, text):
        super().__init__()
        self.stack, self.wrong, self.outside, self.bars = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.bars += tag == "rect"
        self.outside += [(k, v) for k, v in attributes if k in ("src", "href", "xlink:href", "data", "srcset")]
        if tag in ("script", "link", "iframe", "img", "object"):
            self.outside.append(tag)
        if tag not in self.OPEN:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.OPEN:
            self.stack.pop()

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.wrong.append(tag)


@test
def pages():
    folder = written("pages")
    report.write(folder)
    with open(os.path.join(folder, "report.html")) as file:
        html = file.read()
    page = Balance(html)
    check(not page.wrong and not page.stack, "every element is closed", (page.wrong, page.stack))
    check(not page.outside and "url(" not in html and "@import" not in html and "http" not in html, "nothing from outside", page.outside)
    check("prefers-color-scheme: dark" in html, "light and dark")
    check(page.bars == 8, "a bar for each engine that ran", page.bars)
    check("b&lt;c&gt;" in html and "b<c>" not in html and "Processor &lt;X&gt;" in html, "names are escaped")
    check(html.count('<span class="behind">4.00</span>') >= 2 and '<span class="ahead">0.50</span>' in html, "ratios")
    check("<details>" in html and "conv &quot;1&quot;" in html and "80 %" in html, "all nodes of the profile")

    with open(os.path.join(folder, "report.md")) as file:
        text = file.read()
    check("| a | **3** | 6 | 6 | 0.50 |" in text, "a model's line", text[:2500])
    check("| b<c> | 8 | **2** | - | 4.00 |" in text, "the fastest is bold; a failed engine is a dash", text[:2500])
    check("| 1 thread | the best peer | 2 | 1.414 | 1 | 4.00 (b<c>) |" in text, "the geometric mean", text[:2500])
    check("| ncnn | it cannot compute out0 | b<c> |" in text and "there is no .onnx file" not in text, "what did not run", text)
    check("Not installed: MindSpore Lite, LiteRT, OpenVINO, MNN." in text, "what is not installed", text[:900])
    check("copy\\|2" in text, "names in a table", text)


@test
def models_of_a_folder():
    found = {m.name: m for m in models.find(os.path.join(ROOT, "Tests/Models"))}
    check(set(found["mtcnn_pnet"].files) == {".ms", ".onnx"} and len(found["mtcnn_pnet"].inputs) == 1, "formats and recorded data")
    check("tf_front_end/mobilenet_v1_025_128_int8" in found and "efficientnet_lite0_fp16" in found, "loose files", sorted(found))
    left_out = {"ms_from_repos/lenet_train", "ms_from_repos/two_add_operators"}
    check(not left_out & set(found), "neither training nor single operators", sorted(found))
    model = found["mtcnn_pnet"]
    check(model.file_for("ov", {}).endswith(".onnx"), "a file that an engine reads")
    refused(lambda: model.file_for("litert", {}), "there is no .tflite file", "a format that is not there")
    command = ["sh", "-c", "echo no such operator; exit 1"]
    broken = models.Converter(os.path.join(WORK, "broken"), ".mnn", lambda source, target, data: command)
    refused(lambda: model.file_for("mnn", {"mnn": broken}), "no such operator", "a converter that refuses")


def bench(*arguments):
    done = subprocess.run([sys.executable, os.path.join(HERE, "bench.py"), "--library", LIBRARY, "--tools", TOOLS, *arguments],
                          capture_output=True, text=True, errors="replace", timeout=600)
    return done.returncode, done.stdout, done.stderr


@test
def a_short_run():
    # A model that has to be converted, and a peer that does not start.
    folder, peers, output = (os.path.join(WORK, name) for name in ("models", "peers", "out"))
    os.makedirs(os.path.join(folder, "pnet"))
    for name in ("model.onnx", "meta.json"):
        shutil.copy(os.path.join(ROOT, "Tests/Models/mtcnn_pnet", name), os.path.join(folder, "pnet"))
    shutil.copytree(os.path.join(ROOT, "Tests/Models/mtcnn_pnet/case0"), os.path.join(folder, "pnet/case0"))
    os.makedirs(os.path.join(peers, "ort/bin"))
    python = os.path.join(peers, "ort/bin/python")
    with open(python, "w") as file:
        file.write("#!/bin/sh\necho no module named onnxruntime >&2\nexit 1\n")
    os.chmod(python, 0o755)
    status, _, err = bench("--models", folder, "--peers", peers, "--output", output, "--threads", "1", "--rounds", "1", "--seconds", "0.02")
    check(status == 0, "it ends well", err)
    check("ONNX Runtime is installed, but does not start: no module named onnxruntime" in err, "a broken peer is named", err)
    rows = [r for r in results.read(os.path.join(output, "results.tsv")) if r["engine"] == "ours"]
    check(len(rows) == 1 and "error" not in rows[0], "one round of ours", rows)
    row = rows[0]
    check(0 < row["min_ms"] <= row["median_ms"] and row["runs"] >= measure.FEWEST and row["load_ms"] > 0, "times", row)
    check(0 < row["peak_kib"] < 1 << 20, "memory", row)
    nodes = roofline.read(os.path.join(output, "profile.tsv"))[0].nodes
    check(all(n.time_ms > 0 and n.bytes > 0 for n in nodes), "the profile", [(n.name, n.time_ms, n.bytes) for n in nodes])
    check(8e7 < sum(n.flops for n in nodes) < 1e8, "its operations", [(n.name, n.flops) for n in nodes])
    with open(os.path.join(output, "run.json")) as file:
        peaks = machine.Machine.of(json.load(file)["machines"]["1"])
    check(peaks.flops > 0 and all(rate > 0 for _, _, rate in peaks.levels), "the machine's peaks", peaks.values())
    check(all(os.path.getsize(os.path.join(output, name)) for name in ("report.md", "report.html")), "the pages")


@test
def what_is_asked_for_wrongly():
    for arguments, part in ((["--only", "no such model"], "has a name with \"no such model\""),
                            (["--models", "/nowhere"], "--models: there is no /nowhere"),
                            (["--peers", "/nowhere"], "--peers: there is no /nowhere"),
                            (["--threads", "one"], "numbers are expected"), (["--rounds", "0"], "must be positive")):
        status, _, err = bench("--output", os.path.join(WORK, "refused"), *arguments)
        check(status and part in err, " ".join(arguments), err)


try:
    for function in TESTS:
        where = function.__name__
        if len(sys.argv) < 2 or sys.argv[1] in where:
            function()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
