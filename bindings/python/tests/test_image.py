"""mslite.image beside numpy and Pillow. That the library's pixels are right is for Tests/Image to show; here it is that each function
reaches it with the right arguments, works in place where it says so, and tells what is wrong."""
import gc
import io
import os
import pathlib
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import mslite
from conftest import MODELS
from mslite import image

PHOTO = MODELS.parent.parent / "examples/classify/grace_hopper.jpg"
RNG = np.random.default_rng(1)


def noise(*shape: int) -> Any:
    return RNG.integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def photo() -> Any:
    return image.read(PHOTO)


# --- files


def test_reads_what_pillow_reads(photo: Any) -> None:
    wanted = np.asarray(Pillow.open(PHOTO).convert("RGB"))
    assert photo.dtype == np.uint8 and photo.shape == wanted.shape
    assert np.abs(photo.astype(int) - wanted).max() <= 2
    assert (image.read(PHOTO, "bgr") == photo[:, :, ::-1]).all()
    assert (image.read(str(PHOTO), "rgba") == np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)])).all()
    gray = image.decode(PHOTO.read_bytes(), "gray")
    assert gray.ndim == 2 and np.abs(gray - photo @ np.array([0.299, 0.587, 0.114])).max() <= 1


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 1), (7, 5, 3), (7, 5, 4)])
def test_png(shape: "tuple[int, ...]", tmp_path: pathlib.Path) -> None:
    pixels = noise(*shape)
    image.write_png(tmp_path / "a.png", pixels)
    assert (tmp_path / "a.png").read_bytes() == image.encode_png(pixels)
    assert (np.asarray(Pillow.open(tmp_path / "a.png")).reshape(shape) == pixels).all()
    format: image.Format = "gray" if len(shape) == 2 or shape[2] == 1 else "rgba" if shape[2] == 4 else "rgb"
    assert (image.read(tmp_path / "a.png", format).reshape(shape) == pixels).all()


def test_png_of_bgr_and_of_a_part() -> None:
    pixels = noise(20, 30, 3)
    written = Pillow.open(io.BytesIO(image.encode_png(pixels[3:9, 4:20], "bgr")))
    assert (np.asarray(written) == pixels[3:9, 4:20, ::-1]).all()


def test_a_decoded_picture_lives_as_long_as_its_views() -> None:
    row = image.read(PHOTO)[100]
    kept = row.copy()
    gc.collect()
    assert (row == kept).all() and (image.read(PHOTO)[100] == kept).all()
    row[:] = 0  # and belongs to the program


def test_memory_is_given_back() -> None:
    def resident() -> int:
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    data = image.encode_png(np.zeros((500, 500, 3), np.uint8))
    for _ in range(20):
        image.decode(data)
    before = resident()
    for _ in range(200):
        image.decode(data)
        image.encode_png(image.resize(image.decode(data), 50, 50))
    assert resident() - before < 8 << 20


# --- colours and geometry


def test_convert() -> None:
    pixels = noise(6, 8, 3)
    assert (image.convert(pixels, "rgb", "bgr") == pixels[:, :, ::-1]).all()
    for format in ("nv12", "nv21"):
        planes = image.convert(pixels, "rgb", format)  # type: ignore[arg-type]
        assert planes.shape == (9, 8)
        assert (image.convert(planes, format, "gray") == planes[:6]).all()  # type: ignore[arg-type]
    gray = np.full((6, 8, 3), 100, np.uint8)
    planes = image.convert(gray, "bgr", "nv12")
    assert np.abs(planes[6:].astype(int) - 128).max() <= 1
    assert np.abs(image.convert(planes, "nv12", "rgb").astype(int) - 100).max() <= 2
    out = np.empty((6, 8), np.uint8)
    assert image.convert(pixels, "rgb", "gray", out) is out
    assert np.abs(out - pixels @ np.array([0.299, 0.587, 0.114])).max() <= 1


