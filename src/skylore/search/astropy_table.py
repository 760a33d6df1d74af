"""An answer as an astropy table, with what virtual-observatory tools want to know of a column."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy.table import Column, MaskedColumn, Table
from astropy.units import Unit, UnitsWarning, UnrecognizedUnit

from skylore.archive.provenance import provenance_of
from skylore.archive.schema import ID
from skylore.search.flatten import flatten, is_vector
from skylore.search.origin import origin_of

if TYPE_CHECKING:
    from skylore.search.results import Results

__all__ = ["deprecated_units", "to_astropy"]

UCDS = {
    ID: "meta.id;meta.main",
    "ra": "pos.eq.ra;meta.main",
    "dec": "pos.eq.dec;meta.main",
}
DESCRIPTIONS = {
    "rank": "place in the answer, 1 for the best",
    "score": "similarity to the query: cosine, BM25 or fused, by the query's mode",
}


def to_astropy(results: Results) -> Table:
    """Give an answer as a table of flat columns, masked where a value is missing.

    Columns carry unit, description and, for id and position, the UCD (``meta["ucd"]``). The
    table's ``meta`` has archive, query and plan as JSON, and under ``left_out`` the columns that
    hold bytes.
    """
    flat, left_out = flatten(results.table)
    columns = [_column(field, flat[i]) for i, field in enumerate(flat.schema)]
    meta: dict[str, Any] = dict(origin_of(results))
    if left_out:
        meta["left_out"] = ", ".join(left_out)
    return Table(columns, meta=meta, copy=False)


def _column(field: pa.Field, values: pa.ChunkedArray) -> Column:
    data, missing = _vectors(values) if is_vector(field.type) else _scalars(values)
    unit, odd = _unit((field.metadata or {}).get(b"unit", b"").decode())
    given: dict[str, Any] = {
        "name": field.name,
        "unit": unit,
        "description": _description(field, odd),
        "meta": {"ucd": UCDS[field.name]} if field.name in UCDS else {},
    }
    if not missing.any():
        return Column(data, **given)
    mask = missing if data.ndim == 1 else np.broadcast_to(missing[:, None], data.shape)
    return MaskedColumn(data, mask=mask, fill_value=_outside(data), **given)


def _scalars(values: pa.ChunkedArray) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    missing = values.is_null().to_numpy()
    kind = values.type
    if pa.types.is_string(kind):
        filled = ["" if v is None else v for v in values.to_pylist()]
        return np.array(filled, dtype=np.str_), missing
    blank = pa.scalar(False if pa.types.is_boolean(kind) else 0, kind)
    return pc.fill_null(values, blank).to_numpy(), missing


def _vectors(values: pa.ChunkedArray) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    missing = values.is_null().to_numpy()
    kind = values.type
    data = np.zeros((len(values), kind.list_size), kind.value_type.to_pandas_dtype())
    present = values.drop_null().combine_chunks().flatten()
    if data.dtype == np.float16:
        data = data.astype(np.float32)
    data[~missing] = present.to_numpy(zero_copy_only=False).reshape(-1, kind.list_size)
    return data, missing


def _outside(data: np.ndarray[Any, Any]) -> object:
    """Choose what stands for a missing value in files: a number that the column does not hold."""
    if data.dtype.kind not in "iu":
        return None
    limits = np.iinfo(data.dtype)
    candidates = (
        (limits.min, limits.max) if data.dtype.kind == "i" else (limits.max, limits.max - 1)
    )
    return next((c for c in candidates if not (data == c).any()), None)


def _unit(text: str) -> tuple[Unit | None, str]:
    """Give the unit; or none, and its text, where the standards do not know it."""
    if not text:
        return None, ""
    unit = Unit(text, parse_strict="silent")
    if isinstance(unit, UnrecognizedUnit):
        return None, text
    try:
        unit.to_string("fits", deprecations="silent")
        unit.to_string("vounit", deprecations="silent")
    except ValueError:
        return None, text
    return unit, ""


def _description(field: pa.Field, unit: str) -> str:
    text = (field.metadata or {}).get(b"description", b"").decode()
    text = text or DESCRIPTIONS.get(field.name, "")
    made = provenance_of(field)
    parts = [text, f"unit: {unit}" if unit else "", f"made by: {made}" if made else ""]
    return "; ".join(part for part in parts if part)


@contextmanager
def deprecated_units() -> Iterator[None]:
    """Let units pass that the standards discourage and astronomers use, such as erg."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The unit .* has been deprecated", UnitsWarning)
        yield
