#!/usr/bin/env python3
"""Times libmslite_image.so beside OpenCV with one thread; prints milliseconds (medians of runs in turn) and the quotient.

For developers: pip install opencv-python-headless numpy; make image; Tests/Image/bench_opencv.py [WORD], only rows with WORD
"""

import sys
import time

import cv2
import numpy as np

import mslite_image as ms

cv2.setNumThreads(1)
random = np.random.default_rng(1)


def timed(action):
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def compare(name, ours, theirs):
    """Both in turn, so that what else the machine does hits both."""
    if len(sys.argv) > 1 and sys.argv[1] not in name:
        return
    times = []
    end = time.perf_counter() + 0.8
    while time.perf_counter() < end or len(times) < 11:
        times.append((timed(ours), timed(theirs)))
    a, b = np.median(times, axis=0)
    print(f"| {name} | {a:.3f} | {b:.3f} | {a / b:.2f} |", flush=True)


def picture(height, width, channels, dtype=np.uint8):
    return random.integers(0, 256, (height, width) if channels == 1 else (height, width, channels)).astype(dtype)


print("| operation | this library, ms | OpenCV, ms | quotient |\n| --- | --- | --- | --- |")
rules = [("nearest", ms.NEAREST, cv2.INTER_NEAREST), ("bilinear", ms.BILINEAR, cv2.INTER_LINEAR),
         ("bicubic", ms.BICUBIC, cv2.INTER_CUBIC), ("area", ms.AREA, cv2.INTER_AREA)]
for dtype in (np.uint8, np.float32):
    for channels in (1, 3, 4):
        for (height, width), (to_height, to_width) in [((1080, 1920), (224, 224)), ((1080, 1920), (540, 960)), ((224, 224), (720, 1280))]:
            source = picture(height, width, channels, dtype)
            out = np.zeros((to_height, to_width) + source.shape[2:], dtype)
            a, b = ms.image(source), ms.image(out)
            for name, ours, theirs in rules:
                if name == "area" and to_width > width:
                    continue
                compare(f"resize {name} {dtype.__name__} x {channels}, {width} x {height} to {to_width} x {to_height}",
                        lambda: ms.call("MSLite_ImageResize", a, b, ours),
                        lambda: cv2.resize(source, (to_width, to_height), dst=out, interpolation=theirs))

for name, source_format, format, code in [
    ("BGR to GRAY", ms.BGR, ms.GRAY, cv2.COLOR_BGR2GRAY), ("BGR to RGB", ms.BGR, ms.RGB, cv2.COLOR_BGR2RGB),
    ("BGR to RGBA", ms.BGR, ms.RGBA, cv2.COLOR_BGR2RGBA), ("RGBA to BGR", ms.RGBA, ms.BGR, cv2.COLOR_RGBA2BGR),
    ("GRAY to BGR", ms.GRAY, ms.BGR, cv2.COLOR_GRAY2BGR), ("NV12 to RGB", ms.NV12, ms.RGB, cv2.COLOR_YUV2RGB_NV12),
    ("NV21 to RGBA", ms.NV21, ms.RGBA, cv2.COLOR_YUV2RGBA_NV21),
]:
    count = {ms.BGR: 3, ms.RGB: 3, ms.RGBA: 4}
    source = picture(1620 if source_format in (ms.NV12, ms.NV21) else 1080, 1920, count.get(source_format, 1))
    out = np.zeros((1080, 1920) if format == ms.GRAY else (1080, 1920, count[format]), np.uint8)
    a, b = ms.image(source, source_format), ms.image(out, format)
    compare(f"{name}, 1920 x 1080", lambda: ms.call("MSLite_ImageConvert", a, b), lambda: cv2.cvtColor(source, code, dst=out))
source, out = picture(1080, 1920, 3), np.zeros((1620, 1920), np.uint8)
a, b = ms.image(source, ms.RGB), ms.image(out, ms.NV12)
compare("RGB to NV12 (OpenCV: I420), 1920 x 1080", lambda: ms.call("MSLite_ImageConvert", a, b),
        lambda: cv2.cvtColor(source, cv2.COLOR_RGB2YUV_I420, dst=out))

