"""examples/web: its server by HTTP, and its page in headless Chromium, on desktop and phone. Screenshots go to build/examples/web."""

import base64
import concurrent.futures
import contextlib
import http.client
import io
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from conftest import ROOT, overlap

WEB = ROOT / "examples" / "web"
OUT = ROOT / "build" / "examples" / "web"
PORTRAITS, CAT, COFFEE = (WEB / "page" / name for name in ("portraits.jpg", "cat.jpg", "coffee.jpg"))
HOPPER = ROOT / "examples" / "classify" / "grace_hopper.jpg"
# Faces from brows to chin, marked by hand.
FACES = {PORTRAITS: [(625, 140, 835, 362), (176, 85, 308, 222)], HOPPER: [(168, 140, 362, 345)]}
ACCENT = (0x3E, 0xE6, 0xA8)


# --- the server --------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served():
    """The README's one command, on a free port; gives the port. At the end comes what Ctrl-C sends, and the server must end well."""
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / "server.log", "w+") as log:
        process = subprocess.Popen(
            ["make", "--no-print-directory", "-C", str(WEB), "PORT=0", f"PYTHON={os.environ.get('EXAMPLES_PYTHON', sys.executable)}"],
            stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
        )
        try:
            line = process.stdout.readline() if select.select([process.stdout], [], [], 300)[0] else ""
            assert line.startswith("http://127.0.0.1:"), line + (OUT / "server.log").read_text()
            yield urllib.parse.urlsplit(line.split()[0]).port
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        os.killpg(process.pid, signal.SIGINT)
        assert select.select([process.stdout], [], [], 15)[0], "the server does not end"
        assert process.stdout.read() == "stopped\n"
        process.wait(15)
        log.seek(0)
        assert "Traceback" not in log.read()


@pytest.fixture(scope="module")
def port():
    with served() as number:
        yield number


def ask(port, method, address, body=None, **headers):
    """(status, answer) of one request; an answer of JSON is decoded."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, address, body, {key.replace("_", "-"): value for key, value in headers.items()})
        response = connection.getresponse()
        data = response.read()
        return response.status, json.loads(data) if response.headers["Content-Type"] == "application/json" else data
    finally:
        connection.close()


def detect(port, task, picture, kind="image/jpeg"):
    return ask(port, "POST", f"/api/detect?task={task}", picture, Content_Type=kind)


def error_of(answer):
    status, body = answer
    assert body["error"]["status"] == status
    return status, body["error"]["message"]


def test_tasks_are_described(port):
    status, answer = ask(port, "GET", "/api/tasks")
    assert status == 200 and answer["engine"].startswith("mslite ")
    assert {task: [network["input"] for network in about["networks"]] for task, about in answer["tasks"].items()} == {
        "faces": [[1, 128, 128, 3], [1, 192, 192, 3]], "person": [[1, 144, 256, 3]], "classes": [[1, 224, 224, 3]],
    }


@pytest.mark.parametrize("picture", FACES, ids=lambda path: path.stem)
def test_faces(port, picture):
    status, answer = detect(port, "faces", picture.read_bytes())
    width, height = Image.open(picture).size
    assert (status, answer["width"], answer["height"]) == (200, width, height)
    assert len(answer["faces"]) == len(FACES[picture])
    for face, expected in zip(answer["faces"], FACES[picture]):
        assert overlap(face["box"], expected) > 0.85 and face["score"] > 0.8 and face["presence"] > 0.9
        points = np.array(face["landmarks"])
        assert points.shape == (468, 2)
        # The network's eyes are where the detector's are, and its points fill the box.
        for detected, corners in ((0, (33, 133)), (1, (362, 263))):
            distance = np.linalg.norm(points[list(corners)].mean(axis=0) - face["keypoints"][detected])
            assert distance < 0.06 * (expected[2] - expected[0])
        assert overlap((*points.min(axis=0), *points.max(axis=0)), expected) > 0.75
    assert answer["milliseconds"]["inference"] > 0


def test_person(port):
    status, answer = detect(port, "person", HOPPER.read_bytes())
    mask = Image.open(io.BytesIO(base64.b64decode(answer["mask"]["png"])))
    assert status == 200 and mask.mode == "RGBA" and mask.size == (answer["mask"]["width"], answer["mask"]["height"])
    opacity = np.asarray(mask.resize((512, 600)))[..., 3]
    assert opacity[245, 265] > 250 and opacity[550, 250] > 250  # nose and jacket
    assert opacity[100, 470] < 5 and opacity[300, 40] < 5  # the wall and the flag
    assert answer["mask"]["share"] == pytest.approx((opacity > 127).mean(), abs=0.01)


@pytest.mark.parametrize("picture, label", [(CAT, "Egyptian cat"), (COFFEE, "espresso")], ids=["cat", "coffee"])
def test_classes(port, picture, label):
    status, answer = detect(port, "classes", picture.read_bytes())
    assert status == 200 and answer["classes"][0]["label"] == label
    scores = [one["score"] for one in answer["classes"]]
    assert len(scores) == 5 and scores == sorted(scores, reverse=True) and sum(scores) <= 1


def test_png(port):
    file = io.BytesIO()
    Image.open(HOPPER).save(file, "PNG")
    status, answer = detect(port, "faces", file.getvalue(), "image/png")
    assert status == 200 and overlap(answer["faces"][0]["box"], FACES[HOPPER][0]) > 0.85


def test_what_is_refused(port):
    picture = HOPPER.read_bytes()
    assert error_of(detect(port, "faces", picture[:100]))[0] == 400
    status, message = error_of(detect(port, "faces", b"neither JPEG nor PNG"))
    assert status == 400 and message.startswith("the picture cannot be decoded: ") and len(message) > 40
    assert error_of(detect(port, "faces", b""))[0] == 400
    assert error_of(detect(port, "faces", picture, "text/plain"))[0] == 415
    assert error_of(detect(port, "birds", picture)) == (404, 'there is no task "birds"; there are faces, person, classes')
    assert error_of(ask(port, "POST", "/api/detect", picture, Content_Type="image/jpeg"))[0] == 404
    assert error_of(ask(port, "POST", "/api/other", picture, Content_Type="image/jpeg"))[0] == 404
    status, message = error_of(detect(port, "faces", bytes(9 << 20)))
    assert status == 413 and str(9 << 20) in message
    assert error_of(ask(port, "DELETE", "/"))[0] == 501
    assert error_of(ask(port, "GET", "/", Host="elsewhere.example"))[0] == 403
    for path in ("/../server.py", "/..%2fserver.py", "/%2e%2e/server.py", "//etc/passwd", "/page/../../../README.md", "/index.html"):
        assert error_of(ask(port, "GET", path))[0] == 404
    # None of that has hurt it.
    assert detect(port, "faces", picture)[0] == 200


def raw(port, request):
    """The answer's first line to bytes that are no proper request."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").readline().decode()


