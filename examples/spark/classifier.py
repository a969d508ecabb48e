"""What runs in the executors' Python processes: encoded pictures in, labels out.

Spark ships this file. Because it is imported there as a module, the model outlives the task that built it: Spark hands one task
after the other to the same process.
"""

import io
import os
import time

import mslite
import numpy as np
import pandas as pd
from PIL import Image

COLUMNS = (
    "name string, label string, score float, milliseconds double, error string, "
    "process long, model_built timestamp"  # who did it, and since when that process has had its model
)

_model = None
_model_built = None


def model_from(broadcast):
    """This process's model, built when its first task asks. One thread each: Spark runs a process per core."""
    global _model, _model_built
    if _model is None:
        _model = mslite.Model(broadcast.value, mslite.Context(threads=1))
        _model_built = pd.Timestamp.now()
    return _model


def pixels_of(jpeg):
    """The middle 87.5 % of the picture, scaled and with values as the network was trained."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    side = 0.875 * min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    image = image.resize((224, 224), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
    return (np.asarray(image, np.float32)[np.newaxis] - 127) / 128


def classify_one(model, jpeg, labels):
    """(label, score, error). A picture that cannot be read is a row with an error, not the end of the job."""
    try:
        pixels = pixels_of(jpeg)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        return None, None, str(error)
    [scores] = model.predict([pixels])
    best = int(scores.argmax())
    return labels[best], float(scores.flat[best]), None


def classify(batches, broadcast, labels):
    """The function for mapInPandas: tables of name and jpeg to tables of COLUMNS."""
    model = model_from(broadcast)
    for batch in batches:
        rows = []
        for name, jpeg in zip(batch["name"], batch["jpeg"]):
            start = time.perf_counter()
            label, score, error = classify_one(model, jpeg, labels)
            rows.append((name, label, score, (time.perf_counter() - start) * 1000, error, os.getpid(), _model_built))
        yield pd.DataFrame(rows, columns=[column.split()[0] for column in COLUMNS.split(", ")])
