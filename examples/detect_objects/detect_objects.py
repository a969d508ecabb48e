"""Finds objects of several classes in a picture; detect_objects.cpp says how.

    detect_objects.py MODEL.ms LABELS.txt PICTURE RESULT.png
"""
import sys

import numpy as np

import mslite
from mslite import image
from timing import median_milliseconds

COLORS = [(96, 160, 255), (255, 128, 64), (80, 200, 96), (200, 120, 255), (255, 200, 48)]


def distances(bins):
    """The model does not say a distance, but how likely it is 0, 1, ... 7 cells (before a softmax): their mean."""
    weights = np.exp(bins - bins.max(-1, keepdims=True))
    return weights @ np.arange(bins.shape[-1], dtype=np.float32) / weights.sum(-1)


class Detector:
    """A PicoDet detector. Its outputs are scores of four levels' cells, then distances: [1, cells, classes], [1, cells, 4 * BINS]."""

    LEVELS, BINS = 4, 8

    def __init__(self, path):
        self.model = mslite.Model(path)
        shapes = [output.shape for output in self.model.outputs]
        cells = [shape[:2] for shape in shapes]
        self.classes = shapes[0][-1]
        levels = self.LEVELS
        if cells[:levels] != cells[levels:] or [s[2:] for s in shapes] != [(self.classes,)] * levels + [(4 * self.BINS,)] * levels:
            raise mslite.ArgumentError(f"{path} is no PicoDet detector of four levels")

    def find(self, picture, threshold):
        """The objects whose score is above the threshold, the most certain one first: boxes, scores, numbers of their classes."""
        _, height, width, _ = self.model.inputs[0].shape
        small = image.resize(picture, width, height)  # the shape of the picture is not kept
        pixels = image.normalize(small, 1 / 255, mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225))
        results = self.model.predict([pixels[np.newaxis]])

        boxes, scores, labels = [], [], []
        for level in range(self.LEVELS):
            likely, edges = results[level][0], results[self.LEVELS + level][0]
            cell = 8 << level
            columns = -(-width // cell)
            best = likely.max(1)
            [found] = np.nonzero(best > threshold)
            middles = np.stack([found % columns + 0.5, found // columns + 0.5], 1) * cell
            away = cell * distances(edges[found].reshape(-1, 4, self.BINS))
            boxes.append(np.hstack([middles - away[:, :2], middles + away[:, 2:]]))
            scores.append(best[found])
            labels.append(likely[found].argmax(1))
        rows, columns = picture.shape[:2]
        boxes = (np.concatenate(boxes) * np.tile([columns / width, rows / height], 2)).astype(np.float32)
        scores, labels = np.concatenate(scores), np.concatenate(labels).astype(np.int32)
        kept = image.suppress_boxes(boxes, scores, labels, score_threshold=threshold)
        return boxes[kept], scores[kept], labels[kept]


def run(model_path, labels_path, picture_path, result_path):
    with open(labels_path, encoding="utf-8") as file:
        names = file.read().splitlines()
    picture = image.read(picture_path)
    detector = Detector(model_path)
    if len(names) != detector.classes:
        raise mslite.ArgumentError(f"{labels_path} has {len(names)} lines, the model {detector.classes} classes")
    boxes, scores, labels = detector.find(picture, 0.5)
    print(f"{picture_path}, {picture.shape[1]} x {picture.shape[0]} pixels: {len(boxes)} objects")

    drawn = picture.copy()
    for box, score, label in zip(boxes, scores, labels):
        text = f"{names[label]} {100 * score:.0f} %"
        print(f"{text}: box {' '.join(f'{edge:.0f}' for edge in box)}")
        image.draw_label(drawn, box, text, COLORS[label % len(COLORS)])
    print(f"detection: median {median_milliseconds(lambda: detector.find(picture, 0.5), 10):.2f} ms")
    image.write_png(result_path, drawn)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: detect_objects.py MODEL.ms LABELS.txt PICTURE RESULT.png")
    try:
        run(*sys.argv[1:])
    except (mslite.Error, OSError) as error:
        sys.exit(f"detect_objects: {error}")
