"""Memory stays flat over 100,000 predictions, and over models that come and go."""
import pathlib

import numpy as np

import mslite


def resident() -> int:
    """KiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


def predictions(model: mslite.Model, count: int) -> None:
    x, y = np.ones((5, 4), np.float32), np.empty((5, 4), np.float32)
    wrong = np.ones((5, 5), np.float32)
    for k in range(count):
        model.predict([x])
        if k % 4 == 0:
            model.predict({"Placeholder": x}, outputs=[y])
        if k % 10 == 0:
            try:
                model.predict([wrong])
            except mslite.InputError:
                pass
        if k % 50 == 0:
            model.predict([x], before=lambda call: call.inputs())


def test_predictions(relu: pathlib.Path) -> None:
    model = mslite.Model(relu, mslite.Context(threads=1))
    predictions(model, 2000)
    before = resident()
    predictions(model, 100_000)
    assert resident() - before < 1024


def lives(relu: pathlib.Path, mlp: pathlib.Path, count: int) -> None:
    for _ in range(count):
        model = mslite.Model(relu, mslite.Context(threads=1))
        model.resize([(3, 4)])
        model.predict([np.ones((3, 4), np.float32)])
        try:
            mslite.Model(b"junk")
        except mslite.BuildError:
            pass
        training = mslite.TrainingModel(mlp, mslite.Context(threads=1))
        training.train_step()
        training.update_weights(training.get_weights())
        training.export_bytes()


def test_models(relu: pathlib.Path, mlp: pathlib.Path) -> None:
    lives(relu, mlp, 100)
    before = resident()
    lives(relu, mlp, 1000)
    assert resident() - before < 2048
