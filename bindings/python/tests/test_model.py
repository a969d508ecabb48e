"""Right and wrong use of models."""
import gc
import os
import pathlib
import subprocess
import sys
import weakref

import numpy as np
import pytest

import mslite
from conftest import MODELS


def grey(value: float = 0.5) -> "np.ndarray":
    return np.full((1, 48, 48, 3), value, np.float32)


def test_description(face: pathlib.Path) -> None:
    model = mslite.Model(face)
    [data] = model.inputs
    assert (data.name, data.shape, data.dtype, data.format) == ("data", (1, 48, 48, 3), np.float32, mslite.Format.NHWC)
    assert (data.element_num, data.data_size, data.type, data.data_type) == (6912, 27648, "tensor(float32)", mslite.DataType.FLOAT32)
    assert [t.name for t in model.get_outputs()] == ["prob"] and model.get_inputs()[0] is data
    assert "data" in repr(model) and "prob" in repr(model)
    assert mslite.version().startswith("mslite ") and mslite.__version__ in mslite.version()
    assert mslite.half_arithmetic() in ("", "bfloat16", "float16")


def test_forms_of_inputs_and_outputs(face: pathlib.Path) -> None:
    model = mslite.Model(str(face), mslite.Context(threads=2))
    x = grey()
    [by_list] = model.predict([x])
    [by_name] = model.predict({"data": x})
    [by_tensor] = model.predict([mslite.Tensor(x, "data")])
    [by_run] = model.run(["prob"], {"data": x})
    model.inputs[0].data = x
    assert model.inputs[0].get_data_to_numpy() is x
    [by_own] = model.predict()
    for result in (by_name, by_tensor, by_run, by_own, model.run(None, {"data": x})[0]):
        assert result.tobytes() == by_list.tobytes()
    into = np.zeros((1, 2), np.float32)
    [same] = model.predict([x], outputs=[into])
    assert same is into and into.tobytes() == by_list.tobytes()
    # Results are the caller's: another run and the end of the model leave them alone.
    before = by_list.copy()
    model.predict([grey(0.1)])
    model.close()
    assert by_list.tobytes() == before.tobytes()


def test_inputs_are_read_in_place_or_copied(face: pathlib.Path) -> None:
    model = mslite.Model(face)
    wide = np.zeros((1, 48, 48, 6), np.float32)
    wide[..., ::2] = 0.5
    assert model.predict([wide[..., ::2]])[0].tobytes() == model.predict([grey()])[0].tobytes()
    bytes_ = np.zeros(27648 + 1, np.uint8)
    unaligned = bytes_[1:].view(np.float32).reshape(1, 48, 48, 3)
    unaligned[...] = 0.5
    assert model.predict([unaligned])[0].tobytes() == model.predict([grey()])[0].tobytes()
    constant = grey()
    constant.flags.writeable = False
    model.predict([constant])


def test_wrong_inputs(face: pathlib.Path) -> None:
    model = mslite.Model(face)
    for wrong, error in [
        ([grey().astype(np.float64)], mslite.InputTypeError), ([grey().astype(">f4")], mslite.InputTypeError),
        ([[1, 2, 3]], mslite.InputTypeError), ([None], mslite.InputTypeError), (grey(), mslite.InputTypeError), (3, mslite.InputTypeError),
        ([grey()[0]], mslite.InputError), ([grey(), grey()], mslite.InputError), ([], mslite.InputError),
        ({"x": grey()}, mslite.InputError), ({}, mslite.InputError), ([np.array(["a"])], mslite.InputTypeError),
        ([np.zeros((1, 48, 48, 3), object)], mslite.InputTypeError),
    ]:
        with pytest.raises(error) as raised:
            model.predict(wrong)
        assert str(raised.value)
    assert issubclass(mslite.InputTypeError, TypeError) and issubclass(mslite.InputError, ValueError)
    read_only = np.zeros((1, 2), np.float32)
    read_only.flags.writeable = False
    for wrong, error in [
        ([np.zeros((1, 2))], mslite.InputTypeError), ([np.zeros((2, 1), np.float32)], mslite.InputError), ([], mslite.InputError),
        (np.zeros((1, 2), np.float32), mslite.InputTypeError), ([np.zeros((1, 4), np.float32)[:, ::2]], mslite.InputError),
        ([read_only], mslite.InputError),
    ]:
        with pytest.raises(error):
            model.predict([grey()], outputs=wrong)
    with pytest.raises(mslite.InputError, match="no output"):
        model.run(["nothing"], {"data": grey()})
    with pytest.raises(TypeError):
        model.predict([grey()], after=3)
    with pytest.raises(mslite.InputTypeError):
        mslite.Tensor([1.0])
    with pytest.raises(mslite.InputTypeError):
        mslite.Tensor(np.array([1j]))
    with pytest.raises(mslite.InputError):
        model.inputs[0].data = np.zeros(3, np.float32)
    assert model.predict([grey()])[0].shape == (1, 2)


