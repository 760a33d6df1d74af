"""What is known of an archive's columns and versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.provenance import Provenance, provenance_of

__all__ = ["Column", "Version", "column_of", "without_nan"]


@dataclass(frozen=True)
class Column:
    """A column, its type, and how it came to be."""

    name: str
    type: pa.DataType
    provenance: Provenance | None
    description: str
    unit: str


@dataclass(frozen=True)
class Version:
    """A state of the archive that can be opened again."""

    number: int
    time: datetime


def column_of(field: pa.Field) -> Column:
    """Read what a field says of its column."""
    metadata = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    return Column(
        name=field.name,
        type=field.type,
        provenance=provenance_of(field),
        description=metadata.get("description", ""),
        unit=metadata.get("unit", ""),
    )


def without_nan(table: pa.Table) -> pa.Table:
    """Put null for NaN, so that a filter never takes what was not measured for a number."""
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table[i]
            nan = pc.fill_null(pc.is_nan(column), fill_value=False)
            if pc.any(nan).as_py():
                nothing = pa.scalar(None, field.type)
                table = table.set_column(i, field, pc.if_else(nan, nothing, column))
    return table
