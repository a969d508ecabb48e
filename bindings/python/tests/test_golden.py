"""Every case of Tests/Models/manifest.txt, the list that the C tests run."""
import numpy as np
import pytest

import mslite
from cases import Case, compare, read
from conftest import MODELS

CASES = read()


def test_the_list_is_there() -> None:
    assert len(CASES) > 150


def arrays(model: mslite.Model, case: Case) -> "list[np.ndarray]":
    """The recorded inputs for the model, which gets their shapes."""
    if not case.inputs:
        return [np.zeros(t.shape, t.dtype) for t in model.inputs]
    assert len(model.inputs) == len(case.inputs)
    names = [t.name for t in model.inputs]
    at = [names.index(spec.name) if spec.name in names else k for k, spec in enumerate(case.inputs)]
    shapes = {place: spec.model_shape for place, spec in zip(at, case.inputs)}
    if any(model.inputs[k].shape != shape for k, shape in shapes.items()):
        model.resize([shapes[k] for k in range(len(names))])
    filled = {place: spec.values() for place, spec in zip(at, case.inputs)}
    return [np.ascontiguousarray(filled[k].astype(t.dtype)).reshape(t.shape) for k, t in enumerate(model.inputs)]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_case(case: Case) -> None:
    path = MODELS / case.model
    if case.refused:
        with pytest.raises(mslite.BuildError) as refusal:
            mslite.Model(path, decryption_key=case.key)
        assert str(refusal.value) and refusal.value.status_name
        return
    runs = []
    # From a file with one thread; from memory, where weights beside the file cannot be found, with two.
    sources = [path] + ([] if path.with_suffix(".msw").exists() else [path.read_bytes()])
    for threads, source in enumerate(sources, 1):
        with mslite.Model(source, mslite.Context(threads=threads), decryption_key=case.key) as model:
            inputs = arrays(model, case)
            outputs = model.predict(inputs)
            # Watched, operators run one after the other; the same bits.
            watched = model.predict(inputs, after=lambda call: None)
            names = [t.name for t in model.outputs]
        assert len(outputs) == len(watched) == len(names)
        for k, spec in enumerate(case.outputs):
            place = names.index(spec.name) if spec.name in names else k
            compare(outputs[place], spec)
        for a, b in zip(outputs, watched):
            assert a.tobytes() == b.tobytes()
        runs.append(outputs)
    for a, b in zip(runs[0], runs[-1]):
        assert a.tobytes() == b.tobytes()
