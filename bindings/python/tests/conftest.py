"""Where the tests' files are: MSLITE_TEST_MODELS names the folder Tests/Models."""
import os
import pathlib

import pytest

MODELS = pathlib.Path(os.environ["MSLITE_TEST_MODELS"])


@pytest.fixture
def relu() -> pathlib.Path:
    """A model of one operator: float32 [5, 4]."""
    return MODELS / "single_op_tflite/relu.ms"


@pytest.fixture
def face() -> pathlib.Path:
    """A small network: "data" float32 [1, 48, 48, 3] to "prob" [1, 2]."""
    return MODELS / "ms_from_repos/ml_face_isface.ms"


@pytest.fixture
def mlp() -> pathlib.Path:
    """A training model: "x" [16, 20], "y" [16, 3]."""
    return MODELS / "training/mlp_mse_sgd/train.ms"
