"""One shape for everything that goes wrong: a status, a kind, a message and perhaps a hint."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from skylore.errors import (
    ArchiveBusyError,
    ColumnError,
    ImageError,
    ModelError,
    QueryError,
    SkyloreError,
)

__all__ = [
    "Failure",
    "NotAgreedError",
    "NotFoundError",
    "OverloadedError",
    "UploadExpiredError",
    "VersionGoneError",
    "failure_of",
]


class NotFoundError(SkyloreError):
    """There is no such object, image or page."""


class UploadExpiredError(QueryError):
    """An uploaded image is no longer in memory."""


class VersionGoneError(QueryError):
    """The version of the archive that was asked for can no longer be opened."""


class OverloadedError(SkyloreError):
    """There is no room for one more request now."""


class NotAgreedError(ModelError):
    """What it will cost is known, and was not agreed to."""


STATUSES: tuple[tuple[type[SkyloreError], int], ...] = (
    (NotFoundError, 404),
    (UploadExpiredError, 404),
    (NotAgreedError, 402),
    (OverloadedError, 503),
    (VersionGoneError, 410),
    (QueryError, 400),
    (ColumnError, 400),
    (ImageError, 400),
    (ArchiveBusyError, 503),
    (ModelError, 503),
)
"""The first that fits decides; any other Skylore error is 500."""

HINTS = {
    "not_found": "search at /",
    "method_not_allowed": "the API is described at /docs",
    "upload_expired": "choose the image again",
    "not_agreed": "POST it again to /api/search?confirm=true; what was answered is kept",
    "filter": "columns are listed at /about",
    "overloaded": "try again in a moment",
    "version_gone": "search again without 'version'",
}


RETRY_AFTER = "2"
"""Seconds, about as long as a long search takes."""


@dataclass(frozen=True)
class Failure:
    """What a client is told."""

    status: int
    kind: str
    message: str
    hint: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Say when to try again, where that helps."""
        return {"Retry-After": RETRY_AFTER} if self.kind == "overloaded" else {}

    def to_json(self) -> dict[str, dict[str, str]]:
        """Give ``{"error": {"kind", "message", "hint"}}``, without a hint where there is none."""
        error = {"kind": self.kind, "message": self.message}
        hint = self.hint or HINTS.get(self.kind)
        return {"error": error | ({"hint": hint} if hint else {})}


def failure_of(error: Exception) -> Failure:
    """Say what a client is told of an error; nothing of the inside where it was not foreseen."""
    if isinstance(error, SkyloreError):
        status = next((s for kind, s in STATUSES if isinstance(error, kind)), 500)
        return Failure(status, _kind(error), " ".join(str(error).split()))
    if isinstance(error, RequestValidationError):
        return Failure(400, "query", _explained(error), "the API is described at /docs")
    if isinstance(error, HTTPException):
        kind = re.sub(r"\W+", "_", error.detail.lower()).strip("_")
        return Failure(error.status_code, kind, error.detail.lower())
    return Failure(500, "internal", "something went wrong here; the server's log says what")


def _kind(error: SkyloreError) -> str:
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _explained(error: RequestValidationError) -> str:
    problems = []
    for detail in error.errors():
        place = ".".join(str(part) for part in detail["loc"] if part not in ("body", "query"))
        problems.append(f"{place}: {detail['msg']}" if place else str(detail["msg"]))
    return "; ".join(problems)
