"""The first objects by id, without reading all ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.archive.staging import ROW
from skylore.search.row_sets import rows_passing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skylore.archive.table import Archive

__all__ = ["first_by_id"]

SAMPLE = 2048
"""Ids from which it is guessed below which one enough of them lie."""
FEW = 10_000
"""So many matching rows are read and sorted as they are."""
WIDER = 8


def first_by_id(archive: Archive, count: int, where: str | None) -> pa.Table:
    """Give the first ``count`` matching objects by id: ``id`` and ``_rowid``.

    Below an id that is guessed from a sample, matches are few, and an index of ids finds them
    without reading the others. Where the guess was too low, a higher one is tried: the answer is
    exact in any case.
    """
    if where is None:
        if len(archive) <= FEW:
            return _first(archive.objects.to_table(columns=[ID], with_row_id=True), count)
        total, sample = len(archive), _sample(archive)
    else:
        rows = rows_passing(archive, where).rows
        if len(rows) <= FEW:
            return _first(archive.take(pa.array(rows), [ID]), count)
        total, sample = len(rows), _ids_of(archive, _drawn(rows))
    for bound in _bounds(sample, count / total):
        below = f"({where}) AND ({ID} <= {_literal(bound)})" if where else (pc.field(ID) <= bound)
        found = archive.objects.to_table(columns=[ID], filter=below, with_row_id=True)
        if found.num_rows >= min(count, total):
            return _first(found, count)
    return _first(archive.objects.to_table(columns=[ID], filter=where, with_row_id=True), count)


def _first(ids: pa.Table, count: int) -> pa.Table:
    best = pc.select_k_unstable(ids, min(count, ids.num_rows), [(ID, "ascending")])
    return ids.take(best).select([ID, ROW])


def _bounds(sample: pa.Array, share: float) -> Iterator[pa.Scalar]:
    """Give ids below which the first lie: likely at first, then ever more safely."""
    place = int(np.ceil(2 * share * len(sample))) + 2
    while place < len(sample):
        yield sample[place]
        place *= WIDER


def _literal(bound: pa.Scalar) -> str:
    value = bound.as_py()
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _sample(archive: Archive) -> pa.Array:
    """Give some ids in order; those of an earlier version will do, as they are but a guess."""
    rows = len(archive)
    rng = np.random.default_rng(0)

    def draw() -> pa.Array:
        places = np.unique(rng.integers(0, rows, SAMPLE))
        return _sorted(archive.objects.take(places.tolist(), columns=[ID])[ID])

    # Anew whenever the archive has doubled.
    return archive.cached(("sample of ids", rows.bit_length()), draw)


def _drawn(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.sort(np.random.default_rng(0).choice(rows, SAMPLE))


def _ids_of(archive: Archive, rows: NDArray[np.uint64]) -> pa.Array:
    return _sorted(archive.ids_of(pa.chunked_array([pa.array(rows)])))


def _sorted(ids: pa.ChunkedArray) -> pa.Array:
    whole = ids.combine_chunks()
    return whole.take(pc.sort_indices(whole))
