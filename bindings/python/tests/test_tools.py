"""The converter and the inspector, from the package mslite_tools."""
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import mslite
from conftest import MODELS


def test_convert_and_run(tmp_path: pathlib.Path) -> None:
    source = MODELS / "face_detect_short/model.tflite"
    path = mslite.convert(source, tmp_path / "face")
    assert path == str(tmp_path / "face.ms")
    model = mslite.Model(path)
    x = np.zeros(model.inputs[0].shape, np.float32)
    original = mslite.Model(MODELS / "face_detect_short/model.ms")
    for a, b in zip(model.predict([x]), original.predict([x])):
        assert np.abs(a - b).max() <= 1e-4 * max(1, np.abs(b).max())
    halved = mslite.convert(source, tmp_path / "half.ms", fmk="TFLITE", fp16="on")
    assert pathlib.Path(halved).stat().st_size < pathlib.Path(path).stat().st_size
    onnx = mslite.convert(MODELS / "ppocr_cls/model.onnx", tmp_path / "cls", fmk="ONNX", input_shape="x:1,3,48,192")
    assert mslite.Model(onnx).inputs[0].shape in ((1, 3, 48, 192), (1, 48, 192, 3))


def test_what_the_converter_refuses(tmp_path: pathlib.Path) -> None:
    junk = tmp_path / "junk.tflite"
    junk.write_bytes(b"junk")
    for use in (
        lambda: mslite.convert(junk, tmp_path / "out"), lambda: mslite.convert(tmp_path / "none.onnx", tmp_path / "out"),
        lambda: mslite.convert(junk, tmp_path / "out", no_such_option=1), lambda: mslite.check(junk), lambda: mslite.inspect(junk),
    ):
        with pytest.raises(mslite.ToolError) as raised:
            use()
        assert len(str(raised.value)) > 10
    assert not (tmp_path / "out.ms").exists()


def test_check_and_inspect(relu: pathlib.Path) -> None:
    assert mslite.check(MODELS / "face_detect_short/model.tflite")
    about = mslite.inspect(relu)
    assert about["inputs"][0]["shape"] == [5, 4] and about["flops"] == 80 and about["identifier"] == "MSL2"


def test_commands(tmp_path: pathlib.Path, relu: pathlib.Path) -> None:
    folder = pathlib.Path(sys.executable).parent
    for words in (["converter_lite", "--help"], ["mslite", "inspect", str(relu)], ["benchmark", f"--modelFile={relu}", "--loopCount=2"]):
        done = subprocess.run([folder / words[0], *words[1:]], capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout, done.stderr


def test_without_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("MSLITE_TOOLS", str(tmp_path))
    with pytest.raises(mslite.ToolError, match="cannot be run"):
        mslite.inspect("x.ms")
    monkeypatch.delenv("MSLITE_TOOLS")
    monkeypatch.setitem(sys.modules, "mslite_tools", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(mslite.ToolError, match="mslite_tools"):
        mslite.inspect("x.ms")
    program = tmp_path / "converter_lite"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert mslite.tool("mslite") == str(tmp_path / "mslite")
