"""From the bytes of an image file to 8-bit RGB pixels, or to the bytes an archive keeps.

Orientation tags (EXIF) are not applied: a sky image is read on the pixel grid its positions refer
to, and a rotation done for a camera would silently break that. Of animations and multi-page files
the first frame is taken.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skylore.encoders.base import Pixels
from skylore.errors import ImageError
from skylore.imaging.containers import MAX_PIXELS, load_image, sniff_format
from skylore.imaging.deep import DEEP_STRETCH, read_deep_tiff, stretch_to_display

__all__ = ["AS_GIVEN", "DisplayImage", "decode", "encode_png", "to_display"]

AS_GIVEN = "as given"
"""The rendering of bytes that are kept as they came."""

_DEEP_MODES = {"F", "I", "I;16", "I;16B", "I;16L", "I;16N"}


@dataclass(frozen=True)
class DisplayImage:
    """An image as an archive keeps it.

    Attributes
    ----------
    data
        PNG, JPEG or WebP bytes that decode to 8-bit RGB.
    width, height
        Its size in pixels.
    rendering
        :data:`AS_GIVEN`, or what was done to draw the data in 8-bit RGB.
    """

    data: bytes
    width: int
    height: int
    rendering: str


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Decode one PNG, JPEG, TIFF or WebP file whole.

    Files that are not 8-bit RGB are drawn as :func:`to_display` draws them.

    Parameters
    ----------
    data
        The bytes of the file.
    max_pixels
        The largest width × height that is decoded, checked from the header.

    Returns
    -------
    Pixels
        ``(H, W, 3)`` uint8.

    Raises
    ------
    ImageError
        The bytes are empty, of another format, corrupt or truncated; the image is larger than
        ``max_pixels`` or less than 8 pixels on a side; or none of its samples is finite.
    """
    image, _ = _draw(data, max_pixels)
    return image if isinstance(image, np.ndarray) else np.array(image)


def to_display(data: bytes, *, max_pixels: int = MAX_PIXELS) -> DisplayImage:
    """Verify one image by decoding it whole, and give the bytes that an archive keeps.

    8-bit RGB PNG, JPEG and WebP bytes are kept untouched. Everything else is drawn in 8-bit RGB and
    encoded as PNG: greyscale is repeated in three channels, transparent images are laid over black
    (empty sky), 16-bit and float samples go through
    :func:`~skylore.imaging.deep.stretch_to_display`.

    The decoder releases the interpreter lock: threads may call this side by side.

    Parameters and errors are those of :func:`decode`.
    """
    image, rendering = _draw(data, max_pixels)
    if rendering == AS_GIVEN:
        if not isinstance(image, Image.Image):
            raise AssertionError("only Pillow images are kept as given")
        return DisplayImage(bytes(data), image.width, image.height, AS_GIVEN)
    pixels = image if isinstance(image, np.ndarray) else np.array(image)
    return DisplayImage(encode_png(pixels), pixels.shape[1], pixels.shape[0], rendering)


def encode_png(pixels: Pixels) -> bytes:
    """Encode ``(H, W, 3)`` uint8 pixels as PNG bytes, without loss.

    Raises
    ------
    ImageError
        ``pixels`` has another shape or type.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ImageError(
            f"a display image is (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}; "
            "draw flux with skylore.imaging.render.render_bands first"
        )
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _draw(data: bytes, max_pixels: int) -> tuple[Image.Image | Pixels, str]:
    """Decode ``data`` and say how it was brought to 8-bit RGB."""
    kind = sniff_format(data)
    if kind == "TIFF":
        samples = read_deep_tiff(data, max_pixels=max_pixels)
        if samples is not None:
            return stretch_to_display(samples), _deep_rendering(samples)
    image = load_image(data, max_pixels=max_pixels)
    if kind == "JPEG":
        _check_jpeg_end(data)
    if image.mode in _DEEP_MODES:
        samples = np.array(image)
        return stretch_to_display(samples), _deep_rendering(samples)
    drawn, rendering = _to_rgb(image)
    if _has_two_bytes(kind, data, image):
        rendering = "16-bit colour reduced to its high byte"
    elif kind == "TIFF" and rendering == AS_GIVEN:
        rendering = "TIFF re-encoded as PNG"
    return drawn, rendering


def _to_rgb(image: Image.Image) -> tuple[Image.Image, str]:
    """Bring an 8-bit image of any mode to RGB."""
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        over_black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        over_black.alpha_composite(image.convert("RGBA"))
        return over_black.convert("RGB"), "transparency laid over black"
    if image.mode == "RGB":
        return image, AS_GIVEN
    if image.mode in {"1", "L"}:
        return image.convert("RGB"), "greyscale repeated in three channels"
    try:
        converted = image.convert("RGB")
    except ValueError as error:
        raise ImageError(
            f"images in colour mode {image.mode} cannot be drawn; export them as RGB"
        ) from error
    return converted, f"{'palette' if image.mode == 'P' else image.mode} converted to RGB"


def _has_two_bytes(kind: str, data: bytes, image: Image.Image) -> bool:
    """Whether Pillow dropped the low byte of each sample."""
    if kind == "PNG":
        return data[24] == 16  # the bit depth in IHDR
    if kind == "TIFF":
        depths = getattr(image, "tag_v2", {}).get(258, (8,))  # BitsPerSample
        return bool(max(depths) > 8)
    return False


def _check_jpeg_end(data: bytes) -> None:
    """Refuse a JPEG without its end marker: libjpeg fills what is missing with grey."""
    if b"\xff\xd9" not in data[-65536:]:
        raise ImageError("the JPEG data are cut short: no end marker; fetch the file again")


def _deep_rendering(samples: NDArray[Any]) -> str:
    channels = "RGB" if samples.ndim == 3 else "greyscale"
    missing = int(np.sum(~np.isfinite(samples)))
    drawn = f"{samples.dtype.name} {channels}, {DEEP_STRETCH}"
    return f"{drawn}; {missing} samples that are not finite drawn black" if missing else drawn
