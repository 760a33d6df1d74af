"""Whether indexes agree with the table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.checking.finding import Finding, Scope, in_words, note, problem
from skylore.archive.checking.reading import attempted
from skylore.archive.reading import OBJECTS
from skylore.archive.staging import ROW

if TYPE_CHECKING:
    from lance.indices import IndexDescription

__all__ = ["CHECKS", "indexes"]

REBUILD = "build it anew: skylore index --rebuild"
SCALAR = ("BTree", "Bitmap")
LOOKUPS = 64


def indexes(scope: Scope) -> Iterator[Finding]:
    """Check that each index covers what it says, and finds what is there."""
    for index in scope.archive.objects.describe_indices():
        column = index.field_names[0]
        checked = attempted(partial(_of, scope, index))
        if isinstance(checked, BaseException):
            reason = in_words(checked)
            yield problem(indexes, f"the index of {column} cannot be used ({reason}); {REBUILD}")
        else:
            yield from checked


def _of(scope: Scope, index: IndexDescription) -> list[Finding]:
    column, rows = index.field_names[0], len(scope.archive)
    statistics = scope.archive.objects.stats.index_stats(index.name)
    covered, rest = statistics["num_indexed_rows"], statistics["num_unindexed_rows"]
    found = []
    if covered + rest != rows:
        message = f"the index of {column} counts {covered + rest} objects of {rows}; {REBUILD}"
        found.append(problem(indexes, message))
    elif rest:
        message = f"{rest} objects are not in the index of {column} yet: skylore index"
        found.append(note(indexes, message))
    lost = _missing_files(scope, index)
    if lost:
        message = f"files of the index of {column} are missing ({lost}); {REBUILD}"
        found.append(problem(indexes, message))
    elif index.index_type in SCALAR and not _finds(scope, column):
        message = f"the index of {column} gives other objects than the column; {REBUILD}"
        found.append(problem(indexes, message))
    return found


def _missing_files(scope: Scope, index: IndexDescription) -> str:
    if not scope.archive.location.is_local:
        return ""
    folder = Path(scope.archive.location.table(OBJECTS)) / "_indices"
    names = (str(segment.uuid) for segment in index.segments)
    return ", ".join(n for n in names if not any((folder / n).glob("*")))


def _finds(scope: Scope, column: str) -> bool:
    """Look values up by the index and without it."""
    lookups = 10 * LOOKUPS if scope.deep else LOOKUPS
    objects, rows = scope.archive.objects, len(scope.archive)
    step = max(1, rows // lookups)
    values = objects.take(list(range(0, rows, step))[:lookups], columns=[column])[column]
    wanted = pc.field(column).isin(pa.chunked_array([values.drop_null().unique()]))
    found = [
        set(_rows(scope, wanted, use_index=use_index).to_pylist()) for use_index in (True, False)
    ]
    return found[0] == found[1]


def _rows(scope: Scope, wanted: pc.Expression, *, use_index: bool) -> pa.ChunkedArray:
    scanner = scope.archive.objects.scanner(
        columns=[], filter=wanted, with_row_id=True, use_scalar_index=use_index
    )
    return scanner.to_table()[ROW]


CHECKS = (indexes,)
