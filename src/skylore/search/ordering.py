"""Listings in the order of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.archive.schema import ID
from skylore.errors import ColumnError, QueryError
from skylore.search.predicate import quote_name
from skylore.search.sort import Sort

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["by_column"]


def by_column(archive: Archive, sort: Sort, count: int, where: str | None) -> pa.Table:
    """List objects by a column, ties by id, without scores: ``id``, ``_rowid``, ``score``.

    The engine keeps the first ``count`` while it reads, so that memory does not grow with the
    archive. Null and NaN come last, whichever way.

    Raises
    ------
    ColumnError
        There is no such column, or its values have no order.
    """
    kind = _orderable(archive, sort.column)
    name = quote_name(sort.column)
    floating = pa.types.is_floating(kind)
    there = f"{name} IS NOT NULL" + (f" AND NOT isnan({name})" if floating else "")
    gone = f"{name} IS NULL" + (f" OR isnan({name})" if floating else "")
    found = _first(archive, sort, count, _and(where, there))
    if found.num_rows < count:
        rest = _first(archive, None, count - found.num_rows, _and(where, gone))
        found = pa.concat_tables([found, rest])
    return found.append_column("score", pa.nulls(found.num_rows, pa.float32()))


def _first(archive: Archive, sort: Sort | None, count: int, where: str) -> pa.Table:
    from lance.dataset import ColumnOrdering

    order = [ColumnOrdering(ID, ascending=True)]
    if sort is not None and sort.column != ID:
        order.insert(0, ColumnOrdering(sort.column, ascending=not sort.descending))
    elif sort is not None:
        order = [ColumnOrdering(ID, ascending=not sort.descending)]
    table: pa.Table = archive.objects.to_table(
        columns=[ID], filter=where, order_by=order, limit=count, with_row_id=True
    )
    return table


def _orderable(archive: Archive, name: str) -> pa.DataType:
    try:
        archive.require([name])
    except ColumnError as error:
        raise QueryError(f"cannot sort: {error}") from error
    kind = archive.schema.field(name).type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise QueryError(f"cannot sort by {name!r}: values of {kind} have no order")
    return kind


def _and(*parts: str | None) -> str:
    return " AND ".join(f"({part})" for part in parts if part)
