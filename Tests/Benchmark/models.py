"""The models of a benchmark: where they are, which file each engine reads, and the data recorded for their inputs."""
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "Models"))
from make_manifest import TRAINING, UNSCALED, Manifest  # noqa: E402

SUFFIXES = (".ms", ".tflite", ".onnx")
# Folders of Tests/Models whose files are whole networks; the others hold single operators and variants of one network.
COLLECTIONS = ("ms_from_repos", "tf_front_end")
# Smaller files hold an operator or two: what they take is the call.
SMALLEST = 20000
# The formats that an engine reads, best first. Those without one have their own, made by a converter.
FORMATS = {"ours": (".ms",), "msl": (".ms",), "litert": (".tflite",), "ort": (".onnx",), "ov": (".onnx", ".tflite"),
           "mnn": (), "ncnn": ()}


class Unavailable(Exception):
    """An engine cannot have this model; the text says why."""


class Model:
    """One network in one or more formats."""

    def __init__(self, name, files, inputs=(), outputs=()):
        self.name = name
        # By suffix.
        self.files = files
        # The recorded inputs: [{"name", "file", "dtype", "shape"}], and "scale" and "zero_point" where they are quantised; empty when the
        # data is to be made up.
        self.inputs = list(inputs)
        # What they give: [{"files", "dtype"}], and scales as above. The original converter has changed what some models compute, so that a .ms file may
        # give another result than its source; either one will do.
        self.outputs = list(outputs)

    def file_for(self, engine, converters):
        """The file that an engine runs, converted when need be."""
        for suffix in FORMATS[engine]:
            if suffix in self.files:
                return self.files[suffix]
        if engine not in converters:
            raise Unavailable("there is no %s file" % " or ".join(FORMATS[engine]))
        return converters[engine].convert(self)


def find(directory):
    """Models of a directory: NAME/model.* (with the inputs in NAME/meta.json), NAME.*, and the files of COLLECTIONS."""
    models = []
    loose = [("", directory)] + [(c + "/", os.path.join(directory, c)) for c in COLLECTIONS]
    for prefix, folder in loose:
        names = {}
        for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            stem, suffix = os.path.splitext(entry)
            if suffix in SUFFIXES:
                names.setdefault(stem, {})[suffix] = os.path.join(folder, entry)
        models += [Model(prefix + stem, files) for stem, files in names.items() if stem not in TRAINING]
    for entry in sorted(os.listdir(directory)):
        folder = os.path.join(directory, entry)
        files = {s: os.path.join(folder, "model" + s) for s in SUFFIXES if os.path.exists(os.path.join(folder, "model" + s))}
        if entry in UNSCALED:
            # Our converter makes a better one.
            files.pop(".ms", None)
        if files:
            models.append(Model(entry, files, *_recorded(directory, entry)))
    return sorted((m for m in models if max(map(os.path.getsize, m.files.values())) >= SMALLEST), key=lambda m: m.name)


def _recorded(directory, name):
    """The inputs and outputs of the first case in meta.json."""
    folder = os.path.join(directory, name)
    path = os.path.join(folder, "meta.json")
    if not os.path.exists(path):
        return [], []
    with open(path) as file:
        meta = json.load(file)
    if not meta.get("cases"):
        return [], []
    case, scales = meta["cases"][0], meta.get("quant_io", {"ins": [], "outs": []})

    def scaled(entries, infos):
        for entry, info in zip(entries, infos):
            entry.update(scale=info["scale"], zero_point=info["zero_point"])
        return entries

    manifest = Manifest(directory, True)
    inputs = [dict(i, file=os.path.join(folder, i["file"])) for i in case["inputs"]]
    outputs = []
    for o in case["outputs"]:
        files = {os.path.join(folder, o["file"]), manifest.path(manifest.golden(os.path.join(name, o["file"])))}
        outputs.append({"files": sorted(files), "dtype": o["dtype"]})
    return scaled(inputs, scales["ins"]), scaled(outputs, scales["outs"])


class Converter:
    """Turns a source model into an engine's own format, unless that has been done since the model and the converter were made."""

    def __init__(self, directory, suffix, command, reads=(".tflite", ".onnx")):
        """`command(source, target, inputs)` is a list of words; it writes `target`, which ends with `suffix`."""
        self.directory = directory
        self.suffix = suffix
        self.command = command
        self.reads = reads

    def convert(self, model):
        found = [s for s in self.reads if s in model.files]
        if not found:
            raise Unavailable("there is no file in a format that its converter reads")
        source = os.path.realpath(model.files[found[0]])
        target = os.path.join(self.directory, model.name + self.suffix)
        # Some converters write beside their source.
        link = os.path.join(self.directory, model.name + found[0])
        command = self.command(link, target, model.inputs)
        newest = max(os.path.getmtime(path) for path in (source, command[0]) if os.path.exists(path))
        if os.path.exists(target) and os.path.getmtime(target) >= newest:
            return target
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(link):
            os.remove(link)
        os.symlink(source, link)
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900, universal_newlines=True,
                                  errors="replace")
        except subprocess.TimeoutExpired:
            raise Unavailable("its converter did not end within 900 s")
        except OSError as error:
            raise Unavailable("its converter does not start: %s" % error)
        if done.returncode or not os.path.exists(target):
            lines = done.stdout.strip().splitlines() or ["ended with %d" % done.returncode]
            # Some go on talking after what matters.
            reasons = [line for line in lines if re.search("error|fail|not support|unsupport", line, re.IGNORECASE)] or lines
            raise Unavailable("its converter refused: " + reasons[-1].strip()[:200])
        return target


def converters(tool, peers, directory):
    """Of the engines that have a format of their own: ours by converter_lite, and what is installed in `peers`."""
    def ours(source, target, inputs):
        kind = "ONNX" if source.endswith(".onnx") else "TFLITE"
        return [tool, "--fmk=" + kind, "--modelFile=" + source, "--outputFile=" + target[:-len(".ms")], "--quiet"]

    def mnn(source, target, inputs):
        kind = "ONNX" if source.endswith(".onnx") else "TFLITE"
        return [os.path.join(peers, "mnn/bin/mnnconvert"), "-f", kind, "--modelFile", source, "--MNNModel", target, "--bizCode", "bench"]

    def ncnn(source, target, inputs):
        # As in [1,3,224,224]f32.
        types = {"float32": "f32", "float16": "f16", "int64": "i64", "int32": "i32", "int8": "i8", "uint8": "u8", "bool": "i8"}
        shapes = ",".join("[%s]%s" % (",".join(map(str, i["shape"])), types[i["dtype"]]) for i in inputs)
        # pnnx's Python entry imports torch, the program that it starts needs none.
        programs = glob.glob(os.path.join(peers, "ncnn/lib/python3*/site-packages/pnnx/pnnx"))
        return [programs[0] if programs else "pnnx", source] + (["inputshape=" + shapes] if shapes else [])

    made = {"ours": Converter(os.path.join(directory, "ours"), ".ms", ours)}
    if peers:
        made["mnn"] = Converter(os.path.join(directory, "mnn"), ".mnn", mnn)
        made["ncnn"] = Converter(os.path.join(directory, "ncnn"), ".ncnn.param", ncnn, reads=(".onnx",))
    return made