def test_broken_requests(port):
    head = f"POST /api/detect?task=faces HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: image/jpeg\r\n"
    assert " 411 " in raw(port, f"{head}\r\n".encode())
    assert " 411 " in raw(port, f"{head}Content-Length: -5\r\n\r\n".encode())
    assert " 413 " in raw(port, f"{head}Content-Length: 99999999999999999999\r\n\r\n".encode())
    assert " 400 " in raw(port, f"{head}Content-Length: 500\r\n\r\nonly this".encode())
    raw(port, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")  # somebody tries https
    assert ask(port, "GET", "/api/tasks")[0] == 200


def test_many_clients(port):
    pictures = {"faces": PORTRAITS.read_bytes(), "person": HOPPER.read_bytes(), "classes": CAT.read_bytes()}
    result = {"faces": "faces", "person": "mask", "classes": "classes"}
    alone = {task: detect(port, task, picture)[1][result[task]] for task, picture in pictures.items()}

    def client(number):
        for k in range(6):
            task = list(pictures)[(number + k) % 3]
            status, answer = detect(port, task, pictures[task])
            assert status == 200 and answer[result[task]] == alone[task]

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        list(pool.map(client, range(24)))


def test_a_model_that_is_broken(tmp_path):
    (tmp_path / "face_detect_short").mkdir()
    (tmp_path / "face_detect_short" / "model.ms").write_bytes((ROOT / "Tests/Models/face_detect_short/model.ms").read_bytes()[:5000])
    done = subprocess.run(
        [os.environ.get("EXAMPLES_PYTHON", sys.executable), str(WEB / "server.py"), "--port", "0", "--models", str(tmp_path)],
        env={**os.environ, "MSLITE_LIB": str(ROOT / "build/lib/libmslite.so"), "PYTHONPATH": str(ROOT / "bindings/python")},
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 1 and done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("server.py: ") and "face_detect_short/model.ms" in last and "not a readable model" in last
    assert "Traceback" not in done.stderr


# --- the page ----------------------------------------------------------------------------------------------------------------------


class Page:
    """The page in a browser."""

    SIZES = {"desktop": (1280, 820, 1), "phone": (390, 844, 3)}

    def __init__(self, driver, port):
        self.driver, self.url = driver, f"http://127.0.0.1:{port}/"

    def open(self, size="desktop"):
        width, height, self.scale = self.SIZES[size]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": self.scale, "mobile": size == "phone",
        })
        self.driver.get(self.url)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments, seconds=120):
        deadline = time.monotonic() + seconds
        while not (value := self.run(f"return {script}", *arguments)):
            assert time.monotonic() < deadline, f"{script} never came true; the page says: {self.text('error')}"
            time.sleep(0.05)
        return value

    def text(self, name):
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def choose(self, value):
        self.run("document.querySelector(`input[value='${arguments[0]}']`).click()", value)

    def frames(self):
        return int(self.run("return document.getElementById('stage').dataset.frames ?? 0"))

    def watch(self, frames=12):
        """Waits for so many more frames, and stops at the last one."""
        self.wait("Number(document.getElementById('stage').dataset.frames ?? 0) >= arguments[0]", self.frames() + frames)
        self.run("document.getElementById('pause').click()")
        count = -1
        while count != self.frames():
            count = self.frames()
            time.sleep(0.5)

    def go_on(self):
        self.run("document.getElementById('pause').click()")

    def found(self):
        return self.run("return Array.from(document.querySelectorAll('#found li'), (item) => item.textContent)")

    def boxes(self):
        return [json.loads(box) for box in self.run("return Array.from(document.querySelectorAll('[data-box]'), (item) => item.dataset.box)")]

    def view(self):
        """What part of its source the frame shows: x, y, width, height; and how many pixels wide and high the frame is."""
        view = json.loads(self.run("return document.getElementById('stage').dataset.view"))
        return [view[key] for key in ("x", "y", "width", "height")], self.run("const s = document.getElementById('stage'); return [s.width / 2, s.height / 2]")

    def in_frame(self, box):
        """A box of the source, in the frame."""
        (x, y, width, height), size = self.view()
        return [(value - start) * side / length for value, start, length, side in zip(box, (x, y, x, y), (width, height) * 2, size * 2)]

    def screenshot(self, name):
        data = base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])
        (OUT / name).write_bytes(data)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)

    def on_screen(self, x, y):
        """A place of the frame in screenshots: column, row."""
        left, top, width, height = self.run(
            "const r = document.getElementById('stage').getBoundingClientRect(); return [r.left, r.top, r.width, r.height]")
        _, size = self.view()
        scale = min(width / size[0], height / size[1])  # object-fit: contain
        left, top = left + (width - size[0] * scale) / 2, top + (height - size[1] * scale) / 2
        return round((left + x * scale) * self.scale), round((top + y * scale) * self.scale)

    def colour_at(self, pixels, x, y, radius=1):
        column, row = self.on_screen(x, y)
        return pixels[row - radius : row + radius + 1, column - radius : column + radius + 1].reshape(-1, 3)