def test_resize_beside_pillow(photo: Any) -> None:
    smooth = image.resize(photo, 300, 300, "area")
    ways: "list[tuple[image.Interpolation, Any, float]]" = [
        ("nearest", Pillow.Resampling.NEAREST, 0), ("bilinear", Pillow.Resampling.BILINEAR, 1), ("bicubic", Pillow.Resampling.BICUBIC, 6),
    ]
    for name, resampling, most in ways:
        wanted = np.asarray(Pillow.fromarray(smooth).resize((600, 600), resampling))
        got = image.resize(smooth, 600, 600, name)
        # Pillow's cubic has a = -0.5.
        assert np.percentile(np.abs(got.astype(int) - wanted), 99) <= most, name
    wanted = smooth.reshape(100, 3, 100, 3, 3).mean((1, 3))
    assert np.abs(image.resize(smooth, 100, 100, "area") - wanted).max() <= 1
    floats = image.resize(smooth.astype(np.float32), 100, 100, "area")
    assert floats.dtype == np.float32 and np.abs(floats - wanted).max() < 0.01


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_crop_pad_turn(dtype: Any) -> None:
    pixels = noise(11, 9, 3).astype(dtype)
    assert (image.crop(pixels, 2, 3, 5, 4) == pixels[3:7, 2:7]).all()
    modes: "list[tuple[image.Border, Any]]" = [("constant", "constant"), ("replicate", "edge"), ("reflect", "symmetric"), ("reflect_101", "reflect")]
    for border, mode in modes:
        assert (image.pad(pixels, 1, 2, 3, 4, border) == np.pad(pixels, ((2, 4), (1, 3), (0, 0)), mode)).all(), border
    padded = image.pad(pixels, 1, 1, 1, 1, value=(1, 2, 3))
    assert (padded[0, 0] == [1, 2, 3]).all() and (padded[1:-1, 1:-1] == pixels).all()
    assert (image.pad(pixels[:, :, 0], 1, 0, 0, 0, value=9)[:, 0] == 9).all()
    for turns in range(-5, 6):
        assert (image.rotate90(pixels, turns) == np.rot90(pixels, -turns)).all(), turns
    assert (image.rotate(pixels, 180) == pixels[::-1, ::-1]).all()
    assert image.rotate(pixels, 30, 20, 21).shape == (21, 20, 3)


def test_letterbox() -> None:
    pixels = np.full((30, 60, 3), 200, np.uint8)
    boxed, placement = image.letterbox(pixels, 40, 40, value=114)
    assert placement == image.Letterbox(pytest.approx(2 / 3), 0, 10, 40, 20)  # type: ignore[arg-type]
    assert (boxed[10:30] == 200).all() and (boxed[:10] == 114).all() and (boxed[30:] == 114).all()


def test_warps() -> None:
    pixels = noise(20, 30, 3)
    moved = image.warp_affine(pixels, [[1, 0, 3], [0, 1, -2]], 30, 20, value=7)
    assert (moved[:18, 3:] == pixels[2:, :27]).all() and (moved[:, :3] == 7).all()
    corners = [(0, 0), (29, 0), (29, 19), (0, 19)]
    matrix = image.perspective_matrix(corners, [(29, 19), (0, 19), (0, 0), (29, 0)])
    assert matrix.shape == (3, 3) and matrix[2, 2] == 1
    assert (image.warp_perspective(pixels, matrix, 30, 20, "nearest") == pixels[::-1, ::-1]).all()


# --- models


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_normalize(channels: int) -> None:
    pixels = noise(8, 7, channels)
    mean, deviation = np.arange(channels) * 0.1 + 0.2, np.arange(channels) * 0.1 + 0.5
    wanted = ((pixels / 255 - mean) / deviation).astype(np.float32)
    got = image.normalize(pixels, 1 / 255, mean.tolist(), deviation.tolist())
    assert got.dtype == np.float32 and np.abs(got - wanted).max() < 1e-5
    planes = image.normalize(pixels, 1 / 255, mean.tolist(), deviation.tolist(), layout="chw")
    assert np.abs(planes - wanted.transpose(2, 0, 1)).max() < 1e-5
    if channels == 3:
        assert (image.normalize(pixels, order="bgr") == pixels[:, :, ::-1]).all()
        assert (image.normalize(pixels, source="bgr", order="bgr") == pixels).all()
    batch = np.empty((1, 8, 7, channels), np.float32)
    assert image.normalize(pixels, out=batch) is batch and (batch[0] == pixels).all()
    assert (image.normalize(pixels[1:5, 2:6], 0.5, 1.0) == pixels[1:5, 2:6] * 0.5 - 1).all()


