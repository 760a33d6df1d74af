"""Copies of columns beside an archive, one file a column and fragment, to be memory-mapped.

They are derived and never the truth: a file is named after the data that it was copied from, so
that what was rewritten since is not found and what is stale is never read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.staging import ROW

__all__ = ["BLOCK", "Copy", "Key", "bits", "copies_of", "copy_column", "open_copy", "readable"]

BLOCK = 4096
"""Rows that share a smallest and a largest value."""

_ZONES = b"skylore:zones"


@dataclass(frozen=True)
class Key:
    """What a copy was made of."""

    fragment: int
    column: str
    rows: int
    file: str
    """Its name; empty where the column holds nothing yet."""


@dataclass(frozen=True)
class Copy:
    """A column of a fragment.

    Attributes
    ----------
    values
        ``(N,)``; anything where not known.
    known
        The validity of the values as bits; None if all are.
    zones
        ``(2, B)``: the smallest and the largest value of each block. Where there are none, the
        smallest is above the largest; NaN counts as infinity.
    """

    values: NDArray[Any]
    known: NDArray[np.uint8] | None
    zones: NDArray[Any]


def readable(kind: pa.DataType) -> bool:
    """Whether columns of a type can be copied: numbers and booleans."""
    types = pa.types
    if types.is_floating(kind):
        return not types.is_float16(kind)
    return bool(types.is_integer(kind) or types.is_boolean(kind))


def copies_of(objects: lance.LanceDataset, columns: list[str]) -> Iterator[Key]:
    """Name the copies of columns, and of the row ids, that belong to a version of the table."""
    ids = {field.name(): field.id() for field in objects.lance_schema.fields()}
    for fragment in objects.get_fragments():
        made = fragment.metadata
        over = repr(made.overlays) if made.overlays else ""
        for name in columns:
            file = next((f.path for f in made.files if ids[name] in f.fields), None)
            origin = f"{file} {over}"
            digest = "" if file is None and not over else _name(made.id, ids[name], origin)
            yield Key(made.id, name, made.physical_rows, digest)
        deleted = repr(made.deletion_file) + (_deletion_path(made) if made.deletion_file else "")
        origin = f"{made.files[0].path} {deleted}"
        yield Key(made.id, ROW, made.physical_rows, _name(made.id, -1, origin))


def _deletion_path(made: lance.fragment.FragmentMetadata) -> str:
    return str(made.deletion_file.path(made.id))


def _name(fragment: int, field: int, origin: str) -> str:
    digest = hashlib.sha256(origin.encode()).hexdigest()[:20]
    return f"{fragment}.{field}.{digest}.arrow"


def copy_column(objects: lance.LanceDataset, key: Key, folder: Path) -> int:
    """Write a copy, whole or not at all; returns its size in bytes."""
    fragment = objects.get_fragment(key.fragment)
    is_row = key.column == ROW
    table = objects.scanner(
        columns=[] if is_row else {key.column: f"`{key.column}`"},
        fragments=[fragment],
        with_row_id=True,
        include_deleted_rows=True,
        scan_in_order=True,
    ).to_table()
    column = table[key.column].combine_chunks()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if len(column) != key.rows:
        raise ValueError(f"{key.column}: {len(column)} rows of {key.rows} were read")
    zones = _zones(column)
    schema = pa.schema([pa.field("value", column.type)], metadata={_ZONES: zones.tobytes()})
    partial = folder / f"{key.file}.{os.getpid()}.part"
    try:
        with partial.open("wb") as file:
            with pa.ipc.new_file(file, schema) as writer:
                writer.write_batch(pa.record_batch([column], schema=schema))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / key.file)
    finally:
        partial.unlink(missing_ok=True)
    return (folder / key.file).stat().st_size


def _zones(column: pa.Array) -> NDArray[Any]:
    """Give the smallest and the largest value of each block."""
    values, known = _arrays(column)
    kind = values.dtype
    low, high = _limits(kind)
    starts = np.arange(0, max(len(values), 1), BLOCK)
    if not len(values):
        return np.array([[high], [low]], kind)
    present = np.ones(len(values), bool) if known is None else bits(known, 0, len(values))
    floating = kind.kind == "f"
    plain = np.where(np.isnan(values), high, values) if floating else values
    least = np.minimum.reduceat(np.where(present, plain, high), starts)
    most = np.maximum.reduceat(np.where(present, plain, low), starts)
    return np.stack([least, most]).astype(kind)


def _limits(kind: np.dtype[Any]) -> tuple[Any, Any]:
    if kind.kind == "f":
        return kind.type(-np.inf), kind.type(np.inf)
    bounds = np.iinfo(kind)
    return kind.type(bounds.min), kind.type(bounds.max)


def open_copy(folder: Path, key: Key, kind: pa.DataType) -> Copy:
    """Map a copy into memory.

    Raises
    ------
    FileNotFoundError
        It was not made yet.
    """
    if not key.file:
        return _nothing(key.rows, kind)
    with pa.memory_map(str(folder / key.file)) as mapped:
        reader = pa.ipc.open_file(mapped)
        column = reader.get_batch(0).column(0)
        zones: Any = reader.schema.metadata[_ZONES]
    values, known = _arrays(column)
    zones = np.frombuffer(zones, values.dtype).reshape(2, -1)
    return Copy(values.view(bool) if pa.types.is_boolean(kind) else values, known, zones)


def _nothing(rows: int, kind: pa.DataType) -> Copy:
    flags = pa.types.is_boolean(kind)
    column = pa.nulls(rows, pa.uint8() if flags else kind)
    values, known = _arrays(column)
    return Copy(values.view(bool) if flags else values, known, _zones(column))


def _arrays(column: pa.Array) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    """Give the values and the bits of validity, without copying."""
    if column.offset:
        column = pa.concat_arrays([column, column[:0]])
    validity, data = column.buffers()
    dtype = np.dtype(column.type.to_pandas_dtype())
    values = np.frombuffer(data or b"", dtype)[: len(column)]
    return values, np.frombuffer(validity, np.uint8) if column.null_count else None


def bits(packed: NDArray[np.uint8], start: int, end: int) -> NDArray[np.bool_]:
    """Unpack the bits from ``start`` up to ``end``."""
    first = start // 8
    bits = np.unpackbits(packed[first : -(-end // 8)], bitorder="little")
    return bits[start - 8 * first : end - 8 * first].view(bool)
