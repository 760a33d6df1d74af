"""How far apart objects must lie to be split: the width of a cutout."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["ARCSEC", "Separation", "separation_columns", "separations"]

Separation = float | Literal["cutout"] | None
"""Arcseconds; the width of each cutout; or None, by which each object is on its own."""

ARCSEC = 60.0
"""The width of a cutout whose scale is not known."""

_WIDTH = "image_width"
_SCALES = ("pxscale", "pixscale", "pixel_scale")
"""Columns of arcseconds a pixel: Galaxy10 DECaLS calls it ``pxscale``."""


def separation_columns(schema: pa.Schema, separation: Separation) -> list[str]:
    """Name the columns of an archive that :func:`separations` needs, of those that it has."""
    if separation is None or not {"ra", "dec"} <= set(schema.names):
        return []
    scale = next((name for name in _SCALES if _is_number(schema, name)), None)
    known = separation == "cutout" and scale is not None and _is_number(schema, _WIDTH)
    widths = [scale, _WIDTH] if known and scale is not None else []
    return ["ra", "dec", *widths]


def separations(table: pa.Table, separation: Separation) -> NDArray[np.float64]:
    """Give how far each object reaches, ``(N,)``, in degrees.

    Parameters
    ----------
    table : Table
        With the columns of :func:`separation_columns`.
    separation : float or "cutout"
        The latter is pixels × arcseconds a pixel, such as 256 × 0.262″ = 67″ in Galaxy10 DECaLS,
        and 60″ where the scale is not known.
    """
    reach = np.full(table.num_rows, ARCSEC if separation in {"cutout", None} else separation, float)
    scale = next((name for name in _SCALES if name in table.column_names), None)
    if separation == "cutout" and scale is not None:
        width = _figures(table, scale) * _figures(table, _WIDTH)
        known = np.isfinite(width) & (width > 0)
        reach[known] = width[known]
    return reach / 3600


def _is_number(schema: pa.Schema, name: str) -> bool:
    if name not in schema.names:
        return False
    kind = schema.field(name).type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _figures(table: pa.Table, name: str) -> NDArray[np.float64]:
    found: NDArray[np.float64] = table[name].cast(pa.float64()).to_numpy()
    return found
