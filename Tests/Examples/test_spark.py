"""examples/spark: what two executors find is what a plain loop finds, with one model per process; a broken picture is a row."""

import json
import os
import re
import subprocess

import numpy as np
import pytest

from conftest import ROOT

OUT = ROOT / "build" / "examples" / "spark"
PICTURES = 100

# Runs in the example's environment, which has pandas and pyarrow: the job's table, and the same pictures one after the other.
LOOP = """
import json, pathlib, sys
import mslite
import pandas as pd
import classifier

pictures, results, model, labels = sys.argv[1:]
model = mslite.Model(model, mslite.Context(threads=1))
labels = pathlib.Path(labels).read_text().splitlines()
job = pd.read_parquet(results).astype({"model_built": str})
loop = {row.name: classifier.classify_one(model, row.jpeg, labels) for row in pd.read_parquet(pictures).itertuples(index=False)}
json.dump({"job": json.loads(job.to_json(orient="records")), "loop": loop}, sys.stdout)
"""


def read_tables():
    environment = dict(
        os.environ, MSLITE_LIB=str(ROOT / "build/lib/libmslite.so"),
        PYTHONPATH=os.pathsep.join([str(ROOT / "bindings/python"), str(ROOT / "examples/spark")]),
    )
    done = subprocess.run(
        [OUT / "venv/bin/python", "-c", LOOP, OUT / f"pictures-{PICTURES}.parquet", OUT / "labels.parquet",
         ROOT / "Tests/Models/efficientnet_lite0_fp16.ms", ROOT / "examples/classify/imagenet_labels.txt"],
        env=environment, capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    tables = json.loads(done.stdout)
    return tables["job"], tables["loop"]


def test_spark(run_example, drawn):
    printed = run_example("spark", PICTURES=str(PICTURES), MASTER="local-cluster[2,1,1024]", PASSES="2")
    rates = re.findall(r"pass (\d): (\d+) pictures in [\d.]+ s, (\d+) per second", printed)
    assert [(number, count) for number, count, _ in rates] == [("1", "100"), ("2", "100")]
    assert "models built: 2, Python processes: 2" in printed
    assert "grace_hopper-0099.jpg: image file is truncated" in printed

    job, loop = read_tables()
    assert len(job) == PICTURES and {row["name"] for row in job} == set(loop)
    for row in job:
        label, score, error = loop[row["name"]]
        assert (row["label"], row["error"]) == (label, error), row["name"]
        assert row["score"] == (None if score is None else pytest.approx(score, rel=1e-5)), row["name"]
        assert row["milliseconds"] > 0

    # The one that was cut off has failed, and nothing else.
    assert [row["name"] for row in job if row["error"]] == ["grace_hopper-0099.jpg"]
    for sample, label in (("coffee", "espresso"), ("camera", "tripod"), ("china", "palace")):
        labels = [row["label"] for row in job if row["name"].startswith(sample)]
        assert len(labels) == 20 and labels.count(label) >= 16, (sample, labels)

    # Both executors' processes have worked, each with the one model of its own through all of its tasks.
    models = {(row["process"], row["model_built"]) for row in job}
    assert len(models) == len({process for process, _ in models}) == 2

    sheet = drawn("spark").astype(int)
    assert sheet.shape == (4 * 220, 5 * 240, 3)
    red = (sheet[..., 0] > 150) & (sheet[..., 1:] < 80).all(axis=2)
    last = np.zeros_like(red)
    last[660:840, 960:] = True
    assert red[last].sum() > 100
    captions = (sheet[180:220] < 100).all(axis=2)  # black letters below the first row of pictures
    assert all(captions[:, 240 * column : 240 * (column + 1)].sum() > 100 for column in range(5))
