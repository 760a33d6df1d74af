"""What an HDF5 file of objects holds: which of its datasets are columns, and which are images.

The Multimodal Universe (The Multimodal Universe Collaboration 2024, arXiv 2412.02527) writes a
dataset a column, all of one length: catalogue columns, ``image_array`` (N, B, H, W) with
``image_band`` (N, B) beside it, or ``images`` (N, H, W, 3) where pictures are in colour already.
Other files put the same datasets into groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["Column", "Layout", "read_layout"]

_FLUX_ENDINGS = ("_array", "_flux")
_FLUX_NAMES = ("image", "images", "img", "cutout", "cutouts", "flux", "array")
_BAND_ENDINGS = ("_band", "_bands")
_FLUX = pa.struct(
    [("band", pa.list_(pa.string())), ("flux", pa.list_(pa.list_(pa.list_(pa.float32()))))]
)


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Attributes
    ----------
    path
        Of its dataset.
    type
        As which it is read: flux becomes a struct of bands and flux, colour pictures become PNG.
    band
        The path of the dataset with the names of its bands, where it is flux and there is one.
    row_bytes, chunk_rows
        What a row takes in memory, and how many rows are stored together.
    """

    path: str
    type: pa.DataType
    band: str | None = None
    row_bytes: int = 0
    chunk_rows: int = 1


@dataclass(frozen=True)
class Layout:
    """The columns of one file by name, its rows, and the datasets of another length."""

    columns: Mapping[str, Column]
    rows: int
    odd: tuple[str, ...] = field(default=())


def read_layout(file: Any) -> Layout:  # noqa: ANN401 - h5py has no types
    """Look through the datasets of an open file; links to other files are not followed.

    The number of rows is the length that most datasets have.
    """
    found: dict[str, Any] = {}

    def visit(path: str, item: Any) -> None:  # noqa: ANN401 - h5py has no types
        if hasattr(item, "shape") and item.shape:
            found[path] = item

    file.visititems(visit)
    lengths = Counter(dataset.shape[0] for dataset in found.values())
    rows = max(lengths, key=lambda length: (lengths[length], length), default=0)
    names = {path.replace("/", "_"): path for path in found}
    bands = {_stem(name, _BAND_ENDINGS): path for name, path in names.items()}
    columns = {}
    for name, path in names.items():
        if found[path].shape[0] == rows:
            column = _column(name, path, found, bands)
            columns[_stem(name, _FLUX_ENDINGS) if column.type == _FLUX else name] = column
    odd = tuple(name for name, path in names.items() if found[path].shape[0] != rows)
    used = {column.band for column in columns.values()}
    return Layout(columns, rows, tuple(name for name in odd if names[name] not in used))


def _stem(name: str, endings: tuple[str, ...]) -> str:
    return next((name[: -len(end)] for end in endings if name.endswith(end)), name)


def _column(name: str, path: str, found: Mapping[str, Any], bands: Mapping[str, str]) -> Column:
    dataset = found[path]
    band = None
    if _is_flux(name, dataset):
        kind: pa.DataType = _FLUX
        band = bands.get(_stem(name, _FLUX_ENDINGS))
        band = band if band is not None and _names_bands(found[band], dataset) else None
    else:
        kind = _type_of(dataset)
    row_bytes = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64))
    return Column(path, kind, band, row_bytes, dataset.chunks[0] if dataset.chunks else 1)


def _is_flux(name: str, dataset: Any) -> bool:  # noqa: ANN401 - h5py has no types
    """Whether this is the flux of images: not their noise, masks or models."""
    last = name.lower()
    called_so = last.endswith(_FLUX_ENDINGS) or last in _FLUX_NAMES
    return called_so and dataset.dtype.kind == "f" and dataset.ndim in {3, 4}


def _names_bands(names: Any, flux: Any) -> bool:  # noqa: ANN401 - h5py has no types
    count = flux.shape[1] if flux.ndim == 4 else 1
    return names.dtype.kind in "SUO" and names.shape[-1] == count and names.ndim <= 2


def _type_of(dataset: Any) -> pa.DataType:  # noqa: ANN401 - h5py has no types
    kind = dataset.dtype.kind
    if dataset.ndim == 4 and dataset.dtype == np.uint8 and dataset.shape[3] == 3:
        return pa.binary()
    if kind in "SUO":
        flat: pa.DataType = pa.string()
    elif kind in "biuf":
        flat = pa.from_numpy_dtype(dataset.dtype.newbyteorder("="))
    else:
        flat = pa.struct([])
    if dataset.ndim == 2 and kind == "f" and dataset.shape[1]:
        return pa.list_(flat, dataset.shape[1])
    for _ in range(dataset.ndim - 1):
        flat = pa.list_(flat)
    return flat
