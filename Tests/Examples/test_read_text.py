"""The text that examples/read_text finds on a page, upright and turned, and what it draws."""

import re
import subprocess

import numpy as np
import pytest
from conftest import ROOT, overlap
from PIL import Image

PAGE = ROOT / "examples/read_text/page.png"
TEXT = """\
IN RUSSIAN TRENCHES
27
I wouldn't ask that of you, said Ernst, with
a laugh. Even though it is Prince Suvaroff's
country, too?
There are Germans you do not like, I sup-
pose--who are even your enemies, said Fred.
Yet now you will forget all that, will you not?
God helping us, yes! said Ernst. You are
right. Your heart must be with your own. But
you don't seem like a Russian, or I would not be
helping you.
Then Fred was off, going on his way into the
darkness alone. Ernst had told him which road
to follow, telling him that if he stuck to it he would
not be likely to run into any troop movements.
Don't see too much. That is a good rule for
one who is in a country at war, he had advised.
If you know nothing, you cannot tell the enemy
anything useful, and there will be less reason for
our people to make trouble for you. Your only
real danger lies in being taken for a spy. And if
you are careful not to learn things, that will not
be a very great one."""
# Left, top, right, bottom of a few lines, read off the picture.
BOXES = {0: (333, 32, 847, 70), 1: (1067, 35, 1116, 78), 4: (67, 275, 376, 323), 11: (54, 793, 356, 844), 15: (52, 1088, 1044, 1162), 23: (44, 1687, 493, 1742)}


def lines(output: str) -> "list[tuple[np.ndarray, float, str]]":
    """Corners, confidence and text of each line that the example printed."""
    found = []
    for line in output.splitlines():
        if match := re.fullmatch(r"((?: *-?\d+,-?\d+ +){4}) *(\d+) %  (.*)", line):
            corners = np.array([float(number) for number in re.findall(r"-?\d+", match[1])]).reshape(4, 2)
            found.append((corners, int(match[2]) / 100, match[3]))
    return found


def letters(text: str) -> str:
    """What remains without quotation marks, which the network spells in several ways, and without spaces and line ends."""
    return re.sub(r"[\s\"'‘’“”]", "", text)


def distance(a: str, b: str) -> int:
    """How many characters to insert, remove or replace (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


def error_rate(found: "list[tuple[np.ndarray, float, str]]") -> float:
    read, truth = letters("".join(text for _, _, text in found)), letters(TEXT)
    return distance(read, truth) / len(truth)


def bounds(corners: np.ndarray) -> "tuple[float, ...]":
    return (*corners.min(axis=0), *corners.max(axis=0))


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """turned(degrees): the page turned counterclockwise, as a file."""

    def turn(degrees: float) -> str:
        path = tmp_path_factory.mktemp("turned") / "page.png"
        Image.open(PAGE).convert("L").rotate(degrees, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC).save(path)
        return str(path)

    return turn


@pytest.mark.parametrize("target", ["run", "python"])
def test_page(run_example, drawn, target):
    result = ROOT / "build/examples/read_text/result.png"
    result.unlink(missing_ok=True)
    found = lines(run_example("read_text", target))
    assert len(found) == 24
    assert error_rate(found) <= 0.01
    assert min(confidence for _, confidence, _ in found) >= 0.9
    for index, box in BOXES.items():
        assert overlap(bounds(found[index][0]), box) > 0.8, index

    picture, page = drawn("read_text"), np.asarray(Image.open(PAGE).convert("L"))
    height, width = page.shape
    assert picture.shape == (height, 2 * width, 3)
    colored = picture.max(axis=2).astype(int) - picture.min(axis=2) > 60
    # On the left the page as it was, but for the frames.
    assert (np.abs(picture[:, :width].mean(axis=2) - page)[~colored[:, :width]] < 2).all()
    writing = picture[:, width:].max(axis=2) < 60
    inside = np.zeros_like(writing)
    for corners, _, text in found:
        for side in range(4):
            x, y = ((corners[side] + corners[(side + 1) % 4]) / 2).astype(int)
            for half in (x, width + x):
                assert colored[max(y - 4, 0) : y + 5, max(half - 4, 0) : half + 5].any(), (text, side)
        left, top, right, bottom = (int(edge) for edge in bounds(corners))
        assert writing[top:bottom, left:right].sum() > 20 * len(text), text
        inside[top:bottom, left:right] = True
    assert not (writing & ~inside).any()


@pytest.mark.parametrize("target, degrees, rate", [("run", 180, 0.01), ("python", 180, 0.01), ("run", 15, 0.02), ("run", 90, 0.02)])
def test_turned_page(run_example, turned, target, degrees, rate):
    found = lines(run_example("read_text", target, PICTURE=turned(degrees)))
    assert error_rate(found) <= rate
    # Each line begins where the turned page has its beginning.
    along = found[0][0][1] - found[0][0][0]
    angle = np.degrees(np.arctan2(-along[1], along[0]))
    assert abs((angle - degrees + 180) % 360 - 180) < 5


def test_threads_agree(run_example):
    one, two = (lines(run_example("read_text", THREADS=str(threads))) for threads in (1, 2))
    assert [(text, confidence) for _, confidence, text in one] == [(text, confidence) for _, confidence, text in two]


@pytest.mark.parametrize("target", ["run", "python"])
def test_picture_without_text(run_example, target, tmp_path):
    blank = tmp_path / "blank.png"
    Image.new("RGB", (100, 60), "white").save(blank)
    output = run_example("read_text", target, PICTURE=str(blank))
    assert lines(output) == [] and "0 lines" in output


def test_missing_picture(run_example, tmp_path):
    run_example("read_text")
    built = ROOT / "build/examples/read_text"
    done = subprocess.run([built / "read_text", built, tmp_path / "none.png", tmp_path / "result.png"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "none.png" in done.stderr
    assert not (tmp_path / "result.png").exists()
