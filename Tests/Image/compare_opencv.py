#!/usr/bin/env python3
"""Compares libmslite_image.so with OpenCV on noise and on smooth pictures of many sizes; fails above one grey level.

For developers: pip install opencv-python-headless numpy; make image; Tests/Image/compare_opencv.py. Prints the largest difference
for each operation, and how many values in a thousand differ at all.
"""

import sys

import cv2
import numpy as np

import mslite_image as ms

cv2.setNumThreads(1)
random = np.random.default_rng(7)
results = {}


def picture(height, width, channels, dtype=np.uint8):
    shape = (height, width) if channels == 1 else (height, width, channels)
    noise = random.integers(0, 256, shape).astype(dtype)
    return noise if random.integers(2) else cv2.GaussianBlur(noise, (7, 7), 2)


def record(name, ours, theirs):
    difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    worst, differing, count = results.get(name, (0.0, 0, 0))
    results[name] = (max(worst, difference.max()), differing + int((difference > 0.01).sum()), count + difference.size)


def like(array, height, width):
    return np.full((height, width) + array.shape[2:], 77, array.dtype)


SIZES = [(1, 1), (1, 7), (5, 1), (2, 3), (17, 33), (64, 64), (120, 160), (241, 319), (480, 640)]


def resizes():
    rules = {"nearest": (ms.NEAREST, cv2.INTER_NEAREST), "bilinear": (ms.BILINEAR, cv2.INTER_LINEAR),
             "bicubic": (ms.BICUBIC, cv2.INTER_CUBIC), "area": (ms.AREA, cv2.INTER_AREA)}
    for name, (ours, theirs) in rules.items():
        for dtype in (np.uint8, np.float32):
            for channels in (1, 3, 4):
                for height, width in SIZES:
                    for to_height, to_width in SIZES + [(height // 2 or 1, width // 2 or 1), (height // 4 or 1, width // 4 or 1)]:
                        source = picture(height, width, channels, dtype)
                        out = like(source, to_height, to_width)
                        ms.call("MSLite_ImageResize", ms.image(source), ms.image(out), ours)
                        record(f"resize {name} {dtype.__name__}", out, cv2.resize(source, (to_width, to_height), interpolation=theirs))


def colours():
    codes = {
        "BGR to GRAY": (3, ms.BGR, ms.GRAY, cv2.COLOR_BGR2GRAY), "RGB to GRAY": (3, ms.RGB, ms.GRAY, cv2.COLOR_RGB2GRAY),
        "RGBA to GRAY": (4, ms.RGBA, ms.GRAY, cv2.COLOR_RGBA2GRAY), "GRAY to BGR": (1, ms.GRAY, ms.BGR, cv2.COLOR_GRAY2BGR),
        "GRAY to RGBA": (1, ms.GRAY, ms.RGBA, cv2.COLOR_GRAY2RGBA), "BGR to RGB": (3, ms.BGR, ms.RGB, cv2.COLOR_BGR2RGB),
        "BGR to RGBA": (3, ms.BGR, ms.RGBA, cv2.COLOR_BGR2RGBA), "RGB to RGBA": (3, ms.RGB, ms.RGBA, cv2.COLOR_RGB2RGBA),
        "RGBA to RGB": (4, ms.RGBA, ms.RGB, cv2.COLOR_RGBA2RGB), "RGBA to BGR": (4, ms.RGBA, ms.BGR, cv2.COLOR_RGBA2BGR),
        "NV12 to RGB": (1, ms.NV12, ms.RGB, cv2.COLOR_YUV2RGB_NV12), "NV12 to BGR": (1, ms.NV12, ms.BGR, cv2.COLOR_YUV2BGR_NV12),
        "NV21 to RGB": (1, ms.NV21, ms.RGB, cv2.COLOR_YUV2RGB_NV21), "NV21 to RGBA": (1, ms.NV21, ms.RGBA, cv2.COLOR_YUV2RGBA_NV21),
        "NV21 to GRAY": (1, ms.NV21, ms.GRAY, cv2.COLOR_YUV2GRAY_NV21),
    }
    for name, (channels, source_format, format, code) in codes.items():
        for height, width in [(2, 2), (2, 34), (64, 62), (480, 640)]:
            rows = height * 3 // 2 if source_format in (ms.NV12, ms.NV21) else height
            source = picture(rows, width, channels)
            out_channels = {ms.GRAY: 1, ms.RGBA: 4}.get(format, 3)
            out = np.zeros((height, width) if out_channels == 1 else (height, width, out_channels), np.uint8)
            ms.call("MSLite_ImageConvert", ms.image(source, source_format), ms.image(out, format))
            record(f"colour {name}", out, cv2.cvtColor(source, code))
    for name, source_format, code in [("RGB", ms.RGB, cv2.COLOR_RGB2YUV_I420), ("BGR", ms.BGR, cv2.COLOR_BGR2YUV_I420)]:
        for height, width in [(2, 2), (64, 62), (480, 640)]:
            source = picture(height, width, 3)
            planes = cv2.cvtColor(source, code)
            chroma = planes[height:].reshape(2, height // 2, width // 2)
            for format, order in [(ms.NV12, (0, 1)), (ms.NV21, (1, 0))]:
                out = np.zeros((height * 3 // 2, width), np.uint8)
                ms.call("MSLite_ImageConvert", ms.image(source, source_format), ms.image(out, format))
                expected = np.concatenate([planes[:height], np.stack([chroma[i] for i in order], 2).reshape(height // 2, width)])
                record(f"colour {name} to NV12, NV21", out, expected)


def geometry():
    borders = [(ms.CONSTANT, cv2.BORDER_CONSTANT), (ms.REPLICATE, cv2.BORDER_REPLICATE), (ms.REFLECT, cv2.BORDER_REFLECT),
               (ms.REFLECT_101, cv2.BORDER_REFLECT_101)]
    for dtype in (np.uint8, np.float32):
        for channels in (1, 3, 4):
            for height, width in SIZES:
                source = picture(height, width, channels, dtype)
                for ours, theirs in borders:
                    left, top, right, bottom = (int(v) for v in random.integers(0, 20, 4))
                    out = like(source, height + top + bottom, width + left + right)
                    ms.call("MSLite_ImagePad", ms.image(source), left, top, ours, ms.floats([9, 8, 7, 6]), ms.image(out))
                    record("pad", out, cv2.copyMakeBorder(source, top, bottom, left, right, theirs, value=(9, 8, 7, 6)))
                x, y = width // 3, height // 3
                out = like(source, height - y, width - x)
                ms.call("MSLite_ImageCrop", ms.image(source), x, y, ms.image(out))
                record("crop", out, source[y:, x:])
                for turns, code in [(1, cv2.ROTATE_90_CLOCKWISE), (2, cv2.ROTATE_180), (3, cv2.ROTATE_90_COUNTERCLOCKWISE)]:
                    expected = cv2.rotate(source, code)
                    out = np.zeros_like(expected)
                    ms.call("MSLite_ImageRotate90", ms.image(source), turns, ms.image(out))
                    record("rotate by quarters", out, expected)


def tensors():
    mean, deviation = [0.485, 0.456, 0.406, 0.5], [0.229, 0.224, 0.225, 0.25]
    for channels in (1, 3, 4):
        for height, width in SIZES:
            source = picture(height, width, channels)
            pixels = source.reshape(height, width, channels)
            for order in {1: [ms.GRAY], 3: [ms.BGR, ms.RGB], 4: [ms.RGBA]}[channels]:
                ordered = pixels[:, :, ::-1] if order == ms.RGB else pixels
                expected = (ordered.astype(np.float64) / 255 - mean[:channels]) / deviation[:channels]
                for layout in (ms.HWC, ms.CHW):
                    out = np.zeros((height, width, channels) if layout == ms.HWC else (channels, height, width), np.float32)
                    ms.call("MSLite_ImageNormalize", ms.image(source), order, layout, ms.ctypes.c_float(1 / 255), ms.floats(mean),
                            ms.floats(deviation), ms.ctypes.c_void_p(out.ctypes.data))
                    record("normalise", out, expected if layout == ms.HWC else expected.transpose(2, 0, 1))


def warps():
    borders = [(ms.CONSTANT, cv2.BORDER_CONSTANT), (ms.REPLICATE, cv2.BORDER_REPLICATE), (ms.REFLECT, cv2.BORDER_REFLECT),
               (ms.REFLECT_101, cv2.BORDER_REFLECT_101)]
    for dtype in (np.uint8, np.float32):
        for channels in (1, 3, 4):
            for height, width in SIZES:
                source = picture(height, width, channels, dtype)
                value = (9.0, 80.0, 7.0, 6.0)
                for ours, theirs in borders:
                    angle, zoom = float(random.uniform(-180, 180)), float(random.uniform(0.5, 2))
                    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
                    matrix[:, 2] += random.uniform(-3, 3, 2)
                    out = like(source, height + 5, width + 3)
                    ms.call("MSLite_ImageWarpAffine", ms.image(source), ms.doubles(matrix), ms.BILINEAR, ours, ms.floats(value), ms.image(out))
                    expected = cv2.warpAffine(source, matrix, (width + 3, height + 5), borderMode=theirs, borderValue=value)
                    record(f"warp affine {dtype.__name__}", out, expected)
                    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
                    moved = corners + np.float32(random.uniform(-0.2, 0.2, (4, 2)) * [width, height])
                    matrix = cv2.getPerspectiveTransform(corners, moved)
                    own = (ms.ctypes.c_double * 9)()
                    ms.call("MSLite_ImagePerspectiveMatrix", ms.doubles(corners), ms.doubles(moved), own)
                    record("perspective matrix", np.array(own), matrix.reshape(-1))
                    ms.call("MSLite_ImageWarpPerspective", ms.image(source), ms.doubles(matrix), ms.BILINEAR, ours, ms.floats(value), ms.image(out))
                    expected = cv2.warpPerspective(source, matrix, (width + 3, height + 5), borderMode=theirs, borderValue=value)
                    record(f"warp perspective {dtype.__name__}", out, expected)
                matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -30, 1)
                out = like(source, height, width)
                ms.call("MSLite_ImageRotate", ms.image(source), ms.ctypes.c_double(30), ms.BILINEAR, ms.CONSTANT, None, ms.image(out))
                record("rotate by 30 degrees", out, cv2.warpAffine(source, matrix, (width, height)))


def boxes():
    for count in (1, 10, 300, 3000):
        corner, size = random.uniform(0, 500, (count, 2)), random.uniform(5, 120, (count, 2))
        scores = random.permutation(count).astype(np.float32) / count
        for threshold in (0.3, 0.5, 0.7):
            edges = np.concatenate([corner, corner + size], 1).astype(np.float32)
            classes = random.integers(0, 3, count).astype(np.int32)
            for own_classes, expected in [
                (None, cv2.dnn.NMSBoxes(np.concatenate([corner, size], 1).tolist(), scores.tolist(), 0.2, threshold)),
                (ms.pointer(classes), cv2.dnn.NMSBoxesBatched(np.concatenate([corner, size], 1).tolist(), scores.tolist(), classes.tolist(), 0.2, threshold)),
            ]:
                kept, kept_count = np.zeros(count, np.int32), ms.ctypes.c_size_t()
                ms.call("MSLite_ImageSuppressBoxes", ms.pointer(edges), ms.pointer(scores), own_classes, ms.ctypes.c_size_t(count),
                        ms.ctypes.c_float(0.2), ms.ctypes.c_float(threshold), ms.ctypes.c_size_t(count), ms.pointer(kept), ms.ctypes.byref(kept_count))
                expected = np.array(sorted(np.array(expected, np.int64).reshape(-1).tolist(), key=lambda i: -scores[i]))
                same = kept_count.value == len(expected) and (kept[:kept_count.value] == expected).all()
                record("suppressed boxes", np.array([0 if same else 255]), np.array([0]))


for part in (resizes, colours, geometry, tensors, warps, boxes):
    part()
failed = 0
for name, (worst, differing, count) in results.items():
    limit = 1e-4 if name == "normalise" else 1
    failed += worst > limit
    print(f"{'FAIL ' if worst > limit else ''}{name:32} largest difference {worst:8.5f}   {1000 * differing / count:8.3f} of 1000 differ")
print(f"{len(results) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
