"""Finds the person in a picture, draws that over the picture, and blurs what is behind; segment_person.cpp says how.

    segment_person.py MODEL.ms PICTURE RESULT.png MASK.png
"""
import sys

import numpy as np

import mslite
from mslite import image
from timing import median_milliseconds


class Segmenter:
    WIDTH, HEIGHT = 256, 144

    def __init__(self, path):
        self.model = mslite.Model(path)

    def find(self, picture):
        """A grey picture of the same size: 255 where a person is, 0 where none is."""
        small = image.resize(picture, self.WIDTH, self.HEIGHT)  # the shape of the picture is not kept
        [likely] = self.model.predict([image.normalize(small, 1 / 255)[np.newaxis]])
        mask = np.floor(255 * likely.reshape(self.HEIGHT, self.WIDTH) + 0.5).astype(np.uint8)
        return image.resize(mask, picture.shape[1], picture.shape[0])


def blurred(picture):
    """Scaled down so far that details are gone, and up again."""
    height, width = picture.shape[:2]
    tiny = image.resize(picture, max(width // 24, 1), max(height // 24, 1), "area")
    return image.resize(tiny, width, height, "bicubic")


def compose(picture, mask, background):
    """The person of a picture before a background of its size."""
    person = mask[:, :, np.newaxis].astype(np.int32)
    return ((picture * person + background * (255 - person) + 127) // 255).astype(np.uint8)


def describe(mask):
    """Prints how much of the picture is a person, and the box around it."""
    rows, columns = np.nonzero(mask >= 128)
    if len(rows) == 0:
        print("no person")
    else:
        box = f"{columns.min()} {rows.min()} {columns.max() + 1} {rows.max() + 1}"
        print(f"person: {100 * len(rows) / mask.size:.1f} % of the picture, box {box}")


def run(model_path, picture_path, result_path, mask_path):
    picture = image.read(picture_path)
    segmenter = Segmenter(model_path)
    mask = segmenter.find(picture)
    height, width = picture.shape[:2]
    print(f"{picture_path}, {width} x {height} pixels")
    describe(mask)
    print(f"segmentation: median {median_milliseconds(lambda: segmenter.find(picture)):.2f} ms")

    # Left: the mask over the picture; right: the person before a blurred background.
    result = np.empty((height, 2 * width, 3), np.uint8)
    left, right = result[:, :width], result[:, width:]
    left[:] = picture
    image.draw_mask(left, mask, (64, 160, 255), 0.6)
    right[:] = compose(picture, mask, blurred(picture))
    image.write_png(result_path, result)
    image.write_png(mask_path, mask)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: segment_person.py MODEL.ms PICTURE RESULT.png MASK.png")
    try:
        run(*sys.argv[1:])
    except mslite.Error as error:
        sys.exit(f"segment_person: {error}")
