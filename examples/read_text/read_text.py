#!/usr/bin/env python3
"""Reads the text in a picture, as read_text.cpp does: where its lines are, which way up they are, what they say.

    read_text.py MODELS PICTURE RESULT.png

MODELS is a folder with detector.ms, orientation.ms, recogniser.ms and characters.txt.

A place is an array (x, y); a line of text is an array of its four corners in the text's own order: where it begins above, where it ends
above, where it ends below, where it begins below.
"""

import math
import os
import sys

import mslite
import numpy as np
from mslite import image

# PaddleOCR's settings of the detector, but for BOX_LIKELIHOOD, 0.6 there, which loses lines that lie askew; lengths are in its pixels.
LONGEST_SIDE = 960
TEXT_LIKELIHOOD = 0.3
BOX_LIKELIHOOD = 0.5
SMALLEST_HEIGHT = 3
GROWTH = 1.5


def predict(model, picture):
    """What a network of PP-OCR, which reads blue, green and red of -1...1, makes of a picture of any size."""
    height, width, channels = picture.shape
    model.resize([[1, height, width, channels]])
    return model.predict([image.normalize(picture, 1 / 255, 0.5, 0.5, source="rgb", order="bgr")[np.newaxis]])[0][0]


# --- where the text is -----------------------------------------------------------------------------------------------


def patches(mask):
    """The patches of pixels that touch each other: for each, the middles of the first and last pixel of every run in a row."""
    row_length = mask.shape[1] + 2
    change = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(change == 1)
    ends = np.nonzero(change == -1)[1]
    # Of each run, those that it touches in the row above.
    first = np.searchsorted(rows * row_length + ends, (rows - 1) * row_length + starts)
    last = np.searchsorted(rows * row_length + starts, (rows - 1) * row_length + ends, side="right")
    parents = list(range(len(rows)))

    def root(run):
        while parents[run] != run:
            parents[run] = run = parents[parents[run]]
        return run

    for run in range(len(rows)):
        for above in range(first[run], last[run]):
            parents[root(run)] = root(above)
    roots = np.array([root(run) for run in range(len(rows))], np.int64)
    for patch in np.unique(roots):
        runs = roots == patch
        y = rows[runs] + 0.5
        yield np.concatenate([np.stack([starts[runs] + 0.5, y], 1), np.stack([ends[runs] - 0.5, y], 1)])


def convex_hull(points):
    """Its corners, by Andrew's monotone chain."""
    points = sorted(set(map(tuple, points)))
    hull = []
    for side in (points, points[::-1]):
        start = len(hull)
        for x, y in side:
            while len(hull) >= start + 2:
                (x0, y0), (x1, y1) = hull[-2:]
                if (x1 - x0) * (y - y1) - (y1 - y0) * (x - x1) > 0:
                    break
                hull.pop()
            hull.append((x, y))
        hull.pop()
    return np.array(hull or points)


def smallest_box(points):
    """The box of smallest area around points: its middle, (width, height), and the direction of its width, 45 degrees from x at most."""
    hull = convex_hull(points)
    # One of its sides lies on a side of the hull.
    sides = np.roll(hull, -1, axis=0) - hull
    angles = np.arctan2(sides[:, 1], sides[:, 0])
    angles -= np.round(angles / (math.pi / 2)) * (math.pi / 2)
    along = np.stack([np.cos(angles), np.sin(angles)], 1)
    down = np.stack([-along[:, 1], along[:, 0]], 1)
    x, y = along @ hull.T, down @ hull.T
    sizes = np.stack([np.ptp(x, axis=1), np.ptp(y, axis=1)], 1)
    best = np.argmin(sizes.prod(axis=1))
    middle = along[best] * (x[best].max() + x[best].min()) / 2 + down[best] * (y[best].max() + y[best].min()) / 2
    return middle, sizes[best], along[best]


def corners_of(middle, size, along):
    x, y = along * size[0] / 2, np.array([-along[1], along[0]]) * size[1] / 2
    return np.stack([middle - x - y, middle + x - y, middle + x + y, middle - x + y])


def likelihood(likely, middle, size, along):
    """The mean over the pixels whose middles lie in a box."""
    corners = corners_of(middle, size, along)
    left, top = np.maximum(corners.min(axis=0).astype(int), 0)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    part = likely[top:bottom, left:right]
    y, x = np.mgrid[: part.shape[0], : part.shape[1]] + 0.5
    x, y = x + left - middle[0], y + top - middle[1]
    inside = (np.abs(x * along[0] + y * along[1]) <= size[0] / 2) & (np.abs(y * along[0] - x * along[1]) <= size[1] / 2)
    return part[inside].mean() if inside.any() else 0


def size_of(line):
    edges = np.linalg.norm(np.roll(line, -1, axis=0) - line, axis=1)
    return max(edges[0], edges[2]), max(edges[1], edges[3])


def detect(model, picture):
    """The lines of text, or the parts of lines that lie far from each other, in no order."""
    # The network halves its input five times.
    scale = min(1, LONGEST_SIDE / max(picture.shape[:2]))
    height, width = (max(1, round(side * scale / 32)) * 32 for side in picture.shape[:2])
    likely = predict(model, image.resize(picture, width, height))[0]
    lines = []
    for points in patches(likely > TEXT_LIKELIHOOD):
        middle, size, along = smallest_box(points)
        if min(size) < SMALLEST_HEIGHT or likelihood(likely, middle, size, along) < BOX_LIKELIHOOD:
            continue
        # The network was taught lines that are shrunk on all sides, so that neighbours do not touch.
        size = size + GROWTH * size.prod() / size.sum()
        line = corners_of(middle, size, along) * [picture.shape[1] / width, picture.shape[0] / height]
        # Text that runs up or down is read along its longer side; which way round, the orientation tells.
        line_width, line_height = size_of(line)
        lines.append(np.roll(line, -1, axis=0) if line_height >= 1.5 * line_width else line)
    return lines


