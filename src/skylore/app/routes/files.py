"""Images of objects and of uploads."""

from __future__ import annotations

import hashlib
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from skylore.app.objects import image_of
from skylore.app.state import Shared
from skylore.search.thumbnails import media_type

__all__ = ["router"]

router = APIRouter(tags=["Images"])

KEPT_BY_BROWSERS = "private, max-age=600"


@router.get("/image/{identifier:path}", summary="The display image of an object")
def image(identifier: str, request: Request, state: Shared) -> Response:
    """Give the encoded image as it is in the archive."""
    archive = state.searcher.current()
    data = image_of(archive, identifier)
    return _image(data, request)


@router.get("/upload/{digest}", summary="An uploaded image")
def uploaded(digest: str, request: Request, state: Shared) -> Response:
    """Give an image that is still in memory."""
    return _image(state.uploads.get(digest), request)


def _image(data: bytes, request: Request) -> Response:
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": KEPT_BY_BROWSERS}
    asked = [t.strip() for t in request.headers.get("if-none-match", "").split(",")]
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type(data), headers=headers)


@router.post("/upload", status_code=303, summary="Search by an image")
def upload(
    file: Annotated[UploadFile, File(description="PNG, JPEG, TIFF or WebP")],
    state: Shared,
    where: Annotated[str, Form()] = "",
    cone: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Keep an image for a while, and lead to the search for objects like it."""
    digest = state.uploads.add(file.file.read())
    kept = {"image": digest, "where": where, "cone": cone}
    return RedirectResponse(f"/?{urlencode({n: v for n, v in kept.items() if v})}", 303)
