"""What is refused before it reaches a route, and the headers of every response."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skylore.app.failures import Failure, OverloadedError, failure_of
from skylore.app.settings import ServerSettings

__all__ = ["Guard", "is_loopback"]

LOG = logging.getLogger(__name__)

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
        "connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class BodyTooLargeError(HTTPException):
    """More bytes came than a request may have, whatever its header said."""

    def __init__(self) -> None:
        super().__init__(413, "body too large")


class Guard:
    """Middleware: checks host, origin and sizes, and sets security headers."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._settings = settings
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = _Answer(send)
        failure = self._refusal(scope, Headers(scope=scope))
        if failure is None:
            self._under_way += 1
            try:
                body = _limited(receive, self._settings.max_body_bytes)
                await self._app(scope, body, guarded)
            except Exception as error:
                LOG.exception("%s %s", scope["method"], scope["path"])
                if guarded.started:
                    raise
                failure = failure_of(error)
            finally:
                self._under_way -= 1
        if failure is not None:
            answer = JSONResponse(failure.to_json(), failure.status, failure.headers)
            await answer(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Failure | None:
        host = headers.get("host", "")
        if not _allowed(_name_of(host), self._settings):
            return Failure(
                421,
                "misdirected_host",
                f"requests for the host {_name_of(host)[:100]!r} are not answered",
                "use http://127.0.0.1, or start the server with this name allowed",
            )
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > (
            self._settings.max_url_bytes
        ):
            return Failure(
                414, "url_too_long", "the address is too long", "POST the query to /api/search"
            )
        if scope["method"] not in ("GET", "HEAD") and not _same_origin(headers, host):
            return Failure(403, "cross_origin", "requests from other sites are not answered")
        if self._under_way >= self._settings.max_requests:
            return failure_of(OverloadedError(f"{self._under_way} requests are being worked on"))
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._settings.max_body_bytes:
            return self._too_large()
        return None

    def _too_large(self) -> Failure:
        most = self._settings.max_body_bytes
        return Failure(413, "body_too_large", f"a request may have at most {most} bytes")


def is_loopback(host: str) -> bool:
    """Whether an address or name is that of this machine to itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_of(host: str) -> str:
    """Take the port off a Host header."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _allowed(name: str, settings: ServerSettings) -> bool:
    """Whether requests for a host are meant for this server.

    Another site can make its own name resolve to this machine (DNS rebinding), but not an address.
    """
    if is_loopback(name) or name in settings.allowed_hosts:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return settings.any_address


def _same_origin(headers: Headers, host: str) -> bool:
    """Whether a request comes from our own pages, or from a program that is not a browser."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin", "none"):
        return False
    return origin is None or urlsplit(origin).netloc == host


def _limited(receive: Receive, most: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise BodyTooLargeError
        return message

    return counted


class _Answer:
    """Sends a response with security headers, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await self._send(message)
