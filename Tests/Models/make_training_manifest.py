#!/usr/bin/env python3
"""make_training_manifest.py DIR: prints the recorded trainings in a folder of training models, one per line, for
Tests/C/golden_train.c.

Each folder of DIR has train.ms, x.bin and y.bin (the batches of all steps), meta.json, w8_NAME.bin (the weights after all steps) and
logits_after.bin (what the trained model predicts for the first batch). A line is a list of fields, separated by blanks:

  model=FILE x=FILE y=FILE logits=FILE losses=NUMBER,... weight=NAME|FILE ...
"""
import json
import os
import sys


def line(folder):
    with open(os.path.join(folder, "meta.json")) as f:
        meta = json.load(f)
    fields = ["model=" + os.path.join(folder, "train.ms")]
    for name, file in (("x", "x.bin"), ("y", "y.bin"), ("logits", "logits_after.bin")):
        fields.append(f"{name}={os.path.join(folder, file)}")
    fields.append("losses=" + ",".join(str(loss) for loss in meta["losses"]))
    for name, _ in meta["params"]:
        fields.append(f"weight={name}|{os.path.join(folder, 'w8_' + name + '.bin')}")
    return " ".join(fields)


for entry in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(sys.argv[1], entry)
    if os.path.exists(os.path.join(folder, "train.ms")):
        print(line(folder))
