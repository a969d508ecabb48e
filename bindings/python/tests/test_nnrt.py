"""A device of the Neural Network Runtime: the project's CPU driver, in a process whose environment names it (MSLITE_TEST_NNRT is its folder)."""
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

import mslite

PROGRAM = """
import json, sys
import numpy as np
import mslite

devices = mslite.nnrt_devices()
x = np.full((1, 48, 48, 3), 0.5, np.float32)
context = mslite.Context(target=["nnrt", "cpu"])
context.nnrt.device_id = devices[0].device_id
context.nnrt.performance_mode = mslite.PerformanceMode.HIGH
context.nnrt.priority = mslite.Priority.LOW
model = mslite.Model(sys.argv[1], context)
types = []
[result] = model.predict([x], after=lambda call: types.append(call.type))
into = np.zeros((1, 2), np.float32)
model.predict([x], outputs=[into])
model.resize([(2, 48, 48, 3)])
[twice] = model.predict([np.concatenate([x, x])])
try:
    wrong = mslite.Context(target=["nnrt"])
    wrong.nnrt.device_id = 77
    mslite.Model(sys.argv[1], wrong)
    text = ""
except mslite.BuildError as error:
    text = str(error)
print(json.dumps({"devices": [[d.device_name, d.device_type.name] for d in devices], "types": types, "result": result.ravel().tolist(),
                  "into": into.ravel().tolist(), "twice": twice.ravel().tolist(), "text": text}))
"""


def test_a_device_gives_the_same(face: pathlib.Path) -> None:
    folder = os.environ["MSLITE_TEST_NNRT"]
    environment = {**os.environ, "MSLITE_NNRT_PATH": folder, "MSLITE_NNRT_DRIVERS": f"{folder}/nnrt_drivers/libnnrt_driver_cpu.so"}
    done = subprocess.run([sys.executable, "-c", PROGRAM, face], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    [expected] = mslite.Model(face).predict([np.full((1, 48, 48, 3), 0.5, np.float32)])
    assert len(answer["devices"]) == 1 and answer["devices"][0][0] and answer["devices"][0][1] == "CPU"
    assert answer["types"] == ["NNRt"]
    for result in (answer["result"], answer["into"], answer["twice"][:2], answer["twice"][2:]):
        assert np.abs(np.array(result) - expected.ravel()).max() < 1e-4
    assert "77" in answer["text"]
