"""Threads: runs of different models overlap, runs of one wait for each other, nothing is mixed up."""
import pathlib
import threading
import time

import numpy as np

import mslite
from conftest import MODELS


def run_all(functions: "list") -> "list[BaseException]":
    failures: "list[BaseException]" = []

    def guarded(function) -> None:  # type: ignore[no-untyped-def]
        try:
            function()
        except BaseException as exception:
            failures.append(exception)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_one_model_for_all_threads(relu: pathlib.Path) -> None:
    model = mslite.Model(relu, mslite.Context(threads=1))

    def work(number: int) -> None:
        for k in range(500):
            x = np.full((5, 4), number + k, np.float32)
            [y] = model.predict([x])
            assert (y == x).all()

    assert run_all([lambda n=n: work(1000 * n) for n in range(6)]) == []


def test_a_model_per_thread(face: pathlib.Path) -> None:
    [expected] = mslite.Model(face).predict([np.full((1, 48, 48, 3), 0.5, np.float32)])

    def work() -> None:
        with mslite.Model(face, mslite.Context(threads=1)) as model:
            for _ in range(20):
                assert model.predict([np.full((1, 48, 48, 3), 0.5, np.float32)])[0].tobytes() == expected.tobytes()

    assert run_all([work] * 4) == []


def test_closing_and_resizing_meanwhile(relu: pathlib.Path) -> None:
    for turn in range(30):
        model = mslite.Model(relu, mslite.Context(threads=1))

        def work() -> None:
            try:
                while True:
                    shape = model.inputs[0].shape
                    try:
                        assert model.predict([np.ones(shape, np.float32)])[0].shape[1] == 4
                    except mslite.InputError:
                        pass  # resized in between
            except mslite.ClosedError:
                pass

        def end() -> None:
            for k in range(5):
                model.resize([(k + 1, 4)])
            time.sleep(0.001 * (turn % 3))
            model.close()

        assert run_all([work, work, end]) == []


def test_the_interpreter_goes_on_while_a_model_runs() -> None:
    model = mslite.Model(MODELS / "efficientnet_lite0_fp16.ms", mslite.Context(threads=1))
    x = np.zeros(model.inputs[0].shape, np.float32)
    model.predict([x])
    done = threading.Event()

    def work() -> None:
        for _ in range(10):
            model.predict([x])
        done.set()

    thread = threading.Thread(target=work)
    ticks = 0
    thread.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.0005)
    thread.join()
    # One prediction takes 8 ms or more: held during a run, the lock would let this loop turn about ten times.
    assert ticks > 30
