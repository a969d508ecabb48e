"""The golden cases of Tests/Models/manifest.txt; make_manifest.py describes a line. The comparison is that of Tests/C/golden_cases.c."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conftest import MODELS


@dataclass
class Spec:
    """A recorded tensor."""

    name: str
    file: str
    dtype: str
    shape: "tuple[int, ...]"
    scale: float = 0.0
    zero: float = 0.0
    nchw: bool = False
    tolerance: float = 0.0
    steps: float = 0.0

    @property
    def model_shape(self) -> "tuple[int, ...]":
        return tuple(self.shape[k] for k in (0, 2, 3, 1)) if self.nchw else self.shape

    def values(self) -> "np.ndarray[Any, Any]":
        """As real numbers, channels last where the model wants them so."""
        raw = (MODELS / self.file).read_bytes()
        kind, _, header = self.dtype.partition("+")
        skip = 4 + 4 * int.from_bytes(raw[:4], "little") if header else 0
        values = np.frombuffer(raw, np.dtype(kind), offset=skip).astype(np.float64).reshape(self.shape)
        if self.nchw:
            values = values.transpose(0, 2, 3, 1)
        return self.scale * (values - self.zero) if self.scale > 0 else values


@dataclass
class Case:
    name: str
    model: str
    inputs: "list[Spec]" = field(default_factory=list)
    outputs: "list[Spec]" = field(default_factory=list)
    refused: bool = False
    key: "bytes | None" = None


def _spec(text: str) -> Spec:
    name, file, dtype, shape, *last = text.split("|")
    dtype, _, quantised = dtype.partition("*")
    spec = Spec(name, file, dtype, () if shape == "scalar" else tuple(map(int, shape.split("x"))))
    if quantised:
        spec.scale, spec.zero = map(float, quantised.split("@"))
    for word in last:
        if word == "nchw":
            spec.nchw = True
        elif word.endswith("steps"):
            spec.steps = float(word[:-5])
        else:
            spec.tolerance = float(word)
    return spec


def read() -> "list[Case]":
    cases = []
    for line in (MODELS / "manifest.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        case = Case("", "")
        for word in line.split(" "):
            key, _, value = word.partition("=")
            if key == "case":
                case.name = value
            elif key == "model":
                case.model = value
            elif key == "in":
                case.inputs.append(_spec(value))
            elif key == "out":
                case.outputs.append(_spec(value))
            elif key == "key":
                case.key = bytes.fromhex(value)
            else:
                assert word == "refused", word
                case.refused = True
        cases.append(case)
    return cases


def compare(result: "np.ndarray[Any, Any]", spec: Spec) -> None:
    golden = spec.values()
    # Dimensions of one are the converter's business.
    assert [d for d in result.shape if d != 1] == [d for d in golden.shape if d != 1], (spec.name, result.shape, golden.shape)
    value, golden = result.astype(np.float64).ravel(), golden.ravel()
    finite = np.abs(golden[np.isfinite(golden)])
    peak = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    same = (value == golden) | (np.isnan(value) & np.isnan(golden))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(value - golden))
    worst = float(np.where(np.isnan(difference), np.inf, difference).max(initial=0.0)) / peak
    tolerance = spec.steps * spec.scale / peak * (1 + 1e-6) if spec.steps > 0 else spec.tolerance
    assert worst <= tolerance, f"{spec.name}: off by {worst:.3g} of the peak {peak:.9g}, allowed {tolerance:.3g}"
    if spec.scale > 0 and value.size:
        assert golden[value.argmax()] >= golden.max() - tolerance * peak, f"{spec.name}: the largest value is elsewhere"
