"""Boxes in pictures."""
from __future__ import annotations

import math
from typing import NamedTuple, Sequence

import numpy as np
import numpy.typing as npt


class RotatedBox(NamedTuple):
    """A box that is turned about its middle."""

    x: float
    """Of its middle."""
    y: float
    width: float
    height: float
    angle: float
    """Radians, clockwise."""

    def place(self, u: npt.ArrayLike, v: npt.ArrayLike) -> "npt.NDArray[np.float64]":
        """Where the parts (u, v) of the box lie: (0, 0) is its upper left corner, (1, 1) its lower right one. (..., 2) for numbers of (...)."""
        x, y = (np.asarray(u, np.float64) - 0.5) * self.width, (np.asarray(v, np.float64) - 0.5) * self.height
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        return np.stack([self.x + x * cosine - y * sine, self.y + x * sine + y * cosine], -1)

    def matrix(self, width: int, height: int) -> "npt.NDArray[np.float64]":
        """For ``warp_affine``: brings the box to a picture of that size."""
        across, down = width / self.width, height / self.height
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        # From corners at whole numbers to corners at whole numbers; then from pixels' middles to middles.
        matrix = np.array([
            [across * cosine, across * sine, width / 2 - across * (cosine * self.x + sine * self.y)],
            [-down * sine, down * cosine, height / 2 - down * (cosine * self.y - sine * self.x)],
        ])
        matrix[:, 2] += (matrix[:, 0] + matrix[:, 1] - 1) / 2
        return matrix


def overlap(a: "Sequence[float] | npt.NDArray[np.float32]", b: "Sequence[float] | npt.NDArray[np.float32]") -> float:
    """What two boxes (left, top, right, bottom) share, of their union: 0...1."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if not (width > 0 and height > 0):
        return 0.0
    return float(width * height / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height))