def test_a_picture_goes_into_a_model(face: pathlib.Path, photo: Any) -> None:
    model = mslite.Model(face)
    image.normalize(image.resize(photo[50:250, 150:350], 48, 48), 1 / 128, 1.0, out=model.inputs[0].data)
    [prob] = model.predict()
    assert prob.shape == (1, 2) and abs(float(prob.sum()) - 1) < 1e-3


def test_suppress_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [0, 0, 10, 9]], np.float32)
    scores = np.array([0.6, 0.9, 0.3, 0.7], np.float32)
    assert image.suppress_boxes(boxes, scores, iou_threshold=0.5).tolist() == [1, 2]
    assert image.suppress_boxes(boxes, scores, np.array([0, 1, 0, 0], np.int32), iou_threshold=0.5).tolist() == [1, 3, 2]
    assert image.suppress_boxes(boxes, scores, iou_threshold=1.0, score_threshold=0.5).tolist() == [1, 3, 0]
    assert image.suppress_boxes(boxes, scores, iou_threshold=1.0, capacity=2).tolist() == [1, 3]
    assert image.suppress_boxes(boxes[:0], scores[:0]).tolist() == []


# --- drawing


def test_drawing_is_in_place() -> None:
    canvas = np.zeros((40, 60, 3), np.uint8)
    image.draw_box(canvas, 5, 6, 10, 8, (255, 0, 0), thickness=0)
    assert (canvas[6:14, 5:15] == [255, 0, 0]).all() and canvas[:, :, 0].sum() == 80 * 255
    image.draw_box(canvas[20:, 30:], 0, 0, 10, 10, 9)
    assert (canvas[20, 30:40] == 9).all() and (canvas[21:29, 31:39] == 0).all()
    image.draw_line(canvas, 0, 39, 59, 39, (0, 1, 2))
    assert (canvas[39] == [0, 1, 2]).all()
    mask = np.zeros((40, 60), np.uint8)
    mask[:2] = 255
    image.draw_mask(canvas, mask, (100, 200, 40), 0.5)
    assert (canvas[:2] == [50, 100, 20]).all() and canvas[2, 0].sum() == 0
    text = np.zeros((image.FONT_HEIGHT * 2, image.FONT_WIDTH * 4), np.float32)
    image.draw_text(text, 0, 0, "Hi", 1.5, scale=2)
    assert set(np.unique(text)) == {0.0, 1.5}
    image.draw_text(text, 0, 0, "\ud800", 1)  # drawn as another character


def test_labels_and_points() -> None:
    canvas = np.zeros((60, 80, 3), np.uint8)
    image.draw_label(canvas, (10.4, 30.2, 50.0, 55.0), "Hi", (9, 8, 7), (255, 0, 0), scale=1)
    assert (canvas[30:32, 10:50] == [9, 8, 7]).all() and (canvas[32:53, 12:48] == 0).all()
    bar = canvas[20:30, 10:23]
    assert set(map(tuple, bar.reshape(-1, 3).tolist())) == {(9, 8, 7), (255, 0, 0)} and canvas[:20].sum() == 0
    image.draw_label(canvas, np.array([-5, 1, 200, 9], np.float32), "outside, above", 5)
    assert (canvas[1, 0] == 5).all()
    image.draw_label(canvas, (5, 5, 5, 5), "no area", 5)
    canvas[:] = 0
    image.draw_point(canvas, 20.9, 30.1, 4, 1)
    assert canvas.sum() == 12 and (canvas[30, 20] == 4).all()