def test_wrong_models(tmp_path: pathlib.Path, relu: pathlib.Path) -> None:
    junk = tmp_path / "junk.ms"
    junk.write_bytes(b"not a model")
    for wrong in (junk, tmp_path, tmp_path / "none.ms", b"", b"junk", memoryview(b"x" * 100), bytearray(relu.read_bytes()[:200])):
        with pytest.raises(mslite.Error) as raised:
            mslite.Model(wrong)
        assert raised.value.status != 0 and str(raised.value)
    for wrong in (3, None, ["x"], 1.5):
        with pytest.raises(TypeError):
            mslite.Model(wrong)
    with pytest.raises(ValueError):
        mslite.Model("a\0b")
    with pytest.raises(mslite.BuildError):
        mslite.Model(relu, config=tmp_path / "none.cfg")
    with pytest.raises(mslite.ArgumentError):
        mslite.Model(relu, decryption_key=b"short")
    with pytest.raises(mslite.NotSupportedError):
        mslite.Model(relu, decryption_key=b"0" * 16, decryption_mode="ROT13")
    for view in (relu.read_bytes(), bytearray(relu.read_bytes()), memoryview(relu.read_bytes())):
        mslite.Model(view).close()


def test_contexts(relu: pathlib.Path) -> None:
    context = mslite.Context()
    context.target = ["cpu"]
    context.cpu.thread_num = 2
    context.cpu.thread_affinity_mode = mslite.ThreadAffinityMode.BIG_CORES_FIRST
    context.cpu.thread_affinity_core_list = [0]
    context.cpu.precision_mode = "preferred_fp16"
    for _ in range(2):  # a context builds any number of models
        mslite.Model(relu, context).close()
    for attribute, value, error in [
        ("thread_num", -1, ValueError), ("thread_num", "2", TypeError), ("thread_num", 2**40, ValueError), ("precision_mode", "fp8", ValueError),
        ("thread_affinity_mode", 7, ValueError), ("thread_affinity_core_list", [-1], ValueError), ("thread_affinity_core_list", ["a"], TypeError),
    ]:
        wrong = mslite.Context()
        setattr(wrong.cpu, attribute, value)
        with pytest.raises(error):
            mslite.Model(relu, wrong)
    with pytest.raises(mslite.ArgumentError):
        mslite.Model(relu, mslite.Context(target=["tpu"]))
    with pytest.raises(mslite.ArgumentError):
        mslite.Model(relu, mslite.Context(target=[]))
    with pytest.raises(TypeError):
        mslite.Model(relu, "cpu")
    devices = mslite.nnrt_devices()
    assert all(device.device_name for device in devices)
    if not devices:
        with pytest.raises(mslite.Error):
            mslite.Model(relu, mslite.Context(target=["nnrt"]))
    wrong = mslite.Context(target=["nnrt"])
    wrong.nnrt.extensions = {"no such setting": b"1"}
    with pytest.raises(mslite.ArgumentError):
        mslite.Model(relu, wrong)


def test_resize(face: pathlib.Path) -> None:
    model = mslite.Model(face)
    old = model.inputs[0]
    model.resize([(4, 48, 48, 3)])
    assert model.inputs[0].shape == (4, 48, 48, 3) and old.shape == (1, 48, 48, 3)
    batch = np.concatenate([grey(v) for v in (0.1, 0.5, 0.5, 0.9)])
    [result] = model.predict([batch])
    assert result.shape == (4, 2) and result[1].tobytes() == result[2].tobytes() != result[0].tobytes()
    with pytest.raises(mslite.InputError, match="resize"):
        model.predict([grey()])
    model.resize({"data": [1, 48, 48, 3]})
    model.predict([grey()])
    for wrong, error in [
        ([(1, 48, 48)], ValueError), ([(1, -48, 48, 3)], ValueError), ([], ValueError), ([(1, 48, 48, 3)] * 2, ValueError), ({"x": (1,)}, ValueError),
        (3, TypeError), ([3], TypeError), ([("a", "b")], TypeError), ([(1.5, 48, 48, 3)], TypeError), ([(1,) * 40], ValueError), ([(2**70,)], ValueError),
        ([(2**40, 48, 48, 3)], ValueError),
    ]:
        with pytest.raises(error):
            model.resize(wrong)
    assert model.predict([grey()])[0].shape == (1, 2)


