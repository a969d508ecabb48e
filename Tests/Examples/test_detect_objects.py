"""Expected objects: ONNX Runtime 1.32.0 and OpenCV, with the model's source file and a decoder of its own."""

import re

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT, overlap

NAME = "detect_objects"
# Label, score, box.
OBJECTS = [
    ("text", 0.985, (146.3, 969.4, 799.8, 1076.7)),
    ("text", 0.984, (143.4, 463.7, 799.9, 662.7)),
    ("text", 0.975, (146.5, 165.5, 798.7, 229.7)),
    ("text", 0.965, (145.8, 1165.3, 797.8, 1205.7)),
    ("figure", 0.954, (205.1, 679.2, 735.6, 876.9)),
    ("title", 0.930, (144.6, 1117.1, 446.2, 1138.3)),
    ("figure caption", 0.900, (228.4, 919.2, 713.9, 936.1)),
    ("header", 0.877, (781.0, 113.7, 796.3, 125.6)),
    ("header", 0.850, (162.8, 111.7, 510.1, 127.2)),
    ("figure", 0.789, (288.4, 266.5, 659.0, 349.2)),
    ("title", 0.711, (187.8, 416.5, 534.9, 441.9)),
]
COLORS = {"text": (96, 160, 255), "title": (255, 128, 64), "figure": (80, 200, 96), "figure caption": (200, 120, 255), "header": (255, 128, 64)}


def objects_of(text: str) -> list[tuple[str, int, tuple[int, ...]]]:
    lines = re.findall(r"^([a-z ]+) (\d+) %: box (\S+) (\S+) (\S+) (\S+)$", text, re.M)
    return [(line[0], int(line[1]), tuple(map(int, line[2:]))) for line in lines]


def check(text: str, picture: np.ndarray) -> None:
    found = objects_of(text)
    assert f"{len(OBJECTS)} objects" in text and len(found) == len(OBJECTS)
    for label, score, box in OBJECTS:
        [(same_label, percent, same_box)] = [f for f in found if overlap(f[2], box) > 0.5]
        assert same_label == label
        assert abs(percent - 100 * score) <= 1.5
        # Boxes are printed in whole pixels, and some are 12 pixels high.
        assert overlap(same_box, box) > (0.97 if box[3] - box[1] > 30 else 0.9)
        middle = (same_box[1] + same_box[3]) // 2
        assert tuple(picture[middle, same_box[0]]) == COLORS[label]


@pytest.mark.parametrize(("target", "file"), [("run", "result.png"), ("python", "result_python.png"), ("node", "result_node.png")])
def test_each_language(run_example, drawn, target, file):
    text = run_example(NAME, target)
    check(text, drawn(NAME, file))
    assert re.search(r"^detection: median [0-9.]+ ms$", text, re.M)


def test_the_languages_agree(run_example, drawn):
    """In what is printed of the objects, and to the last pixel."""
    found = [objects_of(run_example(NAME, target)) for target in ("run", "python", "node")]
    assert found[0] == found[1] == found[2]
    assert (drawn(NAME) == drawn(NAME, "result_python.png")).all()
    assert (drawn(NAME) == drawn(NAME, "result_node.png")).all()


@pytest.mark.parametrize(("target", "result"), [("run", "RESULT"), ("python", "RESULT_PYTHON"), ("node", "RESULT_NODE")])
def test_nothing(run_example, tmp_path, target, result):
    path = tmp_path / "white.png"
    Image.new("RGB", (300, 400), (255, 255, 255)).save(path)
    assert "0 objects" in run_example(NAME, target, PICTURE=str(path), **{result: str(tmp_path / "result.png")})


@pytest.mark.parametrize("target", ["run", "python", "node"])
def test_other_labels(run_example, target):
    labels = ROOT / "examples" / "classify" / "imagenet_labels.txt"
    with pytest.raises(AssertionError, match="has 1000 lines, the model 10 classes"):
        run_example(NAME, target, LABELS=str(labels))
