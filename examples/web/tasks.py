"""What the server can find in a picture. Each task owns its models and turns a picture into what the page draws.

A picture is an array of uint8, height x width x RGB. Coordinates are its pixels, (0, 0) being the upper left corner; scores go from 0 to 1.
"""
from __future__ import annotations

import base64
import pathlib
import time

import mslite
import numpy as np
from mslite import image

EXAMPLES = pathlib.Path(__file__).resolve().parents[1]


class Clock:
    """Adds up the seconds that the models take for one picture."""

    def __init__(self) -> None:
        self.inference = 0.0


class Network:
    """A model that takes one picture as float32, NHWC. Threads that use it at once wait for each other.

    Values of the picture enter as (value - mean) / deviation.
    """

    def __init__(self, models: pathlib.Path, file: str, mean: float, deviation: float, threads: int) -> None:
        self._model = mslite.Model(models / file, mslite.Context(threads=threads))
        self._mean, self._deviation = mean, deviation
        _, self.height, self.width, _ = self._model.inputs[0].shape
        self.about = {"file": file, "bytes": (models / file).stat().st_size, "input": list(self._model.inputs[0].shape)}

    def __call__(self, picture: np.ndarray, clock: Clock) -> "list[np.ndarray]":
        """The outputs for a picture of the network's size."""
        pixels = image.normalize(picture, mean=self._mean, deviation=self._deviation)
        started = time.perf_counter()
        results = self._model.predict([pixels[np.newaxis]])
        clock.inference += time.perf_counter() - started
        return results

    def close(self) -> None:
        self._model.close()


class Faces:
    """Boxes and six key points of faces from BlazeFace, and 468 points of each face from the landmark network."""

    MOST = 8  # faces of one picture
    LEAST_SCORE = 0.6  # of the detector
    LEAST_PRESENCE = 0.5  # the landmark network's second opinion
    LEAST_OVERLAP = 0.3  # boxes that share more than this part of their area are one face
    CROP = 1.5  # the landmark network looks at a square that is so much larger than the box

    def __init__(self, models: pathlib.Path, threads: int) -> None:
        self._detector = Network(models, "face_detect_short/model.ms", 127.5, 127.5, threads)
        self._landmarks = Network(models, "face_landmark/model.ms", 0, 255, threads)
        self.networks = [self._detector, self._landmarks]
        # The centres of the detector's 896 anchors, as parts of its input: two for each of 16 x 16 cells, then six for each of 8 x 8.
        centres = []
        for cells, each in ((16, 2), (8, 6)):
            row, column = np.divmod(np.arange(cells * cells).repeat(each), cells)
            centres.append((np.stack([column, row], 1) + 0.5) / cells)
        self._anchors = np.concatenate(centres)

    def __call__(self, picture: np.ndarray, clock: Clock) -> dict:
        faces = []
        for points, score in self._detect(picture, clock):
            landmarks, presence = self._landmarks_of(picture, points, clock)
            if presence < self.LEAST_PRESENCE:
                continue
            faces.append({
                "box": _rounded(points[:2].reshape(4)), "score": round(score, 4), "keypoints": _rounded(points[2:]),
                "landmarks": _rounded(landmarks), "presence": round(presence, 4),
            })
        return {"faces": faces}

    def _detect(self, picture: np.ndarray, clock: Clock) -> "list[tuple[np.ndarray, float]]":
        """Per face two corners of its box and the six key points, and its score; the best one first."""
        square, place = image.letterbox(picture, self._detector.width, self._detector.height)
        values, logits = self._detector(square, clock)
        scores = 1 / (1 + np.exp(-np.clip(logits.reshape(-1), -80, 80).astype(np.float64)))
        points = values.reshape(-1, 8, 2)
        kept = (scores >= self.LEAST_SCORE) & (points[:, 1] > 0).all(axis=1)
        scores, points = scores[kept], points[kept].astype(np.float64)
        half = points[:, 1] / 2  # the box's centre and size come first, then the key points
        points += self._anchors[kept][:, np.newaxis] * self._detector.width
        points[:, 1] = points[:, 0] + half
        points[:, 0] -= half
        points = (points - (place.left, place.top)) / place.scale
        faces = []
        left = np.argsort(-scores)
        while left.size and len(faces) < self.MOST:
            # The boxes of one face are averaged by their scores: that is steadier from frame to frame than the best of them.
            same = _overlaps(points[left[0], :2], points[left, :2]) > self.LEAST_OVERLAP
            faces.append((np.average(points[left[same]], axis=0, weights=scores[left[same]]), float(scores[left[0]])))
            left = left[~same]
        return faces

    def _landmarks_of(self, picture: np.ndarray, points: np.ndarray, clock: Clock) -> "tuple[np.ndarray, float]":
        """The 468 points, and the certainty that there is a face in the square about the box, turned so that the eyes are level."""
        centre, side = points[:2].mean(axis=0), self.CROP * (points[1] - points[0]).max()
        x, y = points[3] - points[2]  # from one eye to the other
        angle = np.arctan2(y, x)
        # From the picture's pixels to the network's: a turn and a scale, and the box's centre comes to the middle.
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * self._landmarks.width / side
        shift = np.array([self._landmarks.width, self._landmarks.height]) / 2 - turn @ centre
        crop = image.warp_affine(picture, np.column_stack([turn, shift]), self._landmarks.width, self._landmarks.height)
        surface, presence = self._landmarks(crop, clock)
        landmarks = np.linalg.solve(turn, (surface.reshape(-1, 3)[:, :2] - shift).T).T
        return landmarks, float(1 / (1 + np.exp(-presence.item())))