def test_results_whose_size_only_a_run_can_tell() -> None:
    """The number of turns of a loop is data."""
    names = [p for p in sorted((MODELS / "control_flow").glob("*.ms"))]
    dynamic = 0
    for path in names:
        with mslite.Model(path) as model:
            if any(-1 in t.shape for t in model.outputs):
                dynamic += 1
                with pytest.raises(mslite.InputError):
                    model.predict([np.zeros(t.shape, t.dtype) for t in model.inputs], outputs=[np.zeros(1, np.float32)])
    assert dynamic > 0


def test_closed_models(face: pathlib.Path) -> None:
    model = mslite.Model(face)
    tensor = model.inputs[0]
    tensor.data = grey()
    with model:
        model.predict()
    model.close()
    for use in (
        model.predict, lambda: model.predict([grey()]), lambda: model.resize([(1, 48, 48, 3)]), model.profile, lambda: model.set_profiling(True),
        lambda: model.inputs, lambda: model.outputs, model.__enter__,
    ):
        with pytest.raises(mslite.ClosedError, match="closed"):
            use()
    assert tensor.data[0, 0, 0, 0] == 0.5 and "closed" in repr(model)


def test_a_forgotten_model_goes(relu: pathlib.Path) -> None:
    model = mslite.Model(relu)
    gone = weakref.ref(model)
    model.predict([np.zeros((5, 4), np.float32)], after=lambda call: None)
    del model
    gc.collect()
    assert gone() is None


def test_callbacks(face: pathlib.Path) -> None:
    model = mslite.Model(face)
    [plain] = model.predict([grey()])
    before, after, kept = [], [], []

    def started(call: mslite.NodeCall) -> None:
        before.append((call.name, call.type))
        first = call.inputs()[0]
        assert first is not None and first.size > 0

    def ended(call: mslite.NodeCall) -> None:
        after.append((call.name, call.type))
        kept.append((call, call.outputs()))
        for busy in (model.predict, model.close, model.profile, lambda: model.resize([(1, 48, 48, 3)])):
            with pytest.raises(mslite.BusyError):
                busy()

    [watched] = model.predict([grey()], before=started, after=ended)
    assert watched.tobytes() == plain.tobytes() and before == after and len(after) > 3
    assert kept[-1][1][0].tobytes() == plain.tobytes()
    with pytest.raises(mslite.ClosedError):
        kept[0][0].outputs()
    calls = []

    def failing(call: mslite.NodeCall) -> None:
        calls.append(call)
        raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        model.predict([grey()], before=failing)
    assert len(calls) == 1
    assert model.predict([grey()])[0].tobytes() == plain.tobytes()


def test_profile(face: pathlib.Path) -> None:
    model = mslite.Model(face)
    model.set_profiling(True)
    for _ in range(3):
        model.predict([grey()])
    profile = model.profile()
    assert profile and all(node.runs == 3 for node in profile) and sum(node.nanoseconds for node in profile) > 0
    assert {node.arithmetic for node in profile} <= {"", "float32"}


def test_errors_of_the_engine_come_with_its_text(face: pathlib.Path) -> None:
    with pytest.raises(mslite.BuildError) as raised:
        mslite.Model("/no/such/model.ms")
    assert raised.value.status == 0xFFFFFFFF and raised.value.status_name == "LITE_ERROR" and "/no/such/model.ms" in str(raised.value)


def test_a_missing_library_is_an_import_error(tmp_path: pathlib.Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import mslite"], env={**os.environ, "MSLITE_LIB": str(tmp_path / "none.so")}, capture_output=True, text=True)
    assert done.returncode == 1 and "none.so" in done.stderr and "OSError" in done.stderr
