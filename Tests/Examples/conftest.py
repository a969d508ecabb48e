"""What the tests of the examples share: each runs an example's one command and judges what it prints and draws."""

import os
import pathlib
import subprocess

import numpy as np
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def run_example():
    """run_example(name, target, **variables): make's output for that example; the test fails when make does."""

    def run(name: str, target: str = "run", **variables: str) -> str:
        settings = [f"{key}={value}" for key, value in variables.items()]
        for key in ("CONVERTER", "PYTHON"):
            if value := os.environ.get(f"EXAMPLES_{key}"):
                settings.append(f"{key}={value}")
        done = subprocess.run(
            ["make", "--no-print-directory", "-C", str(ROOT / "examples" / name), target, *settings],
            capture_output=True, text=True, timeout=600,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    return run


@pytest.fixture
def drawn():
    """drawn(name, file): a picture that the example drew, as an array of height, width and three colours."""

    def read(name: str, file: str = "result.png") -> np.ndarray:
        return np.asarray(Image.open(ROOT / "build" / "examples" / name / file).convert("RGB"))

    return read


def overlap(a, b) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / area
