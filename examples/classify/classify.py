"""Names what a photograph shows, with EfficientNet-Lite0; the same as classify.c.

    classify.py MODEL.ms LABELS.txt PICTURE RESULT.png
"""
import sys
import time

import numpy as np

import mslite
from mslite import image
from timing import median_milliseconds

# What the network was trained with: the middle 7/8 of the picture, values from about -1 to 1.
CROP, MEAN, DEVIATION = 0.875, 127, 128
TOP, RUNS = 5, 50


def prepared(picture, shape):
    """The middle square of a picture as the model takes it: one picture, height, width, channels."""
    height, width = picture.shape[:2]
    side = int(min(height, width) * CROP + 0.5)
    top, left = (height - side) // 2, (width - side) // 2
    small = image.resize(picture[top : top + side, left : left + side], shape[2], shape[1], "area")
    return image.normalize(small, mean=MEAN, deviation=DEVIATION)[np.newaxis]


def draw(picture, classes, path):
    """Writes the classes over the lower part of the picture, each on a bar as long as it is likely."""
    height, width = picture.shape[:2]
    scale = 1 if width < 400 else width // 200
    line = (image.FONT_HEIGHT + 3) * scale
    top = height - len(classes) * line
    image.draw_box(picture, 0, top, width, len(classes) * line, (24, 24, 24), 0)
    for k, (probability, label) in enumerate(classes):
        length = int(probability * width)
        if length > 0:
            image.draw_box(picture, 0, top + k * line, length, line - scale, (32, 112, 48), 0)
        image.draw_text(picture, 2 * scale, top + k * line + 2 * scale, f"{100 * probability:5.1f} %  {label}", 255, scale)
    image.write_png(path, picture)


def run(model_path, labels_path, picture_path, result_path):
    picture = image.read(picture_path)
    print(f"{picture_path}, {picture.shape[1]} x {picture.shape[0]} pixels")
    with open(labels_path, encoding="utf-8") as file:
        labels = file.read().splitlines()
    classes = []
    for threads in (1, 2):
        start = time.perf_counter()
        model = mslite.Model(model_path, mslite.Context(threads))
        load_time = (time.perf_counter() - start) * 1000
        pixels = prepared(picture, model.inputs[0].shape)
        [probabilities] = model.predict([pixels])
        if probabilities.size > len(labels):
            sys.exit(f"classify: {labels_path}: it has less labels than the model has classes")
        if threads == 1:
            for best in np.argsort(-probabilities[0], kind="stable")[:TOP]:
                classes.append((float(probabilities[0, best]), labels[best]))
                print(f"  {100 * classes[-1][0]:5.1f} %  {labels[best]}")
        median = median_milliseconds(lambda: model.predict([pixels]), RUNS)
        print(f"{threads} thread{' ' if threads == 1 else 's'}: loaded in {load_time:.1f} ms, median of {RUNS} runs {median:.2f} ms")
    draw(picture, classes, result_path)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: classify.py MODEL.ms LABELS.txt PICTURE RESULT.png")
    try:
        run(*sys.argv[1:])
    except (mslite.Error, OSError) as error:
        sys.exit(f"classify: {error}")
