"""Replacing what changed in objects that an archive has, and emptying what was made from it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.columns import without_nan
from skylore.archive.provenance import provenance_of
from skylore.archive.schema import ID, PIXEL, POSITION
from skylore.archive.settling import settle
from skylore.archive.sky import cells_of
from skylore.archive.staging import Staging

if TYPE_CHECKING:
    from skylore.archive.writing import Writing

__all__ = ["UpdateReport", "update"]

INGEST = "ingest"
WHENCE = frozenset({ID, "source", "source_item"})
"""Columns that say where an object came from: another value alone is no change of the object."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class UpdateReport:
    """What an update did.

    Attributes
    ----------
    updated, unchanged, unknown
        Objects that were replaced, that were the same already, and that the archive lacks.
    emptied
        Columns of steps, with the number of values to be made again.
    """

    updated: int
    unchanged: int
    unknown: int
    emptied: dict[str, int]


def update(archive: Writing, objects: pa.Table) -> UpdateReport:
    """Replace what changed, in one commit; see :meth:`Archive.update`."""
    with ExitStack() as held:
        archive.refresh()
        # A step at work would write what it made of the old values beside the new ones.
        for step in sorted({made for made, _ in _derived(archive.schema).values()}):
            held.enter_context(archive.lock(step))
            settle(archive, step, Staging(archive.location, step))
        old = archive.objects.to_table(filter=pc.field(ID).isin(objects[ID].combine_chunks()))
        new = _in_order_of(old, _complete(archive, objects))
        changed = {name: _differs(old[name], new[name]) for name in new.column_names}
        touched = _any(changed, frozenset(changed) - WHENCE, old.num_rows)
        rows, emptied = _replaced(old, new, changed, touched)
        if rows.num_rows:
            archive.quarantine.forget(rows[ID].combine_chunks())
            archive.replace(rows)
    return UpdateReport(
        updated=rows.num_rows,
        unchanged=old.num_rows - rows.num_rows,
        unknown=objects.num_rows - old.num_rows,
        emptied=emptied,
    )


def _complete(archive: Writing, objects: pa.Table) -> pa.Table:
    """Give positions their cells, and columns the types that they have in the archive."""
    if set(POSITION) <= set(objects.column_names) and PIXEL not in objects.column_names:
        objects = objects.append_column(PIXEL, cells_of(objects))
    archive.require(objects.column_names)
    schema = pa.schema([archive.schema.field(name) for name in objects.column_names])
    return without_nan(objects.cast(schema))


def _in_order_of(old: pa.Table, objects: pa.Table) -> pa.Table:
    places = pc.index_in(old[ID], value_set=objects[ID].combine_chunks())
    return objects.take(places)


def _differs(old: pa.ChunkedArray, new: pa.ChunkedArray) -> Flags:
    """Say where two columns differ; null equals null."""
    if pa.types.is_nested(old.type):
        pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
        return np.fromiter((a != b for a, b in pairs), np.bool_, len(old))
    unlike = pc.fill_null(pc.not_equal(old, new), pc.not_equal(old.is_null(), new.is_null()))
    flags: Flags = unlike.to_numpy().astype(np.bool_)
    return flags


def _any(changed: dict[str, Flags], names: frozenset[str], rows: int) -> Flags:
    flags = np.zeros(rows, np.bool_)
    for name in names & changed.keys():
        flags |= changed[name]
    return flags


def _replaced(
    old: pa.Table, new: pa.Table, changed: dict[str, Flags], touched: Flags
) -> tuple[pa.Table, dict[str, int]]:
    """Give the rows to be written, and how many values of which columns are emptied."""
    rows, emptied = old, {}
    for name in new.column_names:
        rows = rows.set_column(rows.column_names.index(name), old.schema.field(name), new[name])
    for name, sources in _origins(old.schema).items():
        if name in changed:
            continue
        stale = _any(changed, sources - WHENCE, old.num_rows)
        lost = int((stale & old[name].is_valid().to_numpy()).sum())
        if lost:
            emptied[name] = lost
            rows = rows.set_column(
                rows.column_names.index(name), old.schema.field(name), _without(old[name], stale)
            )
    return rows.filter(pa.array(touched)), emptied


def _without(column: pa.ChunkedArray, stale: Flags) -> pa.ChunkedArray:
    kept = np.arange(len(column))
    return column.take(pa.array(kept, mask=stale))


def _derived(schema: pa.Schema) -> dict[str, tuple[str, tuple[str, ...] | None]]:
    """Give each column that a step made, with the step and the columns it read."""
    made = {field.name: provenance_of(field) for field in schema}
    return {n: (p.step, p.reads) for n, p in made.items() if p is not None and p.step != INGEST}


def _origins(schema: pa.Schema) -> dict[str, frozenset[str]]:
    """Give each column of a step with all columns, however far back, that it was made from.

    Where that is not known, as in archives that did not record it, it is all of them.
    """
    derived = _derived(schema)
    everything = frozenset(schema.names)
    found = {
        n: everything if reads is None else frozenset(reads) for n, (_, reads) in derived.items()
    }
    for _ in derived:
        found = {
            name: sources.union(*(found[s] for s in sources if s in found))
            for name, sources in found.items()
        }
    return found
