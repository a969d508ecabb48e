"""The photograph is of a person in an admiral's coat and hat: of the 1000 classes, these are what the network takes it for."""

import re

import numpy as np
import pytest

from conftest import ROOT

NAME = "classify"
BAR = (32, 112, 48)


def classes_of(text: str) -> dict[str, float]:
    return {label: float(percent) for percent, label in re.findall(r"^ +([0-9.]+) %  (.+)$", text, re.M)}


@pytest.mark.parametrize(("target", "file"), [("run", "result.png"), ("python", "result_python.png"), ("node", "result_node.png")])
def test_each_language(run_example, drawn, target, file):
    text = run_example(NAME, target)
    found = classes_of(text)
    # ONNX Runtime with the 32-bit weights and OpenCV: 25.1, 24.2 and 17.7 %.
    for label, percent in {"academic gown": 25.1, "mortarboard": 24.2, "military uniform": 17.7}.items():
        assert abs(found[label] - percent) < 1
    assert list(found.values()) == sorted(found.values(), reverse=True) and len(found) == 5
    assert len(re.findall(r"median of 50 runs [0-9.]+ ms", text)) == 2
    # The picture's size, and a bar for each class, as long as it is likely.
    picture = drawn(NAME, file)
    assert picture.shape == (600, 512, 3)
    rows = np.nonzero((picture[:, 0] == BAR).all(axis=1))[0]
    starts = rows[np.diff(rows, prepend=-2) > 1]
    assert len(starts) == 5
    for row, percent in zip(starts, found.values()):
        assert abs((picture[row] == BAR).all(axis=1).sum() - percent * 5.12) < 2
    assert (picture[starts[0] :] == (255, 255, 255)).all(axis=2).sum() > 1000


def test_the_languages_agree(run_example, drawn):
    found = [classes_of(run_example(NAME, target)) for target in ("run", "python", "node")]
    assert found[0] == found[1] == found[2]
    assert (drawn(NAME) == drawn(NAME, "result_python.png")).all()
    assert (drawn(NAME) == drawn(NAME, "result_node.png")).all()


@pytest.mark.parametrize("target", ["run", "python", "node"])
def test_no_picture(run_example, target):
    with pytest.raises(AssertionError, match="cannot open"):
        run_example(NAME, target, PICTURE="/no/such.png")


@pytest.mark.parametrize("target", ["run", "python", "node"])
def test_no_labels(run_example, target):
    """Another file in the place of the labels: an error that says what is wrong, and no picture with wrong names."""
    with pytest.raises(AssertionError, match="less labels"):
        run_example(NAME, target, LABELS=str(ROOT / "examples" / NAME / "Makefile"))