def near(colours, colour):
    """How far the nearest of the colours is, by the worst channel."""
    return int(np.abs(colours - np.array(colour)).max(axis=1).min())


@pytest.fixture(scope="module")
def driver():
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    assert all(programs.values()), f"not installed: {[name for name, path in programs.items() if path is None]}"
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for flag in (
        "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream", *(["--no-sandbox"] if os.geteuid() == 0 else []),  # root has to run it without
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(programs["chromedriver"]))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver, port):
    page = Page(driver, port)
    page.open()
    driver.get_log("browser")
    yield page
    assert driver.get_log("browser") == []


@pytest.mark.parametrize("size", Page.SIZES)
def test_live_faces(page, size, capsys):
    page.open(size)
    page.watch(30)
    rate, inference = float(page.text("rate")), float(page.text("inference"))
    with capsys.disabled():
        print(f"\nexamples/web, {size}: {rate:.0f} frames per second, models {inference} ms, round trip {page.text('trip')} ms")
    assert rate > 2 and inference > 0
    assert page.run("return document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
    assert "face_detect_short/model.ms" in page.text("networks") and "face_landmark/model.ms" in page.text("networks")

    _, (width, height) = page.view()
    expected = [page.in_frame(box) for box in FACES[PORTRAITS]]
    seen = [box for box in expected if box[0] > 0 and box[1] > 0 and box[2] < width and box[3] < height]
    boxes = page.boxes()
    pixels = page.screenshot("result.png" if size == "desktop" else f"{size}.png")
    assert seen
    for box in seen:
        match = max(boxes, key=lambda other: overlap(other, box))
        assert overlap(match, box) > 0.8
        # The frame is drawn where the box is, in its colour, and nothing of it one tenth further in.
        left, top, right, bottom = match
        middle, centre = (left + right) / 2, (top + bottom) / 2
        for x, y in ((left, centre), (right, centre), (middle, bottom)):
            assert near(page.colour_at(pixels, x, y), ACCENT) < 16
        for x, y in ((left - 12, centre), (right + 12, centre), (middle, bottom + 12)):
            assert near(page.colour_at(pixels, x, y), ACCENT) > 40


def test_boxes_follow_the_picture(page):
    page.watch(5)
    before, view = page.boxes(), page.view()
    page.go_on()
    time.sleep(2)
    page.watch(1)
    assert page.view() != view and page.boxes() != before
    box = page.in_frame(FACES[PORTRAITS][0])
    assert max(overlap(box, other) for other in page.boxes()) > 0.7


@pytest.mark.parametrize("effect", ["blur", "replace", "tint"])
def test_person_on_the_page(page, effect):
    page.choose("person")
    page.choose(effect)
    page.watch()
    assert "% of the picture" in page.found()[0] and "selfie_seg" in page.text("networks")
    pixels = page.screenshot(f"person_{effect}.png")
    (x, y, width, height), size = page.view()
    frame = Image.open(HOPPER).convert("RGB").resize([round(length) for length in size], Image.Resampling.BICUBIC, (x, y, x + width, y + height))

    def place(column, row):
        """(colour on the page, colour of the picture) at a place of the picture."""
        [left, top, _, _] = page.in_frame((column, row, column, row))
        return page.colour_at(pixels, left, top).mean(axis=0), np.asarray(frame)[round(top), round(left)]

    shown, original = place(265, 285)  # below the nose
    wall, of_wall = place(425, 200)
    if effect == "tint":
        assert np.abs(shown - (0.4 * original + 0.6 * np.array(ACCENT))).max() < 20
        assert np.abs(wall - of_wall).max() < 20
    else:
        assert np.abs(shown - original).max() < 20
        # The wall is even, blurred or not; another picture in its place is not blue.
        assert (np.abs(wall - of_wall).max() < 30) == (effect == "blur")
    if effect == "blur":
        # What was sharp beside the person is not any more: differences of neighbours in the flag against those of the picture.
        left, top, right, bottom = (round(value) for value in page.in_frame((x + 4, y + 4, 140, 220)))
        (first, upper), (last, lower) = page.on_screen(left, top), page.on_screen(right, bottom)
        sharp = np.asarray(frame.crop((left, top, right, bottom)).resize((last - first, lower - upper), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(np.diff(pixels[upper:lower, first:last], axis=1)).mean() < 0.5 * np.abs(np.diff(sharp, axis=1)).mean()


@pytest.mark.parametrize("picture, labels", [("cat.jpg", ("Egyptian cat", "tiger cat", "tabby")), ("coffee.jpg", ("espresso", "cup"))])
def test_classes_on_the_page(page, picture, labels):
    page.choose("classes")
    page.choose(picture)
    page.watch()
    assert page.found()[0].startswith(labels) and len(page.found()) == 5
    page.screenshot(f"classes_{picture.split('.')[0]}.png")


def test_a_picture_of_ones_own(page, tmp_path):
    upload = page.driver.find_element(By.ID, "file")
    upload.send_keys(str(HOPPER))
    page.wait("document.querySelectorAll('[data-box]').length === 1 && document.getElementById('stage').width === 1024")
    assert page.view() == ([0, 0, 512, 600], [512, 600])
    assert overlap(page.boxes()[0], FACES[HOPPER][0]) > 0.85
    # It is sent once, not again and again.
    count = page.frames()
    time.sleep(1)
    assert page.frames() == count
    page.choose("person")
    page.wait("document.getElementById('stage').dataset.task === 'person'")
    assert page.view() == ([0, 0, 512, 600], [512, 600])

    (tmp_path / "no_picture.png").write_text("no picture")
    upload.send_keys(str(tmp_path / "no_picture.png"))
    page.wait("!document.getElementById('error').hidden")
    assert page.text("error") == "This browser cannot decode no_picture.png."
    page.choose("cat.jpg")
    page.watch()
    assert page.run("return document.getElementById('error').hidden")


def test_camera(page):
    page.choose("camera")
    page.wait("JSON.parse(document.getElementById('stage').dataset.view ?? '{}').width === 640")
    page.watch(20)
    assert page.run("return document.getElementById('error').hidden") and page.found() == ["No face"]
    page.run("navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('none is connected'))")
    page.choose("camera")
    page.wait("!document.getElementById('error').hidden")
    assert page.text("error") == "The camera cannot be used: none is connected"


def test_the_end(driver):
    """Clients are in the middle of it when the server ends: each answer is a whole one, and the page says what has happened."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool, served() as port:
        page = Page(driver, port)
        page.open()
        page.watch(3)
        page.go_on()
        picture = PORTRAITS.read_bytes()
        answered = [0] * 8

        def client(number):
            with contextlib.suppress(OSError):  # nobody listens any more
                while True:
                    assert detect(port, "faces", picture)[0] == 200
                    answered[number] += 1

        clients = [pool.submit(client, number) for number in range(len(answered))]
        deadline = time.monotonic() + 60
        while min(answered) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert min(answered) >= 2
    for done in clients:
        done.result(30)
    page.wait("document.getElementById('error').textContent.includes('does not answer')")
    driver.get_log("browser")
