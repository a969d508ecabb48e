#!/usr/bin/env python3
"""make_manifest.py DIR [--absolute]: prints the test cases of a folder of models, one per line, for
Tests/C/golden.c and the tests of the bindings.

DIR holds folders with a meta.json (one model and its recorded cases) and the collections control_flow, single_op_tflite,
ms_variants, ms_from_repos, tf_front_end and packed. What is listed there but has no file is passed over, so a folder may hold any
part.

A line is a list of fields, separated by blanks:

  case=NAME model=FILE [key=HEX] in=NAME|FILE|TYPE|SHAPE[|nchw] ... out=NAME|FILE|TYPE|SHAPE|TOLERANCE ...

Files are relative to DIR, or absolute for a manifest that is kept elsewhere; "|nchw" marks data that must be transposed to
NHWC; TOLERANCE is relative to the largest golden magnitude, or, written as 4steps, so many steps of a quantised output. TYPE can
be followed by *SCALE@ZERO: recorded integers that stand for the real numbers which the model takes and gives. A case with `refused`
must fail to build; one without in runs on zeros.
"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = "1e-4"
# For outputs recorded on other hardware; see NOTICE.md.
ELSEWHERE = "1e-2"
# The 2.0.0 runtime on x86 differs from the same suite's expected outputs of these models by more than TOLERANCE, because it
# approximates functions such as tanh; its recorded outputs are no better a reference.
APPROXIMATE = {"ml_headpose_pb2tflite": "1e-3"}
# Quantised outputs: correct engines differ by 1 to 3 steps, since they round differently in every layer.
STEPS = "4steps"
# Recorded with int8 or uint8 tensors where the .ms file has float32 ones: scale and zero point of input and output.
QUANTIZED = {
    "mv1_quant": ((0.0078125, 127), (0.023528477177023888, 0)),
    "inception_v1_quant": ((0.0078125, 127), (0.042084485292434692, 0)),
}
# Models quantised in part, or recorded by engines that quantise other parts: the tolerance relative to the peak.
PARTLY_QUANTIZED = {
    # LiteRT quantises the activations of dense layers as it runs; its own kernels differ by 1.9e-2 among each other.
    "fer_emotion_dyn8": "2e-2",
}
# Recorded by the original runtime, which rounds in other places: some steps of 1/255 of an output's range.
VARIANT_TOLERANCE = {"full8": "2e-2", "full8_kl": "2e-2", "dynq": "2e-2"}
# The converter has left out the weights' scales, so nobody can compute these.
UNSCALED = {"squeezenet_rand_qdq"}
# Weights of few bits, which the original refuses to load: what they may differ from the model with float weights by.
WEIGHT_BITS = {"wq12": "1e-2", "wq8": "0.05", "wq5": "0.35"}
# The key of the encrypted models, AES-GCM.
KEY = "30313233343637383939414243444546"
# Models for training: only the training interface may build them.
TRAINING = {"lenet_train", "mix_lenet_tod", "conv_train_model"}


class Manifest:
    def __init__(self, root, absolute):
        self.root = root
        self.absolute = absolute
        self.lines = []

    def has(self, name):
        return os.path.exists(os.path.join(self.root, name))

    def golden(self, name):
        """The original runtime's own output, where it is recorded, else the golden of the engine named in the index. A folder
        without the former can still use the one that is kept here."""
        original = name.replace(".bin", "_original.bin")
        if self.has(original):
            return original
        kept = os.path.join(HERE, original)
        return kept if os.path.exists(kept) else name

    def path(self, name):
        return os.path.abspath(os.path.join(self.root, name)) if self.absolute else name

    def add(self, name, model, inputs=(), outputs=(), refused=False, key=None):
        fields = [f"case={name}", f"model={self.path(model)}"] + ([f"key={key}"] if key else [])
        files = [model] + [i["file"] for i in inputs]
        for i in inputs:
            fields.append("in=" + "|".join([i["name"], self.path(i["file"]), i["dtype"], shape(i["shape"])] + (["nchw"] if i["nchw"] else [])))
        for o in outputs:
            golden = self.golden(o["file"])
            files.append(golden)
            fields.append("out=" + "|".join([o["name"], self.path(golden), o["dtype"], shape(o["shape"]), o.get("tolerance", TOLERANCE)]))
        if refused:
            fields.append("refused")
        if all(self.has(f) for f in files):
            if any(re.search(r"\s", f) for f in fields):
                raise SystemExit(f"{name}: a name with a blank cannot be written")
            self.lines.append(" ".join(fields))


def shape(dims):
    return "x".join(map(str, dims)) if dims else "scalar"


def tensor(entry, folder="", nchw=False):
    """From the [file, name, shape, type] of an index."""
    file, name, dims, dtype = entry
    return {"file": os.path.join(folder, file), "name": name, "shape": dims, "dtype": dtype, "nchw": nchw}


def transposed(dims, model_dims):
    """Whether 4-D data must be transposed for a model input of that shape (None: unknown)."""
    if len(dims) != 4:
        return False
    return model_dims is None or list(dims) != list(model_dims)


def model_shapes(text):
    """Shapes from the recorded "[('name', [1, 2, 3], 'type'), ...]" by name."""
    return {n: [int(d) for d in s.split(",") if d.strip()] for n, s in re.findall(r"\('([^']*)', \[([^\]]*)\]", text or "")}


def quantise(inputs, outputs, quant_io):
    """Says what recorded integers stand for; quant_io as in the indexes: scale and zero point of each."""
    if not quant_io:
        return
    for tensors, infos in ((inputs, quant_io["ins"]), (outputs, quant_io["outs"])):
        for t, info in zip(tensors, infos):
            if info.get("scale"):
                t["dtype"] += f"*{info['scale']!r}@{info['zero_point']}"
    for o in outputs:
        if "*" in o["dtype"]:
            o["tolerance"] = STEPS


def add_model(manifest, ident):
    with open(os.path.join(manifest.root, ident, "meta.json")) as f:
        meta = json.load(f)
    nhwc_source = meta["format"] == "tflite"

    def add(name, file, spec, ms_inputs, suffix=""):
        shapes = model_shapes(ms_inputs)
        inputs = [
            {**i, "file": f"{ident}/{i['file']}", "nchw": not nhwc_source and transposed(i["shape"], shapes.get(i["name"]))}
            for i in spec["inputs"]
        ]
        outputs = [{**o, "file": f"{ident}/{o['file']}"} for o in spec["outputs"]]
        quantise(inputs, outputs, meta.get("quant_io"))
        for o in outputs:
            half = o["file"].replace(".bin", f"{suffix}.bin")
            if suffix and manifest.has(half):
                o["file"] = half
            if "tolerance" in meta:
                o["tolerance"] = str(meta["tolerance"])
            if ident in PARTLY_QUANTIZED:
                o["tolerance"] = PARTLY_QUANTIZED[ident]
        if ident in UNSCALED:
            manifest.add(name, file, refused=True)
        else:
            manifest.add(name, file, inputs, outputs)

    # EfficientNet-Lite0 lies outside its folder because the example uses it too.
    for file, suffix in [(f"{ident}/model.ms", ""), (f"{ident}/model_fp16weights.ms", "_fp16weights"),
                         (f"{ident}_fp16.ms", "_fp16weights")]:
        for spec in meta["cases"]:
            add(f"{ident}{suffix}/{os.path.dirname(spec['inputs'][0]['file'])}", file, spec, meta.get("ms_inputs"), suffix)
    dynamic = meta.get("dynamic_case")
    if dynamic:
        # The converter's shapes were recorded for the model without fixed shapes; where that is not kept, the fixed one resizes.
        own = manifest.has(f"{ident}/model_dynamic.ms")
        add(f"{ident}/case_dyn", f"{ident}/{'model_dynamic' if own else 'model'}.ms", dynamic,
            dynamic.get("ms_inputs") or meta.get("ms_inputs"))


def add_single_operators(manifest, folder):
    for e in index(manifest, folder, "index.json"):
        if not e.get("outputs"):
            continue
        inputs, outputs = [tensor(i, folder) for i in e["inputs"]], [tensor(o, folder) for o in e["outputs"]]
        if e["op"] in QUANTIZED:
            x, y = ({"scale": scale, "zero_point": zero} for scale, zero in QUANTIZED[e["op"]])
            quantise(inputs, outputs, {"ins": [x], "outs": [y]})
        manifest.add(f"{folder}/{e['op']}", f"{folder}/{e['op']}.ms", inputs, outputs)


def add_variants(manifest, folder):
    entries = index(manifest, folder, "variants.json")
    inputs_of = {e["model"]: e["input_files"] for e in entries if e.get("input_files")}
    # What the index says of the model with float weights is true of the variants that the original does not load.
    plain = {e["model"]: e for e in entries if e["variant"] in ("fp16w", "fp32")}
    for e in entries:
        model, variant = e["model"], e["variant"]
        name = f"{model}__{variant}"
        known = ("fp32", "fp16w", "nofusion", "wmixed", "encrypted", *VARIANT_TOLERANCE)
        if variant not in known and variant not in WEIGHT_BITS or model not in inputs_of:
            continue
        spec = e if "outputs" in e else plain[model]
        golden, tolerance = name, VARIANT_TOLERANCE.get(variant, TOLERANCE)
        if variant in WEIGHT_BITS or variant == "encrypted":
            # Where the outputs with float weights are not kept, those with half weights are as good here.
            golden = next((g for g in (f"{model}__fp32", f"{model}__fp16w") if manifest.has(f"{folder}/{g}.out_0.bin")), None)
            tolerance = WEIGHT_BITS.get(variant, TOLERANCE)
        files = [f"{folder}/{golden}.out_{k}.bin" if golden else f"{model}/case0/out_{k}.bin" for k in range(len(spec["outputs"]))]
        shapes = model_shapes(spec["inputs"])
        inputs = [tensor(i, folder, transposed(i[2], shapes.get(i[1]))) for i in inputs_of[model]]
        outputs = [{**tensor([file] + o), "tolerance": tolerance} for file, o in zip(files, spec["outputs"])]
        if variant == "encrypted":
            manifest.add(f"{folder}/{name}/without_key", f"{folder}/{name}.ms", refused=True)
            manifest.add(f"{folder}/{name}/wrong_key", f"{folder}/{name}.ms", refused=True, key=KEY.replace("3", "4"))
        manifest.add(f"{folder}/{name}", f"{folder}/{name}.ms", inputs, outputs, key=KEY if variant == "encrypted" else None)


def add_found_models(manifest, folder):
    for e in index(manifest, folder, "index.json"):
        name, model = e["name"], f"{folder}/{e['name']}.ms"
        if name in TRAINING:
            manifest.add(f"{folder}/{name}", model, refused=True)
        elif name == "ml_face_isface_quant":
            # Its index has no shapes; it is the same network as ml_face_isface, with its weights in 8 bits.
            inputs = [tensor([f"{name}_0.input", "data", [1, 3, 48, 48], "float32"], folder, nchw=True)]
            outputs = [tensor([f"{name}0.output", "prob", [1, 2], "float32+header"], folder)]
            outputs[0]["tolerance"] = ELSEWHERE
            manifest.add(f"{folder}/{name}", model, inputs, outputs)
        elif "inputs" in e:
            inputs = [tensor([f"{name}.in_{k}.bin", i[0], i[1], "float32"], folder) for k, i in enumerate(e["inputs"])]
            outputs = [tensor([f"{name}.out_{k}.bin"] + o, folder) for k, o in enumerate(e["outputs"])]
            for o in outputs:
                o["tolerance"] = APPROXIMATE.get(name, TOLERANCE)
            manifest.add(f"{folder}/{name}", model, inputs, outputs)
            expected = [tensor([f"{name}.expected{k}.output", o[0], o[1], "float32+header"], folder)
                        for k, o in enumerate(e["outputs"])]
            if name == "ml_face_isface":
                # The suite's own picture is NCHW.
                inputs = [{**i, "shape": [1, 3, 48, 48], "nchw": True} for i in inputs]
            manifest.add(f"{folder}/{name}/expected", model, inputs, expected)


def add_tensorflow(manifest, folder):
    for e in index(manifest, folder, "index.json"):
        if e["ms"]:
            inputs, outputs = [tensor(i, folder) for i in e["inputs"]], [tensor(o, folder) for o in e["outputs"]]
            quantise(inputs, outputs, e.get("quant_io"))
            manifest.add(f"{folder}/{e['name']}", f"{folder}/{e['name']}.ms", inputs, outputs)


def add_control_flow(manifest, folder):
    for e in index(manifest, folder, "index.json"):
        for k, case in enumerate(e["cases"]):
            manifest.add(f"{folder}/{e['name']}/case{k}", f"{folder}/{e['name']}.ms", [tensor(i, folder) for i in case["inputs"]],
                         [tensor(o, folder) for o in case["outputs"]])


def add_packed(manifest, folder):
    """Small models written by Tests/ModelFileTests/PackedModels.swift; their inputs are zeros."""
    for file in sorted(os.listdir(os.path.join(manifest.root, folder))):
        if file.endswith(".ms"):
            dims = [1, 36] if file == "v0.ms" else [7, 11]
            name = file[:-3]
            manifest.add(f"{folder}/{name}", f"{folder}/{file}", [], [tensor([f"{name}.out_0.bin", "y", dims, "float32"], folder)])


def index(manifest, folder, name):
    with open(os.path.join(manifest.root, folder, name)) as f:
        return json.load(f)


COLLECTIONS = {
    "control_flow": add_control_flow,
    "single_op_tflite": add_single_operators,
    "ms_variants": add_variants,
    "ms_from_repos": add_found_models,
    "packed": add_packed,
    "tf_front_end": add_tensorflow,
}


def main():
    arguments = sys.argv[1:]
    absolute = "--absolute" in arguments
    if absolute:
        arguments.remove("--absolute")
    root = arguments[0] if len(arguments) == 1 else sys.exit(__doc__)
    manifest = Manifest(root, absolute)
    for folder in sorted(os.listdir(root)):
        if folder in COLLECTIONS:
            COLLECTIONS[folder](manifest, folder)
        elif manifest.has(f"{folder}/meta.json"):
            add_model(manifest, folder)
    print("# Written by make_manifest.py, which describes the fields.")
    print("\n".join(manifest.lines))


if __name__ == "__main__":
    main()
