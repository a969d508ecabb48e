"""mslite inspect, compare and benchmark on the models of Tests/Models: facts, files that they write, damaged weights, refusals.
Ends with "N passed, N failed".

    python tools.py [part of a test's name]

Needs numpy; onnx for the tests that convert a model. Environment: MSLITE_TOOL, MSLITE_LIB (or MSLITE_LIBRARY), MSLITE_CONVERTER (or
CONVERTER): paths of the tool, the engine's library and converter_lite.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.dom.minidom
from html.parser import HTMLParser

import numpy as np

import mslite

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODELS = os.path.join(ROOT, "Tests/Models")
TOOL = os.environ.get("MSLITE_TOOL", os.path.join(ROOT, "build/bin/mslite"))
LIBRARY = os.environ.get("MSLITE_LIB") or os.environ.get("MSLITE_LIBRARY") or os.path.join(ROOT, "build/lib/libmslite.so")
CONVERTER = os.environ.get("MSLITE_CONVERTER") or os.environ.get("CONVERTER") or os.path.join(ROOT, "build/bin/converter_lite")
WORK = tempfile.mkdtemp(prefix="mslite-tools-")
TESTS = []
tally = mslite.Tally()
where = ""


def test(function):
    TESTS.append(function)
    return function


def check(condition, what, seen=""):
    tally.check("%s: %s" % (where, what), condition, str(seen)[-1500:])


def run(*arguments, tool=TOOL):
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, errors="replace", timeout=300)
    return done.returncode, done.stdout, done.stderr


def model(name):
    return os.path.join(MODELS, name)


def work(name):
    return os.path.join(WORK, name)


def inspect(path, *options):
    status, out, err = run("inspect", path, "--format", "json", *options)
    check(status == 0, "status", (status, err))
    return json.loads(out)


def refused(status, texts, *arguments, tool=TOOL):
    code, out, err = run(*arguments, tool=tool)
    check(code == status, "status of %s" % " ".join(arguments), (code, err))
    for text in texts:
        check(text in err, "says %r" % text, err)


# ---- a reader of .ms files, enough to find a constant's bytes


def table_field(data, table, number):
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", data, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0]
    return table + offset if offset else None


def follow(data, position):
    return position + struct.unpack_from("<I", data, position)[0]


def constant_range(data, name):
    """First byte and number of bytes of the constant `name`."""
    tensors = follow(data, table_field(data, follow(data, 0), 7))
    for i in range(struct.unpack_from("<I", data, tensors)[0]):
        tensor = follow(data, tensors + 4 + 4 * i)
        at, content = table_field(data, tensor, 9), table_field(data, tensor, 6)
        if at is None or content is None:
            continue
        text = follow(data, at)
        if data[text + 4:text + 4 + struct.unpack_from("<I", data, text)[0]].decode() == name:
            vector = follow(data, content)
            return vector + 4, struct.unpack_from("<I", data, vector)[0]
    raise KeyError(name)


# ---- inspect


@test
def facts_of_a_detector():
    facts = inspect(model("face_detect_short/model.ms"))
    check(facts["identifier"] == "MSL2" and facts["format"] == "ms", "identifier", facts["identifier"])
    check([(t["name"], t["type"], t["shape"], t["format"]) for t in facts["inputs"]] == [("input", "float32", [1, 128, 128, 3], "NHWC")],
          "inputs", facts["inputs"])
    check({t["name"]: t["shape"] for t in facts["outputs"]} == {"regressors": [1, 896, 16], "classificators": [1, 896, 1]}, "outputs")
    nodes = facts["graphs"][0]["nodes"]
    first = nodes[0]
    check(first["operator"] == "Conv2DFusion" and first["attributes"]["kernel_size"] == [5, 5], "first node", first)
    check(first["attributes"]["activation_type"] == "RELU" and first["attributes"]["in_channel"] == 3, "attributes", first)
    # 64 x 64 pixels, 24 kernels of 5 x 5 x 3.
    check(first["macs"] == 64 * 64 * 24 * 75 and first["flops"] == 2 * first["macs"], "MACs", first["macs"])
    # Depthwise: 64 x 64 pixels, 24 channels, 3 x 3.
    check(nodes[1]["macs"] == 64 * 64 * 24 * 9, "depthwise MACs", nodes[1]["macs"])
    check(facts["macs"] == sum(n["macs"] for n in nodes), "sum of MACs")
    histogram = {o["operator"]: o["nodes"] for o in facts["graphs"][0]["operators"]}
    check(histogram["Conv2DFusion"] == 37 and sum(histogram.values()) == len(nodes), "histogram", histogram)
    check(facts["engine"]["accepts"] and facts["engine"]["memory"]["arenaBytes"] > 64 * 64 * 24 * 4, "memory", facts["engine"])
    size = sum(np.prod(w["shape"], dtype=int) * 4 for w in facts["weights"]["list"])
    check(size == facts["weights"]["bytes"] and facts["parameters"] * 4 == size, "weights", (size, facts["weights"]["bytes"]))


@test
def text_of_every_model():
    for folder, _, files in os.walk(MODELS):
        for name in sorted(files):
            if not name.endswith(".ms") or "encrypted" in name or "train" in name:
                continue
            status, out, err = run("inspect", os.path.join(folder, name))
            check(status in (0, 1) and "Engine" in out and not err, name, (status, err))


@test
def packed_and_quantised_weights():
    facts = inspect(model("ms_variants/lenet28__wq5.ms"))
    check(any("5 bits" in p for p in facts["weights"]["packings"]), "packing of 5 bits", facts["weights"]["packings"])
    check(facts["weights"]["quantised"] > 0, "quantised", facts["weights"]["quantised"])
    plain = inspect(model("ms_variants/lenet28__fp32.ms"))
    check(facts["parameters"] == plain["parameters"] and facts["weights"]["bytes"] < plain["weights"]["bytes"] / 3, "sizes")
    check(any(n.get("quantType") == "WEIGHT" for n in facts["graphs"][0]["nodes"]), "quantType WEIGHT")
    full = inspect(model("ms_variants/lenet28__full8.ms"))
    check(any(n.get("quantType") == "ALL" for n in full["graphs"][0]["nodes"]), "quantType ALL")
    check("int8" in full["weights"]["types"], "int8 weights", full["weights"]["types"])


@test
def subgraphs():
    facts = inspect(model("control_flow/nested_while.ms"))
    check(len(facts["graphs"]) == 7, "7 graphs", len(facts["graphs"]))
    calls = [n["attributes"].get("sub_graph_index") for g in facts["graphs"] for n in g["nodes"] if n["operator"] == "PartialFusion"]
    check(all(1 <= c < 7 for c in calls) and len(calls) >= 6, "calls", calls)


@test
def open_shapes():
    path = model("dnsmos_p808/model_dynamic.ms")
    facts = inspect(path)
    check(-1 in facts["inputs"][0]["shape"] and "memory" not in facts["engine"], "open shape", facts["inputs"])
    one = inspect(path, "--inputShape", "input_1:1,900,120")
    same = inspect(path, "--inputShape", "1,900,120")
    two = inspect(path, "--inputShape", "input_1:2,900,120")
    check(one["macs"] > 0 and one["macs"] == same["macs"] and two["macs"] == 2 * one["macs"], "MACs", (one["macs"], two["macs"]))
    check(two["engine"]["memory"]["arenaBytes"] > one["engine"]["memory"]["arenaBytes"], "memory grows")
    refused(64, ['no input is named "x"', "input_1"], "inspect", path, "--inputShape", "x:1,2,3")
    refused(64, ["not a dimension"], "inspect", path, "--inputShape", "input_1:1,b")


@test
def pictures():
    for name in ("face_detect_short/model.ms", "control_flow/nested_while.ms", "lstm2x128_rand/model.ms"):
        svg, dot = work("graph.svg"), work("graph.dot")
        status, _, err = run("inspect", model(name), "--summary", "--graph", svg, "--graph", dot)
        check(status == 0, "status", err)
        document = xml.dom.minidom.parse(svg)
        facts = inspect(model(name))
        boxes = sum(len(g["nodes"]) + len(g["inputs"]) + len(g["outputs"]) for g in facts["graphs"])
        groups = document.getElementsByTagName("g")
        check(len(groups) == boxes, "boxes of " + name, (len(groups), boxes))
        view = [float(v) for v in document.documentElement.getAttribute("viewBox").split()]
        placed = []
        for group in groups:
            r = group.getElementsByTagName("rect")[0]
            x, y, w, h = (float(r.getAttribute(k)) for k in ("x", "y", "width", "height"))
            placed.append((x, y, w, h))
            check(x >= 0 and y >= 0 and x + w <= view[2] and y + h <= view[3], "a box inside the picture", (x, y, w, h, view))
        overlaps = [(a, b) for i, a in enumerate(placed) for b in placed[:i]
                    if a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]]
        check(not overlaps, "no boxes overlap", overlaps[:2])
        check("href" not in open(svg).read() and "<script" not in open(svg).read(), "self-contained")
        text = open(dot).read()
        check(text.count("fillcolor=") == boxes and text.strip().endswith("}"), "Graphviz", text[:200])
        if shutil.which("dot"):
            check(subprocess.run(["dot", "-Tplain", dot], capture_output=True).returncode == 0, "Graphviz reads it")
    refused(64, [".svg or .dot"], "inspect", model("face_detect_short/model.ms"), "--graph", work("graph.png"))
    refused(2, ["cannot be written"], "inspect", model("mtcnn_onet/model.ms"), "--graph", work("no/such/folder/graph.svg"))


@test
def broken_files():
    good = open(model("face_detect_short/model.ms"), "rb").read()
    refused(2, ["nothing.ms", "no such file"], "inspect", work("nothing.ms"))
    for name, content, text in (("text.ms", b"this is not a model at all", "not a model file"), ("empty.ms", b"", "is empty")):
        open(work(name), "wb").write(content)
        refused(2, [text], "inspect", work(name))
    rng = np.random.RandomState(1)
    for i in range(60):
        bad = bytearray(good[:rng.randint(8, len(good))] if i % 2 else good)
        for _ in range(rng.randint(0, 20)):
            bad[rng.randint(8, min(len(bad), 40000))] = rng.randint(256)
        open(work("bad.ms"), "wb").write(bad)
        for command in (("inspect", work("bad.ms")), ("compare", work("bad.ms"), model("face_detect_short/model.ms"))):
            status, out, err = run(*command)
            check(status in (0, 1, 2, 64) and "Fatal error" not in err, "damaged file %d" % i, (status, err))
    refused(2, ["encrypted", "--decryptKey"], "inspect", model("ms_variants/lenet28__encrypted.ms"))
    refused(64, ["hexadecimal"], "inspect", model("ms_variants/lenet28__encrypted.ms"), "--decryptKey", "abc")
    status, out, err = run("inspect", model("ms_variants/lenet28__encrypted.ms"), "--decryptKey", KEY, "--summary")
    check(status == 0 and "Conv2DFusion" in out, "decrypted", err)


KEY = "30313233343637383939414243444546"


@test
def refused_model():
    # An operator number that the engine does not have.
    data = bytearray(open(model("ms_variants/lenet28__fp32.ms"), "rb").read())
    nodes = follow(data, table_field(data, follow(data, 0), 6))
    for i in (1, 2):
        primitive = follow(data, table_field(data, follow(data, nodes + 4 + 4 * i), 2))
        data[table_field(data, primitive, 0)] = 250
    open(work("unknown.ms"), "wb").write(data)
    status, out, err = run("inspect", work("unknown.ms"), "--format", "json")
    facts = json.loads(out)
    check(status == 1 and not facts["engine"]["accepts"], "status", status)
    check(sum("not supported" in p for p in facts["engine"]["problems"]) == 2, "both are named", facts["engine"]["problems"])


# ---- compare


@test
def a_model_and_itself():
    status, out, err = run("compare", model("face_detect_short/model.ms"), model("face_detect_short/model.ms"), "--format", "json")
    facts = json.loads(out)
    check(status == 0 and facts["agrees"], "agrees", err)
    check(len(facts["tensors"]) >= 60 and all(t["relative"] < 1e-6 and t["cosine"] > 0.999999 for t in facts["tensors"]), "tensors")
    check(sorted(t["tensor"] for t in facts["tensors"] if t["output"]) == ["classificators", "regressors"], "outputs")


@test
def a_damaged_weight():
    path = model("face_detect_short/model.ms")
    data = bytearray(open(path, "rb").read())
    nodes = inspect(path)["graphs"][0]["nodes"]
    node = nodes[28 if nodes[27]["operator"] != "Conv2DFusion" else 27]
    weight = [t["name"] for t in node["inputs"] if t["constant"] and len(t["shape"]) == 4][0]
    start, count = constant_range(data, weight)
    values = np.frombuffer(data, "<f4", count // 4, start).copy()
    values[:8] += np.abs(values).max()
    data[start:start + count] = values.tobytes()
    open(work("damaged.ms"), "wb").write(data)
    status, out, err = run("compare", path, work("damaged.ms"), "--format", "json")
    facts = json.loads(out)
    check(status == 1 and not facts["agrees"], "status", (status, err))
    # The engine may have fused the layer with the ones after it.
    consumers = [n["name"] for n in nodes if any(t["name"] == node["outputs"][0]["name"] for t in n["inputs"])]
    check(facts["firstDifference"]["node"] in [node["name"]] + consumers, "the layer", (facts["firstDifference"], node["name"]))
    check(any(node["name"] in s for s in facts["suspects"]), "the layer is a suspect", facts["suspects"])
    before = [t for t in facts["tensors"] if t["ok"]]
    check(len(before) > 10, "layers before it agree", len(before))
    status, out, _ = run("compare", path, work("damaged.ms"))
    check(status == 1 and "First difference: " in out and node["name"] in out, "text", out)
    check(run("compare", path, work("damaged.ms"), "--tolerance", "1e9")[0] == 0, "a wide tolerance")


@test
def inputs_of_a_comparison():
    path, other = model("ms_variants/lenet28__fp32.ms"), model("ms_variants/lenet28__wq8.ms")
    x = np.random.RandomState(3).uniform(-1, 1, (8, 28, 28, 1)).astype(np.float32)
    np.save(work("x.npy"), x)
    x.tofile(work("x.bin"))
    reports = [run("compare", path, other, "--tolerance", "0.2", "--format", "json", "--input", i)[1]
               for i in ("x=" + work("x.npy"), "x=" + work("x.bin"), work("x.npy"))]
    facts = [json.loads(r) for r in reports]
    check(all(f["tensors"] == facts[0]["tensors"] for f in facts), "the same input in three ways")
    check(0 < facts[0]["tensors"][-1]["relative"] < 0.2, "8-bit weights", facts[0]["tensors"][-1])
    seeds = [json.loads(run("compare", path, other, "--tolerance", "0.2", "--format", "json", "--seed", s)[1])["tensors"] for s in "112"]
    check(seeds[0] == seeds[1] != seeds[2], "seeds")
    np.save(work("small.npy"), x[:2])
    two = json.loads(run("compare", path, other, "--tolerance", "0.2", "--format", "json", "--input", work("small.npy"))[1])
    check(two["tensors"][0]["shape"][0] == 2, "a NumPy file's shape resizes the models", two["tensors"][0])
    refused(64, ["no input is named", "x"], "compare", path, other, "--input", "y=" + work("x.npy"))
    refused(64, ["bytes"], "compare", path, other, "--input", "x=" + model("dnsmos_p808/case0/in_0.bin"))
    refused(64, ["open shape", "--inputShape"], "compare", model("dnsmos_p808/model_dynamic.ms"), model("dnsmos_p808/model_dynamic.ms"))
    refused(64, ["inputs"], "compare", path, model("ms_from_repos/ml_headpose_pb2tflite.ms"))
    refused(2, ["none.ms"], "compare", path, work("none.ms"))
    refused(64, ["--tolerance"], "compare", path, other, "--tolerance", "-1")


@test
def loops_in_a_comparison():
    for name in ("while_count", "nested_while", "growing", "lstm", "if_else", "tensor_list"):
        path = model("control_flow/%s.ms" % name)
        status, out, err = run("compare", path, path, "--format", "json")
        check(status == 0 and len(json.loads(out)["tensors"]) > 0, name, (status, err))
    facts = json.loads(run("compare", model("control_flow/while_count.ms"), model("control_flow/while_count.ms"), "--format", "json")[1])
    check(any(t["occurrences"] > 1 for t in facts["tensors"]), "values of each iteration", facts["tensors"])


def small_onnx(path, scale=1.0):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    rng = np.random.RandomState(0)
    weights = {n: rng.uniform(-0.5, 0.5, s).astype(np.float32) for n, s in (("w1", (8, 3, 3, 3)), ("w2", (8, 8, 3, 3)), ("w3", (10, 8)))}
    weights["w2"] = weights["w2"] * np.float32(scale)
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c1"], "conv1", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], "conv2", pads=[1, 1, 1, 1], strides=[2, 2]), helper.make_node("Add", ["c2", "c2"], ["a2"], "add2"),
        helper.make_node("GlobalAveragePool", ["a2"], ["g"], "pool"), helper.make_node("Flatten", ["g"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "w3"], ["y"], "gemm", transB=1),
    ]
    graph = helper.make_graph(nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 10])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
                              [numpy_helper.from_array(w, n) for n, w in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)


@test
def a_converted_model():
    small_onnx(work("small.onnx"))
    small_onnx(work("other.onnx"), 1.5)
    facts = inspect(work("small.onnx"))
    check(facts["format"] == "ONNX" and facts["inputs"][0]["shape"] == [1, 3, 12, 10] and facts["inputs"][0]["format"] == "NCHW", "ONNX", facts["inputs"])
    check(facts["macs"] == 12 * 10 * 8 * 27 + 6 * 5 * 8 * 72 + 80, "MACs", facts["macs"])
    for name in ("small", "other"):
        done = subprocess.run([CONVERTER, "--fmk=ONNX", "--modelFile=" + work(name + ".onnx"), "--outputFile=" + work(name)], capture_output=True, text=True)
        check(done.returncode == 0, "conversion", done.stderr)
    for layout in ("NHWC", "NCHW"):
        subprocess.run([CONVERTER, "--fmk=ONNX", "--modelFile=" + work("small.onnx"), "--outputFile=" + work(layout), "--inputDataFormat=" + layout], capture_output=True)
        status, out, err = run("compare", work("small.onnx"), work(layout + ".ms"), "--format", "json")
        check(status == 0 and len(json.loads(out or "{}").get("tensors", [])) >= 2, layout, (status, out, err))
    status, out, err = run("compare", work("small.onnx"), work("other.ms"), "--format", "json")
    facts = json.loads(out)
    check(status == 1 and "conv2" in str(facts["suspects"]) and "conv1" not in str(facts["suspects"]), "the layer", (facts["firstDifference"], facts["suspects"]))


# ---- benchmark


def benchmark(*options):
    return run("benchmark", "--library", LIBRARY, *options)


@test
def numbers_of_a_benchmark():
    path = model("face_detect_short/model.ms")
    status, out, err = benchmark("--modelFile=" + path, "--loopCount=7", "--warmUpLoopCount=1", "--numThreads=1")
    check(status == 0, "status", err)
    times = re.search(r"Model = model.ms, NumThreads = 1, MinRunTime = ([\d.]+) ms, MaxRuntime = ([\d.]+) ms, AvgRunTime = ([\d.]+) ms", out)
    check(times is not None, "the original's line", out)
    low, high, mean = (float(t) for t in times.groups())
    check(0 < low <= mean <= high < 10000 and "Runs = 7" in out, "times", times.groups())
    check("PeakMemory" in out and "Arena" in out and "PrepareTime" in out, "memory", out)
    status, out, err = benchmark("--modelFile", path, "--loop-count", "5", "--time-profiling", "--format", "json")
    facts = json.loads(out)
    r = facts["runs"]
    check(r["count"] == 5 and r["min"] <= r["p50"] <= r["p90"] <= r["p99"] <= r["max"], "percentiles", r)
    check(facts["memory"]["arenaBytes"] == inspect(path)["engine"]["memory"]["arenaBytes"], "arena")
    check(abs(sum(o["share"] for o in facts["operators"]) - 1) < 1e-6 and len(facts["operators"]) > 50, "operators")
    check(all(o["calls"] == 5 for o in facts["operators"]), "calls")
    profiled = sum(o["time"] for o in facts["operators"])
    check(profiled < 20 * r["max"], "operators take about as long as the runs", (profiled, r))
    check(sum(o["macs"] or 0 for o in facts["operators"]) > 3e7, "arithmetic of the operators")


@test
def long_names_in_a_benchmark():
    # The engine's profile cuts names: these are alike then.
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    long = "a" * 200
    weights = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in (("w1", (8, 16)), ("w2", (16, 32)))]
    nodes = [helper.make_node("MatMul", ["x", "w1"], ["h"], long + "1"), helper.make_node("Relu", ["h"], ["r"]),
             helper.make_node("MatMul", ["r", "w2"], ["y"], long + "2")]
    graph = helper.make_graph(nodes, "long", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 32])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), work("long.onnx"))
    done = subprocess.run([CONVERTER, "--fmk=ONNX", "--modelFile=" + work("long.onnx"), "--outputFile=" + work("long")], capture_output=True, text=True)
    status, out, err = benchmark("--modelFile=" + work("long.ms"), "--timeProfiling", "--format=json")
    check(status == 0, "status", done.stdout + err)
    products = [(len(o["name"]), o["macs"]) for o in json.loads(out)["operators"] if o["macs"]]
    check(products == [(127, 4 * 8 * 16), (127, 4 * 16 * 32)], "arithmetic of operators whose names are cut", products)


@test
def tables_and_files():
    path = model("face_detect_short/model.ms")
    status, out, err = benchmark("--modelFile=" + path, "--loopCount=3", "--timeProfiling=true", "--profile", work("p.html"), "--trace", work("t.json"))
    check(status == 0 and "opName" in out and "calledTimes" in out and out.count("opType") == 2, "tables", (out, err))
    page = open(work("p.html")).read()
    check(not re.search(r'(src|href)\s*=\s*"|url\(|@import', page), "no external resources")

    class Reader(HTMLParser):
        void = {"meta", "input", "br", "link"}
        alone = {"rect", "line", "path"}

        def __init__(self):
            super().__init__()
            self.open, self.rows, self.bad = [], 0, []

        def handle_starttag(self, tag, attributes):
            self.rows += tag == "tr"
            if tag not in self.void:
                self.open.append(tag)

        def handle_startendtag(self, tag, attributes):
            pass

        def handle_endtag(self, tag):
            if not self.open or self.open.pop() != tag:
                self.bad.append(tag)

    reader = Reader()
    reader.feed(page)
    check(not reader.bad and not reader.open, "well-formed", (reader.bad[:5], reader.open[:5]))
    facts = json.loads(benchmark("--modelFile=" + path, "--loopCount=1", "--timeProfiling", "--format=json")[1])
    check(reader.rows == len(facts["operators"]) + 1, "a row for each operator", reader.rows)
    for svg in re.findall(r"<svg.*?</svg>", page, re.S):
        xml.dom.minidom.parseString(svg)
    check(page.count("<svg") == 3, "runs, timeline, memory", page.count("<svg"))
    trace = json.load(open(work("t.json")))
    events = [e for e in trace["traceEvents"] if e["ph"] == "X" and e["cat"] == "operator"]
    whole = [e for e in trace["traceEvents"] if e.get("cat") == "run"][0]
    check(len(events) == len(facts["operators"]), "an event for each operator", len(events))
    ends = [e["ts"] + e["dur"] for e in events]
    check(all(a <= e["ts"] + 1e-3 for a, e in zip(ends, events[1:])) and ends[-1] <= whole["dur"], "events in order")


@test
def golden_data():
    path, case = model("face_detect_short/model.ms"), model("face_detect_short/case0/")
    outputs = {"regressors": np.fromfile(case + "out_0.bin", "<f4").reshape(1, 896, 16), "classificators": np.fromfile(case + "out_1.bin", "<f4").reshape(1, 896, 1)}

    def write(name, values):
        with open(work(name), "w") as f:
            for key, value in values.items():
                f.write("%s %d %s\n%s\n" % (key, value.ndim, " ".join(map(str, value.shape)), " ".join(repr(float(v)) for v in value.ravel())))
        return work(name)

    good = write("good.txt", outputs)
    options = ("--modelFile=" + path, "--inDataFile=" + case + "in_0.bin")
    status, out, err = benchmark(*options, "--benchmarkDataFile=" + good)
    check(status == 0 and "Mean bias of node/tensor regressors" in out and "Mean bias of all nodes/tensors: " in out, "golden", (out[-600:], err))
    bad = write("bad.txt", {k: v * 1.1 for k, v in outputs.items()})
    status, out, err = benchmark(*options, "--benchmarkDataFile=" + bad)
    bias = float(re.search(r"Mean bias of all nodes/tensors: ([\d.e+-]+)%", out).group(1))
    check(status == 1 and "too big" in out and 8 < bias < 10, "10 % off", (status, bias))
    check(benchmark(*options, "--benchmarkDataFile=" + bad, "--accuracyThreshold=20")[0] == 0, "a wide threshold")
    check(benchmark(*options, "--benchmarkDataFile=" + bad, "--cosineDistanceThreshold=0.999")[0] == 0, "cosine of scaled outputs")
    turned = write("turned.txt", {k: -v for k, v in outputs.items()})
    check(benchmark(*options, "--benchmarkDataFile=" + turned, "--cosineDistanceThreshold=0.9")[0] == 1, "cosine of turned outputs")
    for text, said in (("nothing 1 2\n1 2\n", "no output is named"), ("regressors 1 3\n1 2 3\n", "3 values"), ("regressors 2 1\n", "dimensions"), ("regressors 1 2\n1 x\n", "1 of 2 values")):
        open(work("odd.txt"), "w").write(text)
        code, _, err = benchmark(*options, "--benchmarkDataFile=" + work("odd.txt"))
        check(code == 64 and said in err, "golden file: " + said, (code, err))


@test
def options_of_a_benchmark():
    path = model("dnsmos_p808/model_dynamic.ms")
    for shapes in ("--inputShapes=1,300,120", "--inputShapes=input_1:1,300,120", "--inputShape=1,300,120"):
        status, out, err = benchmark("--modelFile=" + path, shapes, "--loopCount=1", "--warmUpLoopCount=0")
        check(status == 0 and "1x300x120" in out, shapes, err)
    status, _, err = benchmark("--modelFile=" + path)
    check(status == 64 and "--inputShapes" in err, "open shape", err)
    lenet = model("ms_variants/lenet28__encrypted.ms")
    check(benchmark("--modelFile=" + lenet, "--decryptKey=" + KEY, "--loopCount=1")[0] == 0, "decryption")
    check(benchmark("--modelFile=" + lenet)[0] == 2, "no key")
    plain = "--modelFile=" + model("ms_variants/lenet28__fp32.ms")
    for option, text in (("--device=GPU", "CPU"), ("--perfProfiling", "perf"), ("--enableParallelPredict=true", "one model"), ("--enableGLTexture=1", "OpenGL"),
                         ("--loopCount=0", "loopCount"), ("--numThreads=0", "numThreads"), ("--cpuBindMode=7", "cpuBindMode"), ("--benchmarkDataType=COMPLEX", ""),
                         ("--modelType=OM", "MindIR"), ("--provider=tensorrt", "provider"), ("--cpuCoreList=a", "cpuCoreList")):
        extra = ["--benchmarkDataFile=x"] if "DataType" in option else []
        code, _, err = benchmark(plain, option, *extra)
        check(code == 64 and text in err, option, (code, err))
    check(benchmark(plain, "--enableFp16", "--loopCount=1")[0] == 0, "half precision")
    check(benchmark(plain, "--enableParallel=false", "--interOpParallelNum=1", "--workersNum=2", "--cpuCoreList=0", "--loopCount=1")[0] == 0, "defaults of foreign options")
    code, _, err = benchmark("--modelFile=" + work("gone.ms"))
    check(code == 2 and "gone.ms" in err, "no model", (code, err))
    code, _, err = run("benchmark", plain, "--library", work("gone.so"))
    check(code == 64 and "gone.so" in err, "no library", (code, err))
    code, _, err = benchmark("--modelFile=x.onnx")
    check(code == 64 and "converter_lite" in err, "a source model", (code, err))
    check(run("benchmark")[0] == 64 and run("nonsense")[0] == 64 and run("--help")[0] == 0, "usage")


@test
def the_original_name():
    link = work("benchmark")
    os.symlink(os.path.abspath(TOOL), link)
    status, out, err = run("--modelFile=" + model("ms_variants/lenet28__fp32.ms"), "--library", LIBRARY, "--loopCount=2", tool=link)
    check(status == 0 and "AvgRunTime" in out, "as benchmark", (out, err))


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        for function in TESTS:
            if wanted not in function.__name__:
                continue
            where = function.__name__
            try:
                function()
            except Exception as error:
                check(False, "ended with an error", repr(error))
    finally:
        shutil.rmtree(WORK)
    sys.exit(tally.end())
