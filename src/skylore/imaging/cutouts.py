"""Cut objects out of one large image, all on one pixel scale."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from skylore.errors import ImageError

__all__ = ["EdgeRule", "cut_out", "cutout_corner"]

EdgeRule = Literal["drop", "pad"]
"""What becomes of a cutout that reaches over the edge: none is made, or it is filled with sky."""

_Sample = TypeVar("_Sample", bound=np.generic)


def cut_out(
    image: NDArray[_Sample], x: float, y: float, size: int, *, edge: EdgeRule = "drop"
) -> NDArray[_Sample] | None:
    """Cut a square of ``size`` pixels around a position, without resampling.

    Parameters
    ----------
    image
        ``(H, W)`` or ``(H, W, C)``.
    x, y
        Centre in pixels; the centre of the first pixel is (0, 0). It comes to lie within half a
        pixel of the cutout's middle.
    size
        Side in pixels.
    edge
        ``"drop"``: a cutout that would reach over the edge is not made. ``"pad"``: what lies beyond
        the edge is filled with zeros, which is empty sky on a display image.

    Returns
    -------
    NDArray or None
        A copy, ``(size, size)`` or ``(size, size, C)``; ``None`` for a dropped one.

    Raises
    ------
    ImageError
        The position is not on the image, or ``size`` is not positive.
    """
    if image.ndim not in {2, 3}:
        raise ImageError(f"cutouts need an image (H, W) or (H, W, C), not {image.shape}")
    height, width = image.shape[:2]
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise ImageError(f"position ({x}, {y}) is not on the image of {width}×{height} pixels")
    left, top = cutout_corner(x, size), cutout_corner(y, size)
    if left >= 0 and top >= 0 and left + size <= width and top + size <= height:
        return image[top : top + size, left : left + size].copy()
    if edge == "drop":
        return None
    cutout: NDArray[Any] = np.zeros((size, size, *image.shape[2:]), image.dtype)
    rows = slice(max(top, 0), min(top + size, height))
    columns = slice(max(left, 0), min(left + size, width))
    cutout[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = image[
        rows, columns
    ]
    return cutout


def cutout_corner(centre: float, size: int) -> int:
    """First pixel, along one axis, of the cutout whose middle is nearest to ``centre``.

    Raises
    ------
    ImageError
        ``size`` is not positive.
    """
    if size < 1:
        raise ImageError(f"a cutout needs a size of at least 1 pixel, not {size}")
    return int(np.floor(centre - (size - 1) / 2 + 0.5))