for dtype, channels in [(np.uint8, 1), (np.uint8, 4), (np.float32, 3), (np.uint8, 3)]:
    source = picture(1080, 1920, channels, dtype)
    a = ms.image(source)
    for name, turns, code in [("a quarter", 1, cv2.ROTATE_90_CLOCKWISE), ("a half", 2, cv2.ROTATE_180)]:
        out = np.zeros_like(cv2.rotate(source, code))
        b = ms.image(out)
        compare(f"rotate by {name}, {dtype.__name__} x {channels}, 1920 x 1080", lambda: ms.call("MSLite_ImageRotate90", a, turns, b),
                lambda: cv2.rotate(source, code, dst=out))
out = np.zeros((1120, 1960, 3), np.uint8)
b = ms.image(out)
compare("pad by 20, reflect, 1920 x 1080 x 3", lambda: ms.call("MSLite_ImagePad", a, 20, 20, ms.REFLECT, None, b),
        lambda: cv2.copyMakeBorder(source, 20, 20, 20, 20, cv2.BORDER_REFLECT, dst=out))

matrix = cv2.getRotationMatrix2D((960, 540), 20, 0.7)
tilted = np.array([[0.7, 0.1, 5], [-0.1, 0.8, 90], [1e-4, -5e-5, 1]])
m, t = ms.doubles(matrix), ms.doubles(tilted)
for dtype, channels in [(np.uint8, 1), (np.uint8, 3), (np.uint8, 4), (np.float32, 3)]:
    source = picture(1080, 1920, channels, dtype)
    out = np.zeros((720, 1280) + source.shape[2:], dtype)
    a, b = ms.image(source), ms.image(out)
    for border, ours, theirs in [("constant", ms.CONSTANT, cv2.BORDER_CONSTANT), ("replicate", ms.REPLICATE, cv2.BORDER_REPLICATE)]:
        compare(f"warp affine, {border}, {dtype.__name__} x {channels}, 1920 x 1080 to 1280 x 720",
                lambda: ms.call("MSLite_ImageWarpAffine", a, m, ms.BILINEAR, ours, None, b),
                lambda: cv2.warpAffine(source, matrix, (1280, 720), dst=out, borderMode=theirs))
        compare(f"warp perspective, {border}, {dtype.__name__} x {channels}, 1920 x 1080 to 1280 x 720",
                lambda: ms.call("MSLite_ImageWarpPerspective", a, t, ms.BILINEAR, ours, None, b),
                lambda: cv2.warpPerspective(source, tilted, (1280, 720), dst=out, borderMode=theirs))

corner, size, scores = random.uniform(0, 600, (2000, 2)), random.uniform(5, 120, (2000, 2)), random.random(2000).astype(np.float32)
edges, kept, kept_count = np.concatenate([corner, corner + size], 1).astype(np.float32), np.zeros(2000, np.int32), ms.ctypes.c_size_t()
listed = np.concatenate([corner, size], 1)
arguments = [ms.pointer(edges), ms.pointer(scores), None, ms.ctypes.c_size_t(2000), ms.ctypes.c_float(0.1), ms.ctypes.c_float(0.5),
             ms.ctypes.c_size_t(2000), ms.pointer(kept), ms.ctypes.byref(kept_count)]
compare("suppress 2000 boxes", lambda: ms.call("MSLite_ImageSuppressBoxes", *arguments),
        lambda: cv2.dnn.NMSBoxes(listed, scores, 0.1, 0.5))

source = picture(224, 224, 3)
a = ms.image(source)
mean, deviation = [123.7, 116.3, 103.5], [58.4, 57.1, 57.4]
m, d = ms.floats(mean), ms.floats(deviation)
tensor = np.zeros((3, 224, 224), np.float32)
pointer = ms.ctypes.c_void_p(tensor.ctypes.data)
scale = ms.ctypes.c_float(1)
compare("normalise to CHW, 224 x 224 x 3 (OpenCV: blobFromImage, mean only)",
        lambda: ms.call("MSLite_ImageNormalize", a, ms.RGB, ms.CHW, scale, m, d, pointer),
        lambda: cv2.dnn.blobFromImage(source, 1 / 58.4, (224, 224), mean, True))
factor, shift = np.float32(1 / np.array(deviation)), np.float32(-np.array(mean) / deviation)
compare("normalise to HWC, 224 x 224 x 3 (OpenCV: subtract, divide)",
        lambda: ms.call("MSLite_ImageNormalize", a, ms.BGR, ms.HWC, scale, m, d, pointer),
        lambda: cv2.divide(cv2.subtract(source, tuple(mean) + (0,), dtype=cv2.CV_32F), tuple(deviation) + (1,)))