def test_turned_boxes() -> None:
    pixels = noise(30, 40, 3)
    assert (image.cut(pixels, image.RotatedBox(15, 12, 10, 6, 0), 10, 6) == pixels[9:15, 10:20]).all()
    quarter = image.cut(pixels, image.RotatedBox(15, 12, 10, 6, np.pi / 2), 10, 6)
    assert np.abs(quarter.astype(int) - image.rotate90(pixels[7:17, 12:18], 3)).max() <= 1
    box = image.RotatedBox(15, 12, 10, 6, 0.5)
    assert box.place(0.5, 0.5).tolist() == [15, 12]
    corner = box.place([0, 1], [0, 1])
    assert corner.shape == (2, 2) and np.allclose(corner.mean(0), [15, 12])
    back = box.matrix(100, 60) @ np.append(corner[0] - 0.5, 1)  # corners are half a pixel beside middles
    assert np.allclose(back + 0.5, [0, 0])
    assert image.overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3) and image.overlap((0, 0, 1, 1), (1, 0, 2, 1)) == 0
    placement = image.Letterbox(2.0, 10, 20, 5, 5)
    assert placement.to_source([12, 24]).tolist() == [1, 2] and placement.to_source([[12, 24, 14, 26]]).tolist() == [[1, 2, 2, 3]]


# --- copies, and what is wrong


