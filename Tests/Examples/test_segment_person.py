"""The expected mask is LiteRT 2.3.0's, by OpenCV from and to the picture's size, cut at a half."""

import re

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT, overlap

NAME = "segment_person"
EXPECTED = np.asarray(Image.open(ROOT / "Tests" / "Examples" / "segment_person_mask.png"))
PICTURE = np.asarray(Image.open(ROOT / "examples" / NAME / "portrait.jpg").convert("RGB")).astype(int)


def sharpness(picture: np.ndarray, where: np.ndarray) -> float:
    """The mean step from a pixel to its right neighbour."""
    return np.abs(np.diff(picture, axis=1)).mean(axis=2)[where[:, :-1]].mean()


def check(text: str, result: np.ndarray, mask: np.ndarray) -> None:
    found = mask >= 128
    assert (found & EXPECTED).sum() / (found | EXPECTED).sum() > 0.98
    [line] = re.findall(r"^person: (\S+) % of the picture, box (\S+) (\S+) (\S+) (\S+)$", text, re.M)
    rows, columns = np.nonzero(EXPECTED)
    assert overlap(tuple(map(int, line[1:])), (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)) > 0.95
    assert abs(float(line[0]) - 100 * EXPECTED.mean()) < 0.5

    height, width = EXPECTED.shape
    assert result.shape == (height, 2 * width, 3)
    result = result.astype(int)
    certain, outside = mask == 255, mask == 0
    # Left: a veil over the person alone.
    left = result[:, :width]
    assert np.abs(left[outside] - PICTURE[outside]).max() <= 3  # decoders of JPEG differ
    veiled = PICTURE + (np.array([64, 160, 255]) - PICTURE) * 0.6
    assert np.abs(left[certain] - veiled[certain]).max() <= 3
    # Right: the person as it was, the rest without details but as bright.
    right = result[:, width:]
    assert np.abs(right[certain] - PICTURE[certain]).max() <= 3
    assert sharpness(right, outside) < sharpness(PICTURE, outside) / 2
    assert np.abs(right[outside].mean(axis=0) - PICTURE[outside].mean(axis=0)).max() < 8


@pytest.mark.parametrize(("target", "ending"), [("run", ""), ("python", "_python"), ("node", "_node")])
def test_each_language(run_example, drawn, target, ending):
    text = run_example(NAME, target)
    check(text, drawn(NAME, f"result{ending}.png"), drawn(NAME, f"mask{ending}.png")[..., 0])
    assert re.search(r"^segmentation: median [0-9.]+ ms$", text, re.M)


def test_the_languages_agree(run_example, drawn):
    """To the last pixel, and in what is printed of the person."""
    found = [re.findall(r"^person: .*$", run_example(NAME, target), re.M) for target in ("run", "python", "node")]
    assert len(found[0]) == 1 and found[0] == found[1] == found[2]
    for file in ("result", "mask"):
        assert (drawn(NAME, f"{file}.png") == drawn(NAME, f"{file}_python.png")).all()
        assert (drawn(NAME, f"{file}.png") == drawn(NAME, f"{file}_node.png")).all()


@pytest.mark.parametrize(("target", "ending"), [("run", ""), ("python", "_PYTHON"), ("node", "_NODE")])
def test_nobody(run_example, tmp_path, target, ending):
    path = tmp_path / "grey.png"
    Image.new("RGB", (300, 200), (90, 90, 90)).save(path)
    results = {f"RESULT{ending}": str(tmp_path / "result.png"), f"MASK{ending}": str(tmp_path / "mask.png")}
    text = run_example(NAME, target, PICTURE=str(path), **results)
    assert "no person" in text
