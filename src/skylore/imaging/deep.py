"""Images with more than 8 bits a channel: reading TIFF samples, and one stretch to 8 bits."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Pixels
from skylore.errors import ImageError
from skylore.imaging.containers import check_size

__all__ = ["DEEP_STRETCH", "read_deep_tiff", "stretch_to_display"]

DEEP_STRETCH = "asinh stretch from darkest to brightest pixel, softened at 5 times the noise"
"""What :func:`stretch_to_display` does, in the words used for provenance."""

_SOFTENING = 5.0
_GREY_OR_RGB = {0, 1, 2}  # TIFF tag 262: white is zero, black is zero, RGB


def read_deep_tiff(data: bytes, *, max_pixels: int) -> NDArray[Any] | None:
    """Read the samples of a TIFF whose first page has more than 8 bits a channel.

    Pillow keeps only the high byte of 16-bit RGB and reads no 64-bit or multi-channel float.

    Returns
    -------
    NDArray or None
        ``(H, W)`` or ``(H, W, 3)`` in the file's own type; ``None`` for 8-bit files and for layouts
        or compressions that need Pillow.

    Raises
    ------
    ImageError
        The file is corrupt, or too small or large (see :func:`check_size`).
    """
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            if page.dtype is None or page.dtype.itemsize == 1:
                return None
            check_size(page.imagewidth, page.imagelength, max_pixels)
            if not _is_plain(page):
                return None
            _check_strips(page, len(data))
            samples: NDArray[Any] = page.asarray()
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"the TIFF data are corrupt or cut short: {error}") from error
    white_is_zero = int(page.photometric) == 0
    return _invert(samples) if white_is_zero else samples[..., :3] if samples.ndim == 3 else samples


def stretch_to_display(samples: NDArray[Any]) -> Pixels:
    """Bring samples of any range to 8 bits without clipping a pixel.

    ``asinh((x − b) / 5σ)``, with ``b`` the median and ``σ`` the robust noise (1.4826 MAD) over all
    channels, scaled so that the darkest pixel is 0 and the brightest 255. It is monotonic: faint
    structure is linear, bright cores logarithmic (Lupton et al. 1999, AJ 118, 1406). Pixels that
    are not finite hold no measurement and are drawn black, as empty sky.

    Parameters
    ----------
    samples
        ``(H, W)`` or ``(H, W, 3)``, integer or float.

    Returns
    -------
    Pixels
        ``(H, W, 3)`` uint8; one channel is repeated three times.

    Raises
    ------
    ImageError
        No sample is finite.
    """
    values = samples.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        raise ImageError("no pixel of the image is finite; it holds no data to draw")
    known = values[finite]
    middle = np.median(known)
    noise = 1.4826 * np.median(np.abs(known - middle)) or np.std(known) or 1.0
    curve = np.arcsinh((values - middle) / (_SOFTENING * noise))
    low, high = np.min(curve[finite]), np.max(curve[finite])
    scaled = (curve - low) / (high - low) * 255 if high > low else np.zeros_like(curve)
    drawn = np.rint(np.where(finite, scaled, 0)).astype(np.uint8)
    return drawn if drawn.ndim == 3 else np.repeat(drawn[..., None], 3, axis=2)


def _is_plain(page: Any) -> bool:  # noqa: ANN401 - tifffile has no public page type to name
    """Whether the page is grey or RGB, interleaved, in a compression tifffile reads by itself."""
    compressions = {1, 8, 32946}  # none and the two codes of Deflate
    layout = page.ndim == 2 or (page.ndim == 3 and page.axes == "YXS" and page.shape[2] in {3, 4})
    numeric = page.dtype.kind in "uif"
    known_colours = page.photometric is not None and int(page.photometric) in _GREY_OR_RGB
    return bool(layout and numeric and known_colours and int(page.compression) in compressions)


def _check_strips(page: Any, size: int) -> None:  # noqa: ANN401 - see _is_plain
    """Refuse strips beyond the end of the file, which tifffile would fill with zeros."""
    ends = (a + n for a, n in zip(page.dataoffsets, page.databytecounts, strict=True))
    if max(ends, default=size + 1) > size or 0 in page.databytecounts:
        raise ImageError("the TIFF data are cut short; fetch or export the file again")


def _invert(samples: NDArray[Any]) -> NDArray[Any]:
    if samples.dtype.kind == "f":
        return -samples
    limit = np.iinfo(samples.dtype)
    inverted: NDArray[Any] = limit.max - (samples - limit.min) if limit.min == 0 else ~samples
    return inverted