def test_what_is_not_in_place_is_copied_or_refused() -> None:
    pixels = noise(10, 12, 3)
    for view in (pixels[::-1], pixels[:, ::2], pixels.transpose(1, 0, 2), pixels[:, :, ::-1], np.broadcast_to(pixels[0], (10, 12, 3))):
        assert (image.resize(view, view.shape[1], view.shape[0]) == view).all()
        with pytest.raises((mslite.InputError, ValueError)):
            image.draw_line(view, 0, 0, 1, 1, 0)
    out = np.zeros((20, 20, 3), np.uint8)
    image.resize(pixels, 5, 6, out=out[2:8, 3:8])
    assert (out[2:8, 3:8] == image.resize(pixels, 5, 6)).all() and out[:2].sum() == 0 and out[:, 8:].sum() == 0


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda p: image.read("no/such.png"), mslite.Error, "no/such.png: No such file"),
        (lambda p: image.decode(b"not a picture"), mslite.Error, "neither those of a PNG nor of a JPEG"),
        (lambda p: image.read(PHOTO, "nv12"), ValueError, "expected GRAY, RGB, BGR or RGBA"),
        (lambda p: image.read(PHOTO, "hsv"), ValueError, "format is 'hsv'"),
        (lambda p: image.read("a\0b"), ValueError, "NUL"),
        (lambda p: image.write_png("no/such/folder.png", p), mslite.Error, "no/such/folder.png"),
        (lambda p: image.encode_png(p.astype(np.float32)), ValueError, "floats"),
        (lambda p: image.resize([[1, 2]], 1, 1), TypeError, "no numpy array but list"),
        (lambda p: image.resize(p.astype(np.int16), 1, 1), TypeError, "int16"),
        (lambda p: image.resize(p[:, :, :2], 1, 1), ValueError, r"\[10, 12, 2\]"),
        (lambda p: image.resize(p[0, 0], 1, 1), ValueError, r"\[3\]"),
        (lambda p: image.resize(p[:0], 1, 1), ValueError, "12 x 0 pixels"),
        (lambda p: image.resize(p, 0, 5), ValueError, "0 x 5 pixels"),
        (lambda p: image.resize(p, 2**40, 5), ValueError, "1099511627776"),
        (lambda p: image.resize(p, 2.5, 5), TypeError, "no whole number"),
        (lambda p: image.resize(p, 5, 5, "cubic"), ValueError, "interpolation is 'cubic'"),
        (lambda p: image.resize(p, 5, 5, out=np.empty((5, 6, 3), np.uint8)), ValueError, r"\[5, 6, 3\]"),
        (lambda p: image.resize(p, 5, 5, out=np.empty((5, 5, 3), np.float32)), TypeError, "float32"),
        (lambda p: image.resize(p, 12, 9, out=p[1:]), ValueError, "shares memory"),
        (lambda p: image.resize(p, 5, 5, out=np.broadcast_to(np.uint8(0), (5, 5, 3))), ValueError, "cannot be written"),
        (lambda p: image.crop(p, 8, 0, 8, 4), ValueError, "12 x 10"),
        (lambda p: image.pad(p, -1, 0, 0, 0), ValueError, "MSLite_ImagePad"),
        (lambda p: image.pad(p, 1, 0, 0, 0, value=(1, 2)), ValueError, "2 numbers; the picture has 3 channels"),
        (lambda p: image.convert(p, "gray", "rgb"), ValueError, "3 channels; gray has 1"),
        (lambda p: image.convert(p[:, :, 0], "nv12", "rgb"), ValueError, "10 rows"),
        (lambda p: image.convert(p, "rgb", "hsv"), ValueError, "hsv"),
        (lambda p: image.warp_affine(p, np.eye(3), 5, 5), ValueError, r"\[2, 3\]"),
        (lambda p: image.warp_affine(p, np.zeros((2, 3)), 5, 5), ValueError, "inverse"),
        (lambda p: image.warp_affine(p, np.eye(3)[:2], 5, 5, "area"), ValueError, "WarpAffine"),
        (lambda p: image.perspective_matrix([(0, 0)] * 4, [(0, 0)] * 4), ValueError, "line"),
        (lambda p: image.normalize(p, out=np.empty((1, 3, 10, 12), np.float32)), ValueError, r"\[10, 12, 3\]"),
        (lambda p: image.normalize(p, out=np.empty((10, 12, 3))), TypeError, "float64"),
        (lambda p: image.normalize(p, order="gray"), ValueError, "Normalize"),
        (lambda p: image.normalize(p.astype(np.float32)), ValueError, "floats"),
        (lambda p: image.normalize(p, deviation=0), ValueError, "deviation"),
        (lambda p: image.suppress_boxes(np.zeros((2, 4)), np.zeros(2, np.float32)), TypeError, "float64"),
        (lambda p: image.suppress_boxes(np.zeros((2, 5), np.float32), np.zeros(2, np.float32)), ValueError, r"\[2, 5\]"),
        (lambda p: image.suppress_boxes(np.zeros((2, 4), np.float32), np.zeros(2, np.float32), iou_threshold=2), ValueError, "iou"),
        (lambda p: image.draw_box(p, 0, 0, 3, 3, (1, 2)), ValueError, "2 numbers"),
        (lambda p: image.draw_mask(p, p[:, :, 0].astype(np.float32), 1), ValueError, "mask"),
        (lambda p: image.draw_text(p, 0, 0, "a\0b", 1), ValueError, "NUL"),
        (lambda p: image.draw_text(p, 0, 0, "a", 1, scale=0), ValueError, "scale"),
    ],
)
def test_errors(call: Any, kind: "type[Exception]", text: str) -> None:
    pixels = noise(10, 12, 3)
    kept = pixels.copy()
    with pytest.raises(kind, match=text):
        call(pixels)
    assert (pixels == kept).all()


def test_without_the_library() -> None:
    code = "import mslite.image as i, mslite\ntry: i.read('a.png')\nexcept mslite.NotSupportedError as e: print(e)"
    environment = dict(os.environ, MSLITE_IMAGE_LIB="/no/such/libmslite_image.so")
    printed = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True).stdout
    assert "libmslite_image.so, which cannot be loaded: /no/such" in printed


def test_threads(photo: Any) -> None:
    wanted, wrong = image.resize(photo, 100, 100), []

    def work() -> None:
        for _ in range(20):
            if not (image.resize(photo, 100, 100) == wanted).all():
                wrong.append("pixels")
            try:
                image.decode(b"1234")
            except mslite.Error as error:
                if "ImageDecode" not in str(error):
                    wrong.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
