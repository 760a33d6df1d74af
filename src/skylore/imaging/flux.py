"""Flux cutouts in an archive: the columns they are kept in, and the way there and back.

Display images are for people; encoders such as AION-1 read the calibrated flux of each band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import ImageError

__all__ = ["BANDS", "FLUX", "SHAPE", "Cutout", "flux_columns", "flux_schema", "read_flux"]

BANDS = "flux_bands"
FLUX = "flux"
SHAPE = "flux_shape"


@dataclass(frozen=True)
class Cutout:
    """The flux of one object.

    Attributes
    ----------
    flux
        ``(B, H, W)``, in the survey's units, rows in the order of the file (FITS: the bottom one
        first). NaN where there are no data.
    bands
        ``B`` names, such as ``DES-G``.
    """

    flux: NDArray[np.float32]
    bands: tuple[str, ...]


def flux_schema() -> pa.Schema:
    """Give the three columns that hold flux; they are null together."""

    def described(name: str, kind: pa.DataType, description: str) -> pa.Field:
        return pa.field(name, kind, metadata={"description": description})

    return pa.schema(
        [
            described(BANDS, pa.list_(pa.string()), "bands of the flux cutout"),
            described(SHAPE, pa.list_(pa.int32(), 3), "bands × rows × columns of the flux cutout"),
            described(FLUX, pa.list_(pa.float32()), "flux cutout, band by band, row by row"),
        ]
    )


def flux_columns(cutouts: Sequence[Cutout | None]) -> pa.Table:
    """Give cutouts, or None where there is none, as the columns of :func:`flux_schema`.

    Raises
    ------
    ImageError
        If flux is not ``(B, H, W)`` with a name for each band, all different.
    """
    for cutout in cutouts:
        if cutout is not None:
            _check(cutout)
    held = [None if c is None else np.ascontiguousarray(c.flux, np.float32) for c in cutouts]
    columns: list[list[Any]] = [
        [None if c is None else list(c.bands) for c in cutouts],
        [None if f is None else list(f.shape) for f in held],
        [None if f is None else f.ravel() for f in held],
    ]
    schema = flux_schema()
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def read_flux(batch: pa.Table) -> list[Cutout | None]:
    """Read cutouts back from a table with the columns of :func:`flux_schema`."""
    bands, shapes = batch[BANDS].to_pylist(), batch[SHAPE].to_pylist()
    rows = [row for chunk in batch[FLUX].chunks for row in chunk]
    cutouts: list[Cutout | None] = []
    for names, shape, row in zip(bands, shapes, rows, strict=True):
        if names is None or shape is None or not row.is_valid:
            cutouts.append(None)
            continue
        # A null is a missing pixel, should the column have been written elsewhere.
        values = row.values.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
        cutout = _shaped(values, tuple(shape), tuple(names))
        cutouts.append(cutout)
    return cutouts


def _shaped(values: NDArray[np.float32], shape: tuple[int, ...], bands: tuple[str, ...]) -> Cutout:
    if values.size != np.prod(shape):
        raise ImageError(
            f"the flux has {values.size} values, and {' × '.join(map(str, shape))} do not fit "
            "them; ingest the object again"
        )
    cutout = Cutout(values.reshape(shape), bands)
    _check(cutout)
    return cutout


def _check(cutout: Cutout) -> None:
    shape = cutout.flux.shape
    if len(shape) != 3 or shape[0] != len(cutout.bands) or 0 in shape:
        raise ImageError(
            f"flux of shape {shape} does not fit the bands {', '.join(cutout.bands) or 'given'}; "
            "give an array (bands, rows, columns) and a name for each band"
        )
    if len(set(cutout.bands)) != len(cutout.bands):
        raise ImageError(f"band names repeat: {', '.join(cutout.bands)}")
