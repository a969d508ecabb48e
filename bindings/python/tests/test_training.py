"""The recorded trainings of Tests/Models/training, and right and wrong use of training models."""
import json
import pathlib

import numpy as np
import pytest

import mslite
from conftest import MODELS

FOLDERS = sorted(p.parent for p in (MODELS / "training").glob("*/train.ms"))
# As Tests/C/golden_train.c.
TOLERANCE = 2e-3


def batch(raw: "np.ndarray", step: int, tensor: mslite.Tensor) -> "np.ndarray":
    """A step's part of a recording, whose pictures are channels first."""
    part = raw[step * tensor.data_size : (step + 1) * tensor.data_size].view(tensor.dtype)
    return channels_last(part, tensor.shape)


def channels_last(values: "np.ndarray", shape: "tuple[int, ...]") -> "np.ndarray":
    if len(shape) != 4:
        return values.reshape(shape)
    n, h, w, c = shape
    return np.ascontiguousarray(values.reshape(n, c, h, w).transpose(0, 2, 3, 1))


def difference(a: "np.ndarray", b: "np.ndarray") -> float:
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-6))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_recorded_training(folder: pathlib.Path) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    x, y = (np.fromfile(folder / f"{name}.bin", np.uint8) for name in ("x", "y"))
    with mslite.TrainingModel(folder / "train.ms", mslite.Context(threads=2)) as model:
        assert model.train_mode and model.learning_rate == pytest.approx(meta["lr"])
        first, second = model.inputs
        for step, loss in enumerate(meta["losses"]):
            outputs = model.train_step([batch(x, step, first), batch(y, step, second)])
            assert float(outputs[0].ravel()[0]) == pytest.approx(loss, rel=TOLERANCE)
        weights = model.get_weights()
        for name, _ in meta["params"]:
            recorded = np.fromfile(folder / f"w8_{name}.bin", np.float32)
            assert difference(weights[name], channels_last(recorded, weights[name].shape)) <= TOLERANCE
        model.train_mode = False
        inputs = [batch(x, 0, first), batch(y, 0, second)]
        logits = np.fromfile(folder / "logits_after.bin", np.float32)
        assert difference(model.train_step(inputs)[0].ravel(), logits) <= TOLERANCE
        assert difference(model.predict(inputs)[0].ravel(), logits) <= TOLERANCE
        exported = mslite.Model(model.export_bytes())
    assert difference(exported.predict([inputs[0]])[0].ravel(), logits) <= TOLERANCE


def test_weights_and_export(mlp: pathlib.Path, tmp_path: pathlib.Path) -> None:
    model = mslite.TrainingModel(mlp.read_bytes(), loss_names=["loss_fct", "_loss_fn"])
    weights = model.get_weights()
    name = "d2.bias"
    model.update_weights({name: np.full_like(weights[name], 7)})
    assert (model.get_weights()[name] == 7).all() and (weights[name] != 7).all()
    for wrong, error in [
        ({"nothing": np.zeros(3, np.float32)}, mslite.Error), ({name: weights[name].astype(np.int32)}, mslite.Error), ({name: [1, 2, 3]}, TypeError),
        ([weights[name]], TypeError), ({}, mslite.Error),
    ]:
        with pytest.raises(error):
            model.update_weights(wrong)
    model.learning_rate = 0.25
    assert model.learning_rate == 0.25
    with pytest.raises(mslite.Error):
        model.learning_rate = -1
    with pytest.raises(ValueError):
        model.learning_rate = "fast"
    model.setup_virtual_batch(2)
    model.export(tmp_path / "all", inference_only=False)
    again = mslite.TrainingModel(tmp_path / "all.ms")
    assert (again.get_weights()[name] == 7).all()
    model.export(tmp_path / "quantised.ms", quantization=mslite.QuantizationType.WEIGHT_QUANT)
    mslite.Model(tmp_path / "quantised.ms").close()
    model.export_weights_for_micro(tmp_path / "weights.bin")
    assert (tmp_path / "weights.bin").stat().st_size > 0
    for use in (
        lambda: model.export(tmp_path / "none" / "x.ms"), lambda: model.export(tmp_path / "x.ms", outputs=["nothing"]),
        lambda: model.export_bytes(outputs=["nothing"]), lambda: model.export_weights_for_micro(tmp_path / "none" / "x"),
    ):
        with pytest.raises(mslite.Error):
            use()
    with pytest.raises(TypeError):
        model.export_bytes(outputs=[3])
    with pytest.raises(ValueError):
        model.export_bytes(quantization=9)
    model.close()
    for use in (model.train_step, model.get_weights, model.export_bytes, lambda: model.update_weights({}), lambda: model.setup_virtual_batch(2)):
        with pytest.raises(mslite.ClosedError):
            use()
    for attribute in ("train_mode", "learning_rate"):
        with pytest.raises(mslite.ClosedError):
            getattr(model, attribute)


def test_a_model_without_training(face: pathlib.Path) -> None:
    with pytest.raises(mslite.Error):
        mslite.TrainingModel(face)
    with pytest.raises(TypeError):
        mslite.TrainingModel(face, loss_names=[3])
    with pytest.raises(ValueError):
        mslite.TrainingModel(face, optimization_level=9)


def test_mixed_precision(mlp: pathlib.Path) -> None:
    model = mslite.TrainingModel(mlp, optimization_level=mslite.OptimizationLevel.O2)
    assert np.isfinite(model.train_step()[0]).all()
