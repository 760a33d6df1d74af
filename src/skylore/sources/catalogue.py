"""The rules by which any table's columns become catalogue columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from skylore.archive.schema import MADE_LATER, base_schema
from skylore.errors import SourceError
from skylore.imaging.flux import flux_schema
from skylore.imaging.measurements import MEASUREMENT_SCHEMA
from skylore.near_names import hint_of

__all__ = [
    "OWNED_NAMES",
    "CatalogueColumn",
    "CataloguePlan",
    "catalogue_name",
    "catalogue_type",
    "check_columns",
    "convert",
    "list_columns",
    "plan_catalogue",
    "take_catalogue",
]

OWNED_NAMES = frozenset(
    {
        *base_schema(pa.string()).names,
        *MADE_LATER,
        *flux_schema().names,
        *(name.lower() for name in MEASUREMENT_SCHEMA.names),
    }
)
"""Names that mean something of their own in an archive, in lower case."""

_UNQUOTABLE = str.maketrans(dict.fromkeys(".\"'`\\", "_"))


@dataclass(frozen=True)
class CatalogueColumn:
    """One column to be kept: its name in the source, its name in an archive, and its type."""

    source: str
    name: str
    type: pa.DataType


@dataclass(frozen=True)
class CataloguePlan:
    """Which columns of a source become catalogue columns.

    Attributes
    ----------
    columns
        Those that do, in the order of the source.
    renamed
        New names of those that could not keep their own.
    left_out
        Those that do not, each with the reason.
    """

    columns: tuple[CatalogueColumn, ...]
    renamed: Mapping[str, str]
    left_out: Mapping[str, str]


def plan_catalogue(
    schema: pa.Schema, used: Collection[str], wanted: Sequence[str] | None = None
) -> CataloguePlan:
    """Decide what becomes of every column that has no other role.

    Parameters
    ----------
    schema
        The source's columns.
    used
        Columns that are taken as id, image, position or vector.
    wanted
        The only columns to keep; all if None.

    Raises
    ------
    SourceError
        If a wanted column does not exist.
    """
    check_columns(schema, wanted or ())
    columns: list[CatalogueColumn] = []
    renamed: dict[str, str] = {}
    left_out: dict[str, str] = {}
    taken: set[str] = set()
    candidates = [f for f in schema if f.name not in used and (wanted is None or f.name in wanted)]
    faithful = {f.name for f in candidates if catalogue_name(f.name) == f.name}
    for field in candidates:
        kept = catalogue_type(field.type)
        if not isinstance(kept, pa.DataType):
            left_out[field.name] = kept
            continue
        name = catalogue_name(field.name)
        if name != field.name:
            name = renamed[field.name] = _unused(name, taken | faithful)
        taken.add(name)
        columns.append(CatalogueColumn(field.name, name, kept))
    return CataloguePlan(tuple(columns), renamed, left_out)


def check_columns(schema: pa.Schema, names: Iterable[str]) -> None:
    """Raise SourceError unless every name is a column."""
    for name in names:
        if name not in schema.names:
            raise SourceError(f'There is no column "{name}"; {hint_of(name, schema.names)}.')


def list_columns(schema: pa.Schema, limit: int = 40) -> str:
    """List columns for a message."""
    names = ", ".join(schema.names[:limit])
    return names if len(schema.names) <= limit else f"{names} and {len(schema.names) - limit} more"


def catalogue_name(name: str) -> str:
    """Name a catalogue column so that it means nothing else, and can be written in a filter.

    Dots, quotes and control characters become ``_``; a name that an archive owns, in any case of
    letters, or that begins with ``_``, gets the prefix ``catalogue_``.
    """
    clean = "".join(c if c.isprintable() else "_" for c in name.translate(_UNQUOTABLE)).strip()
    if not clean:
        return "catalogue_column"
    if clean.lower() in OWNED_NAMES or clean.startswith("_"):
        return f"catalogue_{clean}"
    return clean


def _unused(name: str, taken: Collection[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def catalogue_type(kind: pa.DataType) -> pa.DataType | str:
    """Choose the type that a column is kept as, or say why it is not kept.

    Numbers, booleans, dates and times keep their type; text of any kind becomes ``string``,
    dictionaries their values, decimals ``float64``.
    """
    flat = _values(kind)
    types = pa.types
    if types.is_string(flat) or types.is_large_string(flat) or types.is_string_view(flat):
        return pa.string()
    if types.is_decimal(flat):
        return pa.float64()
    if types.is_primitive(flat) and not types.is_interval(flat):
        return flat
    return _why_not(flat)


def _values(kind: pa.DataType) -> pa.DataType:
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
            kind = kind.value_type
        else:
            return kind


def _why_not(kind: pa.DataType) -> str:
    if pa.types.is_null(kind):
        return "holds nothing but nulls"
    if pa.types.is_nested(kind):
        return f"nested ({kind}); lists of numbers can be taken as image vectors"
    return f"neither a number nor text ({kind})"


def take_catalogue(table: pa.Table, plan: CataloguePlan) -> dict[str, pa.ChunkedArray]:
    """Take the planned columns out of a table, under their new names and types.

    Raises
    ------
    SourceError
        If values do not fit the type: text that is not UTF-8, for one.
    """
    return {
        column.name: convert(table[column.source], column.type, column.source)
        for column in plan.columns
    }


def convert(column: pa.ChunkedArray, kind: pa.DataType, name: str) -> pa.ChunkedArray:
    """Cast a column, extension types by their storage; SourceError names it if that fails."""
    if isinstance(column.type, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        column = pa.chunked_array(chunks, column.type.storage_type)
    try:
        converted = column if column.type == kind else column.cast(kind)
        if kind == pa.string():
            converted.validate(full=True)
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())
        raise SourceError(f'Column "{name}" cannot be read as {kind}: {reason}') from error
    return converted
