#!/usr/bin/env python3
"""Writes Tests/Image/opencv.h: what OpenCV makes of small pictures, for test_image.c to compare with.

For developers: pip install opencv-python-headless numpy; Tests/Image/record_opencv.py
"""

import os

import cv2
import numpy as np

GRAY, RGB, BGR, RGBA, NV12, NV21 = range(6)
INTERPOLATIONS = [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA]


def picture(width, height, channels):
    """As make_picture of test_image.c."""
    i = np.arange(width * height * channels, dtype=np.int64)
    values = ((i * i * 31 + i * 17 + (i >> 3) * 7) & 255).astype(np.uint8)
    return values.reshape((height, width) if channels == 1 else (height, width, channels))


def numbers(array):
    flat = [str(v) for v in array.reshape(-1)]
    return ",\n".join("  " + ", ".join(flat[i:i + 32]) for i in range(0, len(flat), 32))


arrays, rows = [], []


def case(table, fields, expected):
    name = f"expected_{len(arrays)}"
    arrays.append(f"static const unsigned char {name}[] = {{\n{numbers(expected)}}};")
    rows.append((table, f"  {{{fields}, {name}}},"))


for interpolation, code in enumerate(INTERPOLATIONS):
    for channels in (1, 3, 4):
        for (width, height), (to_width, to_height) in [((13, 9), (6, 5)), ((6, 5), (13, 9)), ((16, 8), (8, 4)), ((1, 1), (3, 2))]:
            out = cv2.resize(picture(width, height, channels), (to_width, to_height), interpolation=code)
            case("resizes", f"{interpolation}, {channels}, {width}, {height}, {to_width}, {to_height}", out)

for source, to, channels, code in [
    (BGR, GRAY, 3, cv2.COLOR_BGR2GRAY), (RGBA, GRAY, 4, cv2.COLOR_RGBA2GRAY), (RGB, BGR, 3, cv2.COLOR_RGB2BGR),
    (GRAY, RGBA, 1, cv2.COLOR_GRAY2RGBA), (BGR, RGBA, 3, cv2.COLOR_BGR2RGBA), (NV12, RGB, 1, cv2.COLOR_YUV2RGB_NV12),
    (NV21, BGR, 1, cv2.COLOR_YUV2BGR_NV21), (NV21, RGBA, 1, cv2.COLOR_YUV2RGBA_NV21),
]:
    rows_of_source = 9 if source in (NV12, NV21) else 6
    case("conversions", f"{source}, {to}, 10, 6", cv2.cvtColor(picture(10, rows_of_source, channels), code))
planes = cv2.cvtColor(picture(10, 6, 3), cv2.COLOR_RGB2YUV_I420)
u, v = planes[6:].reshape(2, 3, 5)
case("conversions", f"{RGB}, {NV12}, 10, 6", np.concatenate([planes[:6], np.stack([u, v], 2).reshape(3, 10)]))
case("conversions", f"{RGB}, {NV21}, 10, 6", np.concatenate([planes[:6], np.stack([v, u], 2).reshape(3, 10)]))

BORDERS = [cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT, cv2.BORDER_REFLECT_101]
for border, code in enumerate(BORDERS):
    for channels in (1, 3, 4):
        source = picture(11, 8, channels)
        m = np.array([[0.8, -0.6, 2.25], [0.5, 0.9, -1.5], [0.02, -0.01, 1]])
        value = (200.0, 20.0, 3.0, 99.0)
        case("warps", f"0, {border}, {channels}", cv2.warpAffine(source, m[:2], (12, 9), borderMode=code, borderValue=value))
        case("warps", f"1, {border}, {channels}", cv2.warpPerspective(source, m, (12, 9), borderMode=code, borderValue=value))

STRUCTURES = {
    "resizes": "int interpolation, channels, width, height, to_width, to_height; const unsigned char *expected;",
    "warps": "int is_perspective, border, channels; const unsigned char *expected;",
    "conversions": "int from, to, width, height; const unsigned char *expected;",
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "opencv.h"), "w") as file:
    file.write(f"/* Made by record_opencv.py with OpenCV {cv2.__version__}. */\n")
    file.write("\n".join(arrays) + "\n\n")
    for table, fields in STRUCTURES.items():
        lines = "\n".join(row for name, row in rows if name == table)
        file.write(f"static const struct {{ {fields} }} {table}[] = {{\n{lines}\n}};\n")
