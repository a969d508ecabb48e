"""Finds faces in a picture, and 468 points of each; face_landmarks.cpp says how.

    face_landmarks.py DETECTOR.ms LANDMARKS.ms PICTURE RESULT.png
"""
import math
import sys
from typing import NamedTuple

import numpy as np

import mslite
from mslite import image
from timing import median_milliseconds


class Face(NamedTuple):
    box: np.ndarray  # left, top, right, bottom in the picture
    points: np.ndarray  # right eye, left eye, nose, mouth, ears
    score: float


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def make_anchors():
    """As parts of the detector's square: two in the middle of each of 16 x 16 cells, then six in each of 8 x 8."""
    anchors = []
    for cells, count in ((16, 2), (8, 6)):
        for cell in range(cells * cells):
            anchors += [((cell % cells + 0.5) / cells, (cell // cells + 0.5) / cells)] * count
    return np.array(anchors, np.float32)


class Detector:
    SIDE = 128

    def __init__(self, path):
        self.model, self.anchors = mslite.Model(path), make_anchors() * self.SIDE

    def find(self, picture):
        """The faces, the most certain one first."""
        square, placement = image.letterbox(picture, self.SIDE, self.SIDE)
        pixels = image.normalize(square, 1 / 127.5, mean=1)[np.newaxis]  # -1...1
        values, scores = self.model.run(["regressors", "classificators"], {self.model.inputs[0].name: pixels})
        certain = scores[0, :, 0] >= 0  # a score of at least one half
        # Centre, size, and six points, in pixels of the square; all places are seen from the anchor.
        values, anchors, scores = values[0, certain], self.anchors[certain], sigmoid(scores[0, certain, 0])
        middles, halves = anchors + values[:, 0:2], values[:, 2:4] / 2
        boxes = placement.to_source(np.hstack([middles - halves, middles + halves])).astype(np.float32)
        points = placement.to_source(values[:, 4:].reshape(-1, 6, 2) + anchors[:, np.newaxis])

        faces = []
        for best in image.suppress_boxes(boxes, scores, iou_threshold=0.3):
            # Boxes of one face as one: their mean, weighted by their scores.
            same = [k for k in range(len(boxes)) if image.overlap(boxes[k], boxes[best]) > 0.3]
            weights = scores[same]
            faces.append(Face(np.average(boxes[same], 0, weights), np.average(points[same], 0, weights), scores[best]))
        return faces


def region(face):
    """What the second network looks at: a square 1.5 times as large as the face, upright when the eyes are level."""
    left, top, right, bottom = face.box
    across, down = face.points[1] - face.points[0]
    side = 1.5 * max(right - left, bottom - top)
    return image.RotatedBox((left + right) / 2, (top + bottom) / 2, side, side, math.atan2(down, across))


class Landmarks:
    SIDE = 192

    def __init__(self, path):
        self.model = mslite.Model(path)

    def find(self, picture, box):
        """468 places in the picture; none where the network sees no face."""
        pixels = image.normalize(image.cut(picture, box, self.SIDE, self.SIDE), 1 / 255)[np.newaxis]  # 0...1
        values, presence = self.model.predict([pixels])[:2]
        if sigmoid(presence.item()) < 0.5:
            return np.empty((0, 2))
        x, y, _depth = values.reshape(-1, 3).T / self.SIDE
        return box.place(x, y)


def run(detector_path, landmarks_path, picture_path, result_path):
    picture = image.read(picture_path)
    detector, landmarks = Detector(detector_path), Landmarks(landmarks_path)
    faces = detector.find(picture)
    height, width = picture.shape[:2]
    print(f"{picture_path}, {width} x {height} pixels: {len(faces)} faces")

    drawn = picture.copy()
    for face in faces:
        box = region(face)
        points = landmarks.find(picture, box)
        edges = " ".join(f"{edge:.0f}" for edge in face.box)
        print(f"face {100 * face.score:.0f} %: box {edges}, turned by {math.degrees(box.angle):.0f} degrees, {len(points)} points")
        image.draw_label(drawn, face.box, f"face {100 * face.score:.0f} %", (64, 200, 64))
        for x, y in points:
            image.draw_point(drawn, x, y, (255, 220, 64), 2)
    print(f"detector: median {median_milliseconds(lambda: detector.find(picture)):.2f} ms")
    if faces:
        box = region(faces[0])
        print(f"landmarks of a face: median {median_milliseconds(lambda: landmarks.find(picture, box)):.2f} ms")
    image.write_png(result_path, drawn)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: face_landmarks.py DETECTOR.ms LANDMARKS.ms PICTURE RESULT.png")
    try:
        run(*sys.argv[1:])
    except mslite.Error as error:
        sys.exit(f"face_landmarks: {error}")
