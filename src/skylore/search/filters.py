"""The filters of a query as one SQL predicate."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pyarrow as pa

from skylore.archive.schema import PIXEL, POSITION
from skylore.archive.sky import cone_ranges
from skylore.search.predicate import compile_predicate, quote_name
from skylore.search.query import Cone, Query, Range

__all__ = ["predicate_for"]


def predicate_for(query: Query, schema: pa.Schema) -> str | None:
    """Join cones, ranges and ``where`` into a predicate; None if there are no filters.

    Raises
    ------
    FilterError
        ``where`` cannot be read, or a column does not exist.
    """
    whole = [field.name for field in schema if pa.types.is_integer(field.type)]
    parts = [_any(_cone(cone) for cone in query.cones)] if query.cones else []
    given = [_range(r) for r in query.ranges] + ([query.where] if query.where is not None else [])
    parts += [compile_predicate(text, schema.names, whole) for text in given]
    return " AND ".join(f"({part})" for part in parts) or None


def _any(parts: Iterable[str]) -> str:
    return " OR ".join(f"({part})" for part in parts)


def _cone(cone: Cone) -> str:
    """Whole cells first, which an index answers, then the separation by the haversine formula."""
    cells = _any(
        f"{PIXEL} >= {first} AND {PIXEL} <= {last}"
        for first, last in cone_ranges(cone.ra, cone.dec, cone.radius)
    )
    ra, dec = POSITION
    haversine = (
        f"power(sin(radians({dec} - {cone.dec!r}) / 2), 2)"
        f" + cos(radians({dec})) * {math.cos(math.radians(cone.dec))!r}"
        f" * power(sin(radians({ra} - {cone.ra!r}) / 2), 2)"
    )
    return f"({cells}) AND {haversine} <= {math.sin(math.radians(cone.radius) / 2) ** 2!r}"


def _range(bounds: Range) -> str:
    name = quote_name(bounds.column)
    parts = [f"{name} >= {bounds.minimum!r}"] if bounds.minimum is not None else []
    parts += [f"{name} <= {bounds.maximum!r}"] if bounds.maximum is not None else []
    return " AND ".join(parts)
