"""Display images made ready to be shown inside a page."""

from __future__ import annotations

import base64
import io

from PIL import Image

from skylore.imaging.containers import sniff_format
from skylore.imaging.decode import decode

__all__ = ["data_uri", "media_type"]

LARGEST = 320
"""Larger images are reduced: a page holds many."""


def media_type(data: bytes) -> str:
    """Name the media type of an encoded image, such as ``image/png``.

    Raises
    ------
    ImageError
        It is none of the formats that archives keep.
    """
    return f"image/{sniff_format(data).lower()}"


def data_uri(data: bytes) -> str:
    """Give an encoded image as a ``data:`` address, at most 320 pixels on a side."""
    with Image.open(io.BytesIO(data)) as image:
        large = max(image.size) > LARGEST
    if large:
        reduced = Image.fromarray(decode(data))
        reduced.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        reduced.save(buffer, "PNG")
        data = buffer.getvalue()
    return f"data:{media_type(data)};base64,{base64.b64encode(data).decode()}"
