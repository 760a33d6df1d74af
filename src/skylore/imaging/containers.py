"""Open the bytes of one image file safely, without Pillow's format guessing."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from PIL import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from skylore.errors import ImageError
from skylore.quiet import quiet

__all__ = ["MAX_PIXELS", "MIN_SIDE", "check_size", "load_image", "sniff_format"]

MAX_PIXELS = 64_000_000
"""The largest image that is decoded unless a caller allows more."""

MIN_SIDE = 8
"""Images with fewer pixels on a side show no structure: survey services send them for "no data"."""

_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "TIFF": TiffImageFile,
    "WEBP": WebPImageFile,
}
_TIFF_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def sniff_format(data: bytes) -> str:
    """Name the format of ``data`` from its first bytes: ``PNG``, ``JPEG``, ``TIFF``, ``WEBP``.

    Raises
    ------
    ImageError
        ``data`` is empty or in none of these formats.
    """
    if not data:
        raise ImageError("the image has no bytes; fetch or export it again")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(_TIFF_MAGIC):
        return "TIFF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    raise ImageError(
        f"unknown image format (first bytes {data[:8]!r}); give PNG, JPEG, TIFF or WebP"
    )


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse sizes that are too small to show anything or too large to decode.

    Raises
    ------
    ImageError
        A side is shorter than :data:`MIN_SIDE`, or there are more than ``max_pixels`` pixels.
    """
    if width * height > max_pixels:
        raise ImageError(
            f"the header announces {width}×{height} pixels, more than the limit of {max_pixels}; "
            "raise max_pixels if the file can be trusted, or cut it into smaller images"
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"the image is {width}×{height} pixels, too small to show an object "
            f"(at least {MIN_SIDE} a side); fetch a larger cutout"
        )


def load_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> ImageFile.ImageFile:
    """Decode all pixels of the first frame of ``data``.

    The format's own reader is called rather than ``Image.open``: it is chosen by the first bytes,
    so no other of Pillow's parsers ever sees the data.

    Raises
    ------
    ImageError
        Anything that keeps the image from being decoded whole, and the refusals of
        :func:`sniff_format` and :func:`check_size` (before a pixel is decoded).
    """
    kind = sniff_format(data)
    with _quiet(kind, data):
        try:
            image = _OPENERS[kind](io.BytesIO(data))
        except Exception as error:
            raise ImageError(f"the {kind} header is corrupt: {_reason(error)}") from error
        check_size(image.width, image.height, max_pixels)
        try:
            image.load()
        except Exception as error:
            raise ImageError(
                f"the {kind} data are corrupt or cut short: {_reason(error)}"
            ) from error
    return image


def _quiet(kind: str, data: bytes) -> AbstractContextManager[None]:
    """Silence Pillow where it may warn; else do nothing, so that threads decode side by side.

    ``warnings.catch_warnings`` changes the whole process, hence the lock and its narrow use.
    """
    header = data[:65536]
    may_warn = kind == "TIFF" or b"Exif" in header or b"acTL" in header
    return quiet() if may_warn else nullcontext()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
