"""Columns of flux, nested as the Multimodal Universe has them in Parquet.

A value is one object's image: a struct of lists, ``{band: [text], flux: [[[float]]], …}``, or a
list of structs, ``[{band: text, flux: [[float]], …}]``, which are the two ways that Hugging Face
``datasets`` writes a sequence of features. Older scripts of theirs call the flux ``array``.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = ["BAND", "flux_field", "flux_fields", "is_flux_type", "is_list_type", "narrowed"]

BAND = "band"
_FLUX = ("flux", "array")


def is_flux_type(kind: pa.DataType) -> bool:
    """Whether a column holds images as flux."""
    return flux_field(kind) is not None


def flux_fields(kind: pa.DataType) -> tuple[str, ...]:
    """Name the fields of a column of flux that drawing needs; empty for other columns."""
    flux = flux_field(kind)
    if flux is None:
        return ()
    return tuple(name for name in (BAND, flux) if name in _fields(kind))


def narrowed(kind: pa.DataType) -> pa.DataType:
    """Leave nothing in the type of a column of flux but what drawing needs."""
    kept = pa.struct([(name, _fields(kind)[name]) for name in flux_fields(kind)])
    return kept if pa.types.is_struct(_plain_type(kind)) else pa.list_(kept)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def is_list_type(kind: pa.DataType) -> bool:
    """Whether a type is any kind of list."""
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _fields(kind: pa.DataType) -> dict[str, pa.DataType]:
    """Give the fields of a struct, or of a list of structs; none for other types."""
    kind = _plain_type(kind)
    if is_list_type(kind):
        kind = _plain_type(kind.value_type)
    return {field.name: field.type for field in kind} if pa.types.is_struct(kind) else {}


def flux_field(kind: pa.DataType) -> str | None:
    """Name the field of a column that holds flux; None if there is none."""
    outside = int(is_list_type(_plain_type(kind)))
    fields = _fields(kind)
    # Spectra and light curves have such fields too, but fewer axes: bands, rows and columns.
    return next((n for n in _FLUX if n in fields and outside + _depth(fields[n]) == 3), None)


def _depth(kind: pa.DataType) -> int:
    """Count how deep lists of floating-point numbers are nested; 0 for anything else."""
    depth, kind = 0, _plain_type(kind)
    while is_list_type(kind):
        depth, kind = depth + 1, _plain_type(kind.value_type)
    return depth if pa.types.is_floating(kind) else 0
