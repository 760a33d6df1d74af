"""Object ids, as tables give them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from skylore.errors import DuplicateIdError, SourceError
from skylore.sources.catalogue import catalogue_type, convert

__all__ = ["as_ids", "check_unique", "join_ids"]

_STRING_LIMIT = 2**31 - 1


def as_ids(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Turn a column into ids: whole numbers into int64, text as it is.

    Raises
    ------
    SourceError
        If ids are missing or empty, numbers do not fit int64, or are neither whole nor text.
    """
    kind = catalogue_type(column.type)
    if not isinstance(kind, pa.DataType) or not (pa.types.is_integer(kind) or kind == pa.string()):
        raise SourceError(
            f'Column "{name}" has type {column.type}; ids are whole numbers or text. '
            "Cast it, or choose another column with --id, or id_column=."
        )
    column = convert(column, kind, name)
    missing = column.null_count
    if kind == pa.string():
        missing += pc.sum(pc.equal(column, "")).as_py() or 0
    if missing:
        raise SourceError(
            f'Column "{name}" has {missing:,} rows without an id; give each object an id first.'
        )
    if kind == pa.uint64() and len(column) and pc.max(column).as_py() >= 2**63:
        raise SourceError(
            f'Column "{name}" has unsigned ids above {2**63 - 1}, the largest int64; '
            "cast it to text first."
        )
    return column if kind == pa.string() else column.cast(pa.int64())


def join_ids(ids: pa.ChunkedArray) -> pa.Array:
    """Join ids into one array: int64 or string, large_string where the text exceeds 2 GiB."""
    if ids.type == pa.string() and ids.nbytes > _STRING_LIMIT:
        ids = ids.cast(pa.large_string())
    return pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], ids.type)


def check_unique(ids: pa.ChunkedArray, origin: str) -> None:
    """Raise DuplicateIdError, with the first ten and their number, unless ids are unique."""
    counts = pc.value_counts(ids)
    repeated = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1))
    if len(repeated):
        first = ", ".join(
            str(value) for value in pc.struct_field(repeated, "values")[:10].to_pylist()
        )
        raise DuplicateIdError(
            f"{origin} has {len(repeated):,} ids in more than one row: {first}"
            f"{', …' if len(repeated) > 10 else ''}. Keep one row an object."
        )
