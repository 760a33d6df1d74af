"""A real cutout server on loopback, with the faults that real ones have.

It answers as the Legacy Surveys' viewer does at ``/viewer/cutout.fits`` and ``/viewer/cutout.jpg``,
and as HSC's service at ``/hsc``. ``python -m sources.cutout_server PAUSE`` serves until it is
killed, prints its address, and lists what it delivered at ``/log``.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import numpy as np
from astropy.io import fits
from PIL import Image

from sources.universe_files import galaxy

Fault = Callable[[dict[str, str], int], str | None]


@dataclass
class CutoutServer:
    """The server.

    ``fault`` chooses what goes wrong, from the query and how often it came before: a status, or one
    of ``cut``, ``truncated``, ``html``, ``blank``, ``empty``, ``nan``, ``drip``, ``elsewhere``.
    """

    fault: Fault = lambda query, nth: None
    pause: float = 0.0
    retry_after: str | None = None
    account: str | None = None
    elsewhere: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._now = 0
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = _QuietServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: _Handler) -> None:
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        if path == "/log":
            _send(request, 200, json.dumps(self.delivered).encode())
            return
        with self._lock:
            asked = {name: values[0] for name, values in query.items()}
            self.asked.append(asked)
            self.headers.append({k.lower(): v for k, v in request.headers.items()})
            self.times.append(time.monotonic())
            nth = self._seen[request.path] = self._seen[request.path] + 1
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            time.sleep(self.pause)
            self._respond(request, path, asked, nth)
        finally:
            with self._lock:
                self._now -= 1

    def _respond(self, request: _Handler, path: str, asked: dict[str, str], nth: int) -> None:
        wanted = base64.b64encode((self.account or "").encode()).decode()
        if self.account and request.headers.get("Authorization") != f"Basic {wanted}":
            _send(request, 401, b"no")
            return
        fault = self.fault(asked, nth)
        if fault is not None and fault.isdecimal():
            more = {"Retry-After": self.retry_after} if self.retry_after else {}
            _send(request, int(fault), b"<html>sorry</html>", more)
            return
        if fault == "elsewhere":
            _send(request, 302, b"", {"Location": f"{self.elsewhere}{request.path}"})
            return
        body = picture(path, asked, fault)
        if fault == "cut":
            _send(request, 200, body, keep=len(body) // 2)
            request.close_connection = True
            return
        if fault == "truncated":
            body = body[: len(body) // 2]
        if fault == "drip":
            _drip(request, body)
            return
        _send(request, 200, b"<html>maintenance</html>" if fault == "html" else body)
        if fault is None:
            with self._lock:
                self.delivered.append(request.path)


class _QuietServer(ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    owner: CutoutServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        try:
            self.owner.answer(self)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def seed_of(ra: str) -> int:
    return round(float(ra) * 100)


def flux_at(asked: dict[str, str]) -> np.ndarray:
    """The flux that is served at a position: ``(bands, size, size)``."""
    return galaxy(seed_of(asked["ra"]), len(asked["bands"]), int(asked["size"]))


def picture(path: str, asked: dict[str, str], fault: str | None) -> bytes:
    if path.endswith(".jpg"):
        side = int(asked["size"])
        shown = np.clip(galaxy(seed_of(asked["ra"]), 3, side) * 12, 0, 255).astype(np.uint8)
        shown = shown * (fault != "blank")
        return _saved(Image.fromarray(shown.transpose(1, 2, 0)))
    if path.startswith("/hsc"):
        return _hsc(asked, fault)
    flux = flux_at(asked) * {"blank": 0.0, "nan": np.nan}.get(fault or "", 1.0)
    hdu = fits.PrimaryHDU(None if fault == "empty" else flux.astype(np.float32))
    hdu.header["BANDS"] = asked["bands"]
    for number, band in enumerate(asked["bands"]):
        hdu.header[f"BAND{number}"] = band
    return _written(fits.HDUList([hdu]))


def _hsc(asked: dict[str, str], fault: str | None) -> bytes:
    """Serve one band, whose side differs by a pixel from band to band as theirs does."""
    half = round(float(asked["sw"].removesuffix("asec")) / 0.168)
    side = 2 * half + (asked["filter"] == "HSC-R")
    flux = galaxy(seed_of(asked["ra"]) + len(asked["filter"]), 1, side)[0] * (fault != "blank")
    image = fits.ImageHDU(flux.astype(np.float32))
    return _written(fits.HDUList([fits.PrimaryHDU(), image]))


def _written(hdus: fits.HDUList) -> bytes:
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    return buffer.getvalue()


def _saved(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def _send(
    request: _Handler,
    status: int,
    body: bytes,
    more: dict[str, Any] | None = None,
    keep: int | None = None,
) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(more or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body[:keep])


def _drip(request: _Handler, body: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    for byte in body[:40]:
        request.wfile.write(bytes([byte]))
        request.wfile.flush()
        time.sleep(0.05)


def main() -> None:
    with CutoutServer(pause=float(sys.argv[1])) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