class Person:
    """A mask of the people in the picture, from a selfie segmentation network."""

    def __init__(self, models: pathlib.Path, threads: int) -> None:
        self._network = Network(models, "selfie_seg_landscape/model.ms", 0, 255, threads)
        self.networks = [self._network]

    def __call__(self, picture: np.ndarray, clock: Clock) -> dict:
        [mask] = self._network(image.resize(picture, self._network.width, self._network.height, "area"), clock)
        mask = mask.reshape(mask.shape[1:3])
        # White, with the mask as its opacity: a page can draw with it as it is.
        white = np.full((*mask.shape, 4), 255, np.uint8)
        white[..., 3] = mask.clip(0, 1) * 255 + 0.5
        return {"mask": {
            "width": mask.shape[1], "height": mask.shape[0], "png": base64.b64encode(image.encode_png(white)).decode(),
            "share": round(float((mask > 0.5).mean()), 4),
        }}


class Classes:
    """The likeliest of ImageNet's 1000 classes for the middle of the picture, from EfficientNet-Lite0."""

    TOP = 5
    CROP = 0.875  # of the shorter side, as in the network's training

    def __init__(self, models: pathlib.Path, threads: int) -> None:
        self._network = Network(models, "efficientnet_lite0_fp16.ms", 127, 128, threads)
        self.networks = [self._network]
        self._labels = (EXAMPLES / "classify" / "imagenet_labels.txt").read_text().splitlines()

    def __call__(self, picture: np.ndarray, clock: Clock) -> dict:
        height, width, _ = picture.shape
        side = max(1, round(min(height, width) * self.CROP))
        left, top = (width - side) // 2, (height - side) // 2
        middle = picture[top : top + side, left : left + side]
        [scores] = self._network(image.resize(middle, self._network.width, self._network.height, "area"), clock)
        scores = scores.reshape(-1)
        best = np.argsort(-scores)[: self.TOP]
        return {"box": [left, top, left + side, top + side], "classes": [
            {"index": int(k), "label": self._labels[k], "score": round(float(scores[k]), 4)} for k in best
        ]}


TASKS = {"faces": Faces, "person": Person, "classes": Classes}


def _rounded(values: np.ndarray) -> list:
    return values.round(1).tolist()


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box with each of several; a box is two corners."""
    shared = np.prod((np.minimum(box[1], boxes[:, 1]) - np.maximum(box[0], boxes[:, 0])).clip(0), axis=1)
    return shared / (np.prod(box[1] - box[0]) + np.prod(boxes[:, 1] - boxes[:, 0], axis=1) - shared)
