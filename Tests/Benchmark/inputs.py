"""The numbers that go into a model: the recorded ones where there are some, in the layout that an engine wants, else random ones. And
whether what comes out is what was recorded.

Runs in the environment of every engine, so it keeps to Python 3.7.
"""
import zlib

import numpy as np


def _known(declared):
    """Dimensions as integers; -1 for one that is open, which engines write as -1, 0, None or a name."""
    return [d if isinstance(d, int) and d > 0 else -1 for d in declared]


def _fits(shape, declared):
    return len(shape) == len(declared) and all(d in (-1, s) for s, d in zip(shape, declared))


def real(recorded, array):
    """The numbers that recorded integers stand for."""
    if "scale" not in recorded or array.dtype.kind not in "iu":
        return array
    return (array.astype(np.float32) - recorded["zero_point"]) * recorded["scale"]


def _label(position, names):
    return " or ".join(sorted(names)) or "%d" % position


class Inputs:
    """Data for the inputs of one model."""

    def __init__(self, recorded):
        """`recorded`: as in models.Model."""
        self.recorded = recorded
        self.arrays = [np.fromfile(r["file"], r["dtype"]).reshape(r["shape"]) for r in recorded]
        # Here, since numpy imports its generators at their first use, which would count as the engine's memory.
        self.random = np.random.RandomState()

    def _find(self, position, names):
        """What is recorded for an input, by name or else by position."""
        for i, recorded in enumerate(self.recorded):
            if recorded["name"] in names:
                return i
        return position if position < len(self.recorded) else None

    def _placed(self, position, names, declared):
        """The recorded array in the declared layout. Converters to NHWC turn the inputs of a model too."""
        found = self._find(position, names)
        array = None if found is None else self.arrays[found]
        if array is None or _fits(array.shape, declared):
            return array
        if array.ndim == 4:
            turned = array.transpose(0, 2, 3, 1)
            if _fits(turned.shape, declared):
                return turned
        return array

    def shape(self, position, names, declared):
        """The shape to run with. `declared` is the model's own, with open dimensions."""
        declared = _known(declared)
        array = self._placed(position, names, declared)
        if array is not None:
            return list(array.shape)
        # Without data, a batch is one.
        if declared and declared[0] == -1:
            declared[0] = 1
        if -1 in declared or not names:
            raise ValueError("input %s has the open shape %s, and no meta.json has data for it" % (_label(position, names), declared))
        return declared

    def array(self, position, names, shape, dtype):
        """The data itself, contiguous. What is made up is seeded by the position and the
        dimensions, whatever the layout, so that every engine computes with as many denormals and zeros."""
        array = self._placed(position, names, list(shape))
        if array is None:
            # Zero is a valid index, length and condition of every model; its floats should not be all alike.
            array = np.zeros(shape)
            if np.issubdtype(np.dtype(dtype), np.floating):
                seed = zlib.crc32(repr((position, sorted(shape))).encode())
                self.random.seed(seed % 2 ** 32)
                array = self.random.uniform(size=shape)
        elif np.issubdtype(np.dtype(dtype), np.floating):
            array = real(self.recorded[self._find(position, names)], array)
        if list(array.shape) != list(shape):
            raise ValueError("input %s wants %s, and %s is recorded" % (_label(position, names), list(shape), list(array.shape)))
        return np.ascontiguousarray(array.astype(dtype))


# Engines round differently, and quantised ones by whole steps; this is for those that compute something else, or nothing.
WRONG = 0.25


def _distance(expected, array):
    """The largest difference by the largest value. Values are compared in their order of size, whatever the layout."""
    a, b = (np.sort(np.asarray(x, np.float64).ravel()) for x in (expected, array))
    distance = np.abs(a - b).max() / (np.abs(a).max() or 1)
    return distance if np.isfinite(distance) else np.inf


def check(recorded, outputs):
    """Raises ValueError unless every recorded output (as in models.Model) is among those that an engine gives."""
    for o in recorded:
        candidates = [np.fromfile(path, o["dtype"]) for path in o["files"]]
        distances = [_distance(real(o, c) if x.dtype.kind == "f" else c, x) for c in candidates for x in outputs if x.size == c.size]
        if not distances:
            raise ValueError("it gives outputs of %s elements; %d are recorded" % ([x.size for x in outputs], candidates[0].size))
        if min(distances) > WRONG:
            raise ValueError("it computes something else: an output is off by %.2g of the recorded peak" % min(distances))
