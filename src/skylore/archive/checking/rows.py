"""Whether every file can be read, and every object is there once, under its id, in its cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.checking.finding import Finding, Scope, Tally, in_words, listed, problem
from skylore.archive.checking.reading import attempted, batches
from skylore.archive.hashing import hashed_ids
from skylore.archive.reading import OBJECTS
from skylore.archive.schema import ID, PIXEL, POSITION
from skylore.archive.sky import cells_of

if TYPE_CHECKING:
    import lance

__all__ = ["CHECKS", "files", "ids", "positions"]

RESTORE = (
    "restore it from a copy, or open an earlier version with Archive.open(…, version=N) and export"
)
DEEP_ROWS = 1024


def files(scope: Scope) -> Iterator[Finding]:
    """Read each file: whole if deep, else its first, middle and last row."""
    for fragment in scope.archive.objects.get_fragments():
        missing = _missing(scope, fragment)
        if missing:
            yield problem(files, f"{missing}; {RESTORE}")
            continue
        rows = attempted(partial(_readable_rows, fragment, deep=scope.deep))
        if isinstance(rows, BaseException):
            reason = in_words(rows)
            yield problem(
                files, f"file {fragment.fragment_id} cannot be read ({reason}); {RESTORE}"
            )
        elif rows != fragment.count_rows():
            yield problem(
                files,
                f"file {fragment.fragment_id} has {rows} rows, not {fragment.count_rows()}; "
                + RESTORE,
            )


def _missing(scope: Scope, fragment: lance.LanceFragment) -> str:
    if not scope.archive.location.is_local:
        return ""
    folder = Path(scope.archive.location.table(OBJECTS)) / "data"
    for file in fragment.metadata.files:
        path = folder / file.path
        if not path.exists():
            return f"{path.name} is missing"
        size = path.stat().st_size
        if file.file_size_bytes not in (None, 0, size):
            return f"{path.name} has {size} bytes, not {file.file_size_bytes}"
    return ""


def _readable_rows(fragment: lance.LanceFragment, *, deep: bool) -> int:
    if deep:
        return sum(b.num_rows for b in fragment.to_batches(batch_size=DEEP_ROWS))
    rows = int(fragment.count_rows())
    fragment.take(sorted({0, rows // 2, rows - 1}) if rows else [])
    return rows


def ids(scope: Scope) -> Iterator[Finding]:
    """Compare the number of different ids with that of rows; 8 bytes of memory a row."""
    hashes, nulls = [], 0
    for batch in batches(scope, [ID]):
        known = batch[ID].drop_null().combine_chunks()
        nulls += batch.num_rows - len(known)
        hashes.append(hashed_ids(known))
    if nulls:
        yield problem(
            ids, f"{nulls} objects have no id; remove them: skylore delete --where 'id IS NULL'"
        )
    numbers = np.sort(np.concatenate(hashes)) if hashes else np.empty(0, np.uint64)
    if len(numbers) + nulls != len(scope.archive):
        found = len(numbers) + nulls
        yield problem(ids, f"{found} ids for {len(scope.archive)} objects; {RESTORE}")
    repeated = np.unique(numbers[1:][numbers[1:] == numbers[:-1]])
    twice = _twice(scope, repeated) if len(repeated) else []
    if twice:
        yield problem(
            ids,
            f"{len(twice)} ids occur more than once ({listed(twice)}); delete those ids and "
            "ingest their source again",
        )


def _twice(scope: Scope, repeated: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> list[object]:
    """Compare the ids themselves where their numbers are equal."""
    counts: Counter[object] = Counter()
    for batch in batches(scope, [ID]):
        known = batch[ID].drop_null().combine_chunks()
        suspect = pa.array(np.isin(hashed_ids(known), repeated))
        counts.update(known.filter(suspect).to_pylist())
    return [name for name, count in counts.items() if count > 1]


def positions(scope: Scope) -> Iterator[Finding]:
    """Work out the cell of each position anew."""
    off, elsewhere = Tally(), Tally()
    for batch in batches(scope, [ID, *POSITION, PIXEL]):
        ra, dec = (batch[name] for name in POSITION)
        lost = pc.or_(pc.greater(pc.abs(dec), 90.0), pc.greater(pc.abs(ra), 360.0))
        lost = pc.fill_null(lost, fill_value=False)
        off.add(batch[ID].filter(lost).to_pylist())
        on = batch.filter(pc.invert(lost))
        cells, kept = cells_of(on), on[PIXEL].combine_chunks()
        same = pc.fill_null(pc.equal(cells, kept), fill_value=False)
        same = pc.or_(same, pc.and_(cells.is_null(), kept.is_null()))
        elsewhere.add(on[ID].filter(pc.invert(same)).to_pylist())
    if off.count:
        yield problem(positions, f"{off} lie off the sphere; mend them at their source")
    if elsewhere.count:
        yield problem(
            positions,
            f"{elsewhere} lie in another cell than their position; run skylore ingest --update "
            "on their source",
        )


CHECKS = (files, ids, positions)
