"""Expected values: a separate program over LiteRT 2.3.0 and OpenCV, which decodes, merges and cuts out by its own code."""

import math
import re

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT, overlap

NAME = "face_landmarks"
POINT_COLOR = (255, 220, 64)
BOX_COLOR = (64, 200, 64)
# Box, angle of the eyes in degrees, and the box of the 468 points.
FACES = [
    ((129.8, 90.7, 257.9, 218.8), 11.0, (132.1, 80.4, 254.5, 217.4)),
    ((521.1, 85.1, 686.8, 250.7), 3.0, (529.4, 82.8, 679.0, 244.4)),
]


def faces_of(text: str) -> list[tuple[tuple[int, ...], int, int]]:
    """Box, angle and number of points of each face that was printed."""
    lines = re.findall(r"^face \d+ %: box (\S+) (\S+) (\S+) (\S+), turned by (-?\d+) degrees, (\d+) points$", text, re.M)
    return [(tuple(map(int, line[:4])), int(line[4]), int(line[5])) for line in lines]


def check_points(picture: np.ndarray, expected) -> None:
    """The points drawn in one half of a picture span the expected box, and are as many as they should be."""
    rows, columns = np.nonzero((picture == POINT_COLOR).all(axis=2))
    assert overlap((columns.min(), rows.min(), columns.max(), rows.max()), expected) > 0.9
    assert len(rows) > 1000


def check(text: str, picture: np.ndarray) -> None:
    found = sorted(faces_of(text))
    assert len(found) == len(FACES)
    for (box, angle, points), (expected_box, expected_angle, _) in zip(found, FACES):
        assert overlap(box, expected_box) > 0.95
        assert abs(angle - expected_angle) <= 1
        assert points == 468
    half = picture.shape[1] // 2
    check_points(picture[:, :half], FACES[0][2])
    right = FACES[1][2]
    check_points(picture[:, half:], (right[0] - half, right[1], right[2] - half, right[3]))


@pytest.mark.parametrize(("target", "file"), [("run", "result.png"), ("python", "result_python.png"), ("node", "result_node.png")])
def test_each_language(run_example, drawn, target, file):
    text = run_example(NAME, target)
    picture = drawn(NAME, file)
    check(text, picture)
    # The frames of both boxes, in the middle of their left edges.
    for box, _, _ in faces_of(text):
        assert tuple(picture[(box[1] + box[3]) // 2, box[0]]) == BOX_COLOR
    assert len(re.findall(r"median [0-9.]+ ms", text)) == 2


def test_the_languages_agree(run_example, drawn):
    """To the last pixel, and in all that is printed but times."""
    texts = [re.sub(r"median .*", "", "".join(re.findall(r"^(?:faces|face|detector|landmarks).*\n", run_example(NAME, target), re.M)))
             for target in ("run", "python", "node")]
    assert texts[0] == texts[1] == texts[2]
    assert (drawn(NAME) == drawn(NAME, "result_python.png")).all()
    assert (drawn(NAME) == drawn(NAME, "result_node.png")).all()


def test_a_turned_face(run_example, tmp_path):
    """The second network sees an upright face whichever way the first one has found it."""
    original = Image.open(ROOT / "examples" / NAME / "faces.jpg").crop((400, 0, 800, 400))
    result = tmp_path / "result.png"
    expected = FACES[1][2]
    for degrees in (-25, 25):
        path = tmp_path / "turned.png"
        original.rotate(-degrees, Image.Resampling.BICUBIC).save(path)  # PIL turns the other way
        [(_, angle, _)] = faces_of(run_example(NAME, PICTURE=str(path), RESULT=str(result)))
        assert abs(angle - degrees - 3) <= 6
        # Turned back, the points lie where they were.
        rows, columns = np.nonzero((np.asarray(Image.open(result).convert("RGB")) == POINT_COLOR).all(axis=2))
        back = math.radians(-degrees)
        x = 200 + (columns - 200) * math.cos(back) - (rows - 200) * math.sin(back)
        y = 200 + (columns - 200) * math.sin(back) + (rows - 200) * math.cos(back)
        assert overlap((x.min(), y.min(), x.max(), y.max()), (expected[0] - 400, expected[1], expected[2] - 400, expected[3])) > 0.85


@pytest.mark.parametrize(("target", "result"), [("run", "RESULT"), ("python", "RESULT_PYTHON"), ("node", "RESULT_NODE")])
def test_no_face(run_example, tmp_path, target, result):
    path = tmp_path / "grey.png"
    Image.new("RGB", (300, 200), (90, 90, 90)).save(path)
    text = run_example(NAME, target, PICTURE=str(path), **{result: str(tmp_path / "result.png")})
    assert "0 faces" in text and faces_of(text) == []


@pytest.mark.parametrize("target", ["run", "python", "node"])
def test_no_picture(run_example, target):
    with pytest.raises(AssertionError, match="cannot open"):
        run_example(NAME, target, PICTURE="/no/such.png")