# --- what a line says ------------------------------------------------------------------------------------------------


def straightened(picture, line, height, least_width):
    """The line, ``height`` pixels high and as wide as that makes it, on grey of at least ``least_width``."""
    line_width, line_height = size_of(line)
    width = max(1, math.ceil(height * line_width / line_height))
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)])
    result = np.full((height, max(width, least_width), 3), 128, np.uint8)
    # Matrices are of pixels' middles.
    image.warp_perspective(picture, image.perspective_matrix(line - 0.5, target - 0.5), width, height, border="replicate", out=result[:, :width])
    return result


def is_upside_down(model, picture, line):
    # PP-OCR squeezes each line into 192 columns, where long ones become illegible. The network's last layers take the mean over all
    # columns, so that it may have as many as it needs.
    return predict(model, straightened(picture, line, 48, 192))[1] > 0.7


def recognise(model, characters, picture, line):
    """The text, and the mean of its characters' likelihoods."""
    # The network was never taught less than 320 columns.
    likely = predict(model, straightened(picture, line, 48, 320))
    if likely.shape[1] != len(characters):
        raise ValueError(f"the network knows {likely.shape[1]} classes, the list has {len(characters)}")
    # A character lasts until another one or a gap, class 0, begins.
    best = likely.argmax(axis=1)
    begins = (best != 0) & (best != np.concatenate([[0], best[:-1]]))
    confidence = likely[begins, best[begins]].mean() if begins.any() else 0
    return "".join(characters[index] for index in best[begins]), confidence


def sorted_for_reading(lines):
    """In the order of reading, also on a page that lies askew or on its head."""
    down = sum((line[3] - line[0] for line in lines), np.zeros(2))
    lines = sorted(lines, key=lambda line: line[0] @ down)
    # Parts of one line go from left to right, whichever begins higher.
    for i in range(1, len(lines)):
        for j in range(i, 0, -1):
            above, below = lines[j - 1], lines[j]
            along, step = (above[1] - above[0]) + (below[1] - below[0]), below[0] - above[0]
            if abs(along[0] * step[1] - along[1] * step[0]) > np.linalg.norm(along) * size_of(above)[1] / 2 or along @ step > 0:
                break
            lines[j - 1], lines[j] = below, above
    return lines


# --- the picture with the lines marked, and beside it what they say --------------------------------------------------

COLORS = [(214, 39, 40), (31, 119, 180), (44, 160, 44), (255, 127, 14), (148, 103, 189)]
PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


def write(page, frame, text):
    """Writes a text into a frame, along it, as large as it allows."""
    pixel = 4
    width, height = (image.FONT_WIDTH * len(text) + 1) * pixel, image.FONT_HEIGHT * pixel
    strip = np.zeros((height, width), np.uint8)
    image.draw_text(strip, pixel, pixel, text, 255, pixel)
    frame_width, frame_height = size_of(frame)
    along = frame[1] - frame[0]
    x = along * min(frame_width / width, frame_height / height) / np.linalg.norm(along)
    y = np.array([-x[1], x[0]])
    origin = frame.mean(axis=0) - x * width / 2 - y * height / 2
    mask = image.warp_affine(strip, np.stack([x, y, origin], 1), page.shape[1], page.shape[0])
    image.draw_mask(page, mask, (0, 0, 0))


def drawn(picture, lines):
    thickness = 1 + max(picture.shape[:2]) // 1000
    marked, page = picture.copy(), np.full_like(picture, 255)
    for index, (line, text, _) in enumerate(lines):
        for half in (marked, page):
            for start, end in zip(line, np.roll(line, -1, axis=0)):
                image.draw_line(half, *map(math.floor, (*start, *end)), COLORS[index % len(COLORS)], thickness)
        write(page, line, text.translate(PLAIN))
    return np.concatenate([marked, page], axis=1)


def main(models, picture_path, result_path):
    detector, orientation, recogniser = (
        mslite.Model(os.path.join(models, f"{name}.ms"), mslite.Context(2)) for name in ("detector", "orientation", "recogniser")
    )
    with open(os.path.join(models, "characters.txt"), encoding="utf-8") as file:
        characters = ["", *file.read().removesuffix("\n").split("\n"), " "]
    picture = image.read(picture_path)

    boxes = detect(detector, picture)
    boxes = [np.roll(box, 2, axis=0) if is_upside_down(orientation, picture, box) else box for box in boxes]
    lines = [(box, *recognise(recogniser, characters, picture, box)) for box in sorted_for_reading(boxes)]
    lines = [line for line in lines if line[2] >= 0.5]

    for box, text, confidence in lines:
        print("".join(f"{x:4.0f},{y:<4.0f} " for x, y in box), f"{confidence * 100:3.0f} %  {text}")
    print(f"{len(lines)} lines")
    image.write_png(result_path, drawn(picture, lines))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: read_text.py MODELS PICTURE RESULT.png")
    main(*sys.argv[1:])
