"""Nested Arrow columns as flat ones, for formats that hold numbers and texts only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["flatten", "is_vector"]

SEPARATOR = "; "
PLAIN = (
    *(pa.bool_(), pa.string(), pa.float32(), pa.float64()),
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
)


def flatten(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Flatten the columns of a table; names, order and field metadata stay.

    Lists of texts are joined by ``"; "``; vectors of one length stay as they are; structs and
    other lists become JSON; times become ISO 8601; decimals become float64.

    Returns
    -------
    (pyarrow.Table, list of str)
        The flat table, and the names of the columns left out: those of bytes, such as images.
    """
    left_out = [f.name for f in table.schema if _is_bytes(f.type)]
    flat = table.drop_columns(left_out)
    for i, field in enumerate(flat.schema):
        change = _change(field.type)
        if change is not None:
            values = change(flat[i])
            flat = flat.set_column(i, field.with_type(values.type), values)
    return flat, left_out


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    )


def _change(kind: pa.DataType) -> Callable[[pa.ChunkedArray], Any] | None:
    """Choose how a type is made flat; None leaves it."""
    types = pa.types
    if is_vector(kind) or kind in PLAIN:
        return None
    if types.is_nested(kind):
        return _to_text
    if types.is_temporal(kind):
        return lambda values: _texts(values, lambda value: value.isoformat())
    narrow = pa.float32() if types.is_float16(kind) else pa.string()
    target = pa.float64() if types.is_decimal(kind) else narrow
    return lambda values: pc.cast(values, target)


def is_vector(kind: pa.DataType) -> bool:
    """Whether values are vectors of one length."""
    types = pa.types
    return bool(
        types.is_fixed_size_list(kind)
        and (types.is_integer(kind.value_type) or types.is_floating(kind.value_type))
    )


def _to_text(values: pa.ChunkedArray) -> pa.Array:
    kind = values.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if is_list and pa.types.is_string(kind.value_type):
        return _texts(values, lambda items: SEPARATOR.join(i for i in items if i is not None))
    return _texts(values, lambda value: json.dumps(value, default=str, ensure_ascii=False))


def _texts(values: pa.ChunkedArray, write: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if v is None else write(v) for v in values.to_pylist()], pa.string())
