"""The converter and the inspector, which are command-line tools."""
from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
from typing import Any

from ._errors import ToolError


def tool(name: str) -> str:
    """Where the tool "converter_lite" or "mslite" is: in the folder that MSLITE_TOOLS names, in the package mslite_tools, or on the
    path, in this order."""
    folder = os.environ.get("MSLITE_TOOLS")
    if folder:
        return os.path.join(folder, name)
    try:
        packed: str = importlib.import_module("mslite_tools").tool(name)
        return packed
    except ImportError:
        pass
    # The command "mslite" of a program of that name would not do: ours are next to each other.
    found = shutil.which("converter_lite")
    if found is None:
        raise ToolError(f"{name} is not there: install mslite_tools, or name the folder of the tools in MSLITE_TOOLS")
    return os.path.join(os.path.dirname(os.path.realpath(found)), name)


def _run(name: str, arguments: "list[str]") -> str:
    try:
        done = subprocess.run([tool(name), *arguments], capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise ToolError(f"{name} cannot be run: {error}") from error
    if done.returncode != 0:
        raise ToolError((done.stderr.strip() or done.stdout.strip()) or f"{name} has ended with {done.returncode}", done.returncode)
    return done.stdout


def _options(options: "dict[str, Any]") -> "list[str]":
    """``input_shape="x:1,3"`` as ``--inputShape=x:1,3``; False leaves a switch out, True is ``--name`` for those without a value."""
    words = []
    for name, value in options.items():
        first, *rest = name.split("_")
        option = "--" + first + "".join(word.capitalize() for word in rest)
        words.append(f"{option}={str(value).lower() if isinstance(value, bool) else os.fspath(value) if isinstance(value, os.PathLike) else value}")
    return words


def convert(
    model: "str | os.PathLike[str]", output: "str | os.PathLike[str]", *, fmk: "str | None" = None, **options: Any,
) -> str:
    """Converts a TFLite, ONNX, Caffe, TensorFlow or MindIR model, and gives the path of the ``.ms`` file.

    fmk: "TFLITE", "ONNX", "CAFFE", "TF", "MINDIR"; None: told by the suffix
    options: the converter's, with Python's spelling: ``input_shape="x:1,3,224,224"``, ``fp16="on"``, ``config_file="c.cfg"``,
        ``weight_file="net.caffemodel"``; see docs/converter.md
    """
    target = os.fspath(output)
    words = [f"--modelFile={os.fspath(model)}", f"--outputFile={target}"] + ([f"--fmk={fmk}"] if fmk is not None else [])
    _run("converter_lite", words + _options(options))
    return target if target.endswith(".ms") else target + ".ms"


def check(model: "str | os.PathLike[str]", *, fmk: "str | None" = None, **options: Any) -> str:
    """What would keep a model from being converted, as text; a ToolError when something would."""
    words = [f"--modelFile={os.fspath(model)}", "--check"] + ([f"--fmk={fmk}"] if fmk is not None else [])
    return _run("converter_lite", words + _options(options))


def inspect(model: "str | os.PathLike[str]", **options: Any) -> "dict[str, Any]":
    """What is in a model (``.ms`` or of a source framework), what it costs, and whether the engine takes it; see docs/tools.md.

    options: ``input_shape``, ``fmk``, ``weight_file``, ``decrypt_key``, ...
    """
    result: "dict[str, Any]" = json.loads(_run("mslite", ["inspect", os.fspath(model), "--format=json", *_options(options)]))
    return result
