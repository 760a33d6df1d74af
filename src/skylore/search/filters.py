"""The filters of a query as one SQL predicate."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from skylore.search.predicate import compile_for, quote_name
from skylore.search.query import Box, Cone, Moc, Polygon, Query, Range
from skylore.search.regions.predicate import region_sql

__all__ = ["predicate_for"]


def predicate_for(query: Query, schema: pa.Schema) -> str | None:
    """Join regions, ranges and ``where`` into a predicate; None if there are no filters.

    Regions of one kind are alternatives; several kinds, like ranges and ``where``, narrow each
    other.

    Raises
    ------
    FilterError
        ``where`` cannot be read, or a column does not exist.
    """
    kinds: list[Sequence[Cone | Box | Polygon | Moc]] = [
        query.cones,
        query.boxes,
        query.polygons,
        query.mocs,
    ]
    parts = [" OR ".join(f"({region_sql(r)})" for r in regions) for regions in kinds if regions]
    given = [_range(r) for r in query.ranges] + ([query.where] if query.where is not None else [])
    parts += [compile_for(schema, text) for text in given]
    return " AND ".join(f"({part})" for part in parts) or None


def _range(bounds: Range) -> str:
    name = quote_name(bounds.column)
    parts = [f"{name} >= {bounds.minimum!r}"] if bounds.minimum is not None else []
    parts += [f"{name} <= {bounds.maximum!r}"] if bounds.maximum is not None else []
    return " AND ".join(parts)
