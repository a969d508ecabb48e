"""A page that shows what models see, live: a browser sends pictures, this answers with boxes, points, masks and classes.

    python server.py [--port 8080] [--threads 2] [--models FOLDER]

    GET  /                        the page
    GET  /api/tasks               what there is: tasks, their networks, the limits
    POST /api/detect?task=faces   body: a JPEG or PNG picture, with its Content-Type; answer: JSON, coordinates in the picture's pixels

Every answer of /api is JSON; an error is {"error": {"status": 400, "message": "..."}}. Only this machine can connect. README.md has more.
"""
from __future__ import annotations

import argparse
import io
import json
import pathlib
import signal
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import mslite
import numpy as np
from mslite import image

import tasks

PAGE = pathlib.Path(__file__).resolve().parent / "page"
MAX_BYTES = 8 << 20
MAX_AT_ONCE = 4  # pictures that are decoded and looked at; more wait for their turn
MAX_WAIT = 5  # seconds
PICTURES = ("image/jpeg", "image/png")
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}


class Refused(Exception):
    """What a request is answered with instead of a result."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Server(ThreadingHTTPServer):
    # A thread per connection, which may be open without a request: the end does not wait for those (see close).
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, models: pathlib.Path, threads: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.tasks = {name: task(models, threads) for name, task in tasks.TASKS.items()}
        self.places = threading.BoundedSemaphore(MAX_AT_ONCE)
        # Everything there is to fetch, by its address: no request can name another file.
        self.files = {f"/{path.name}": (TYPES[path.suffix], path.read_bytes()) for path in PAGE.iterdir() if path.suffix in TYPES}
        self.files["/"] = self.files.pop("/index.html")
        portrait = tasks.EXAMPLES / "classify" / "grace_hopper.jpg"
        self.files[f"/{portrait.name}"] = ("image/jpeg", portrait.read_bytes())
        self.hosts = {f"{host}:{self.server_port}" for host in ("127.0.0.1", "localhost")}
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def close(self) -> None:
        """Ends when the pictures that are being looked at have been answered."""
        self.server_close()
        deadline = time.monotonic() + 10
        for _ in range(MAX_AT_ONCE):
            self.places.acquire(timeout=max(0, deadline - time.monotonic()))
        for task in self.tasks.values():
            for network in task.networks:
                network.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds that a connection may be silent
    disable_nagle_algorithm = True  # head and body of an answer are two writes
    server: Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._has_place = False
        try:
            self._answer(self._post)
        finally:
            if self._has_place:
                self.server.places.release()

    def _get(self, path: str, query: "dict[str, list[str]]") -> "tuple[str, bytes]":
        if path == "/api/tasks":
            return _json({
                "engine": mslite.version(),
                "tasks": {name: {"networks": [network.about for network in task.networks]} for name, task in self.server.tasks.items()},
                "limits": {"bytes": MAX_BYTES, "types": PICTURES},
            })
        if path not in self.server.files:
            raise Refused(404, f"there is no {path}")
        return self.server.files[path]

    def _post(self, path: str, query: "dict[str, list[str]]") -> "tuple[str, bytes]":
        body = self._body()
        if path != "/api/detect":
            raise Refused(404, f"pictures go to /api/detect, not to {path}")
        name = query.get("task", [""])[-1]
        if name not in self.server.tasks:
            raise Refused(404, f'there is no task "{name}"; there are {", ".join(self.server.tasks)}')
        if not self.server.places.acquire(timeout=MAX_WAIT):
            raise Refused(503, f"too many pictures: this one has waited for {MAX_WAIT} seconds")
        self._has_place = True  # until the answer is sent, which the end of the server waits for
        started = time.perf_counter()
        picture = self._picture(body)
        decoded = time.perf_counter()
        clock = tasks.Clock()
        result = self.server.tasks[name](picture, clock)
        ended = time.perf_counter()
        return _json({
            "task": name, "width": picture.shape[1], "height": picture.shape[0], **result,
            "milliseconds": {
                "decode": round((decoded - started) * 1e3, 2), "inference": round(clock.inference * 1e3, 2),
                "all": round((ended - started) * 1e3, 2),
            },
        })

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise Refused(411, "a picture comes with its Content-Length")
        size = int(length)
        if size > MAX_BYTES:
            # Read a little further, so that most clients come to see the answer: they send everything first.
            self.close_connection = True
            left = min(size, 4 * MAX_BYTES)
            while left > 0 and (part := self.rfile.read(min(left, 1 << 16))):
                left -= len(part)
            raise Refused(413, f"the picture has {size} bytes; {MAX_BYTES} are the most")
        body = self.rfile.read(size)
        if len(body) < size:
            self.close_connection = True
            raise Refused(400, f"{len(body)} of {size} bytes have come")
        return body

    def _picture(self, body: bytes) -> np.ndarray:
        kind = self.headers.get_content_type()
        if kind not in PICTURES:
            raise Refused(415, f"{kind} is no picture's type; {' and '.join(PICTURES)} are")
        try:
            return image.decode(body)
        except mslite.Error as error:
            raise Refused(400, f"the picture cannot be decoded: {error}") from None

    def _answer(self, make: Any) -> None:
        """Sends what make(path, query) gives, or its error."""
        try:
            # A page of another name that leads to this address does not get to use the server.
            if self.headers.get("Host") not in self.server.hosts:
                raise Refused(403, f"this server is {self.server.url}")
            address = urlsplit(self.path)
            status, (kind, body) = 200, make(address.path, parse_qs(address.query))
        except Refused as refused:
            status, (kind, body) = refused.status, _error(refused.status, str(refused))
        except mslite.Error as error:
            status, (kind, body) = 500, _error(500, f"{error.status_name}: {error}")
        except (ConnectionError, TimeoutError):
            # The client is gone, or has been silent for too long.
            self.close_connection = True
            return
        except Exception as error:
            traceback.print_exc()
            status, (kind, body) = 500, _error(500, f"{type(error).__name__}: {error}")
        self._send(status, kind, body)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-cache")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Security-Policy", "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'")
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def send_error(self, code: int, message: "str | None" = None, explain: "str | None" = None) -> None:
        """What the base class refuses by itself: no HTTP, another method."""
        self.close_connection = True
        self._send(int(code), *_error(int(code), message or self.responses[code][0]))

    def log_error(self, *_: Any) -> None:
        """Connections that have been silent for too long: nothing is wrong with that."""

    def log_request(self, code: "int | str" = "-", size: "int | str" = "-") -> None:
        if code != 200:
            super().log_request(code, size)


def _json(value: Any) -> "tuple[str, bytes]":
    return "application/json", json.dumps(value, separators=(",", ":")).encode()


def _error(status: int, message: str) -> "tuple[str, bytes]":
    return _json({"error": {"status": status, "message": message}})


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows what models see, on a page of this machine.")
    parser.add_argument("--port", type=int, default=8080, help="0: any that is free")
    parser.add_argument("--threads", type=int, default=2, help="of one model")
    parser.add_argument("--models", type=pathlib.Path, default=tasks.EXAMPLES.parent / "Tests" / "Models", help="the folder of the models")
    options = parser.parse_args()
    try:
        server = Server(options.port, options.models, options.threads)
    except OSError as error:
        parser.exit(1, f"server.py: port {options.port}: {error.strerror}. Another one: make PORT=0\n")
    except mslite.Error as error:
        parser.exit(1, f"server.py: {error}\n")

    def stop(*_: object) -> None:
        # shutdown() waits for the loop, which is what this has interrupted.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    print(f"{server.url}  (Ctrl-C ends it)", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.close()
    print("stopped", flush=True)


if __name__ == "__main__":
    main()
