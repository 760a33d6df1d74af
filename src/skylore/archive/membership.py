"""Which of many ids an archive has, in little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.hashing import AT_ONCE, hashed_in_parts
from skylore.archive.schema import ID

if TYPE_CHECKING:
    from skylore.archive.reading import Reading

__all__ = ["known_ids"]

FEW = 1000
"""Rows of the archive for each id below which its ids are read whole, not looked up."""

Places = NDArray[np.int64]


def known_ids(
    archive: Reading, ids: pa.Array, columns: Sequence[str] = ()
) -> Iterator[tuple[Places, pa.Table]]:
    """Find the objects that have one of these ids, a batch at a time.

    A few ids are looked up in the index of ids, if there is one; else the archive's ids are read
    past the list, which takes 16 bytes of memory an id of the list and none a row of the archive.

    Parameters
    ----------
    archive
        Where to look.
    ids
        Of the archive's type of id, without nulls. Of equal ones the first is found.
    columns
        What to read of the objects found, besides ``id``.

    Yields
    ------
    (ndarray, pyarrow.Table)
        Places in ``ids``, and the objects there.
    """
    if len(ids) == 0 or len(archive) == 0:
        return
    wanted = [ID, *columns]
    few = len(ids) * FEW < len(archive) and _has_index(archive)
    hashes = hashed_in_parts(ids)
    order = np.argsort(hashes, kind="stable")
    ranked = hashes[order]
    for batch in _looked_up(archive, ids, wanted) if few else _scanned(archive, wanted):
        names = batch[ID].combine_chunks()
        given = hashed_in_parts(names)
        rank = np.minimum(np.searchsorted(ranked, given), len(ranked) - 1)
        hits = np.flatnonzero(ranked[rank] == given)
        if len(hits):
            places = order[rank[hits]]
            yield _verified(ids, places, batch.take(pa.array(hits)))


def _verified(ids: pa.Array, places: Places, found: pa.Table) -> tuple[Places, pa.Table]:
    """Compare the ids themselves; different ones with equal numbers are looked for one by one."""
    names = found[ID].combine_chunks()
    same = pc.equal(ids.take(pa.array(places)), names)
    if pc.all(same).as_py():
        return places, found
    exact = pc.index_in(names, value_set=ids)
    known = exact.is_valid()
    return exact.drop_null().to_numpy().astype(np.int64), found.filter(known)


def _has_index(archive: Reading) -> bool:
    return any(index.field_names == [ID] for index in archive.objects.describe_indices())


def _scanned(archive: Reading, columns: list[str]) -> Iterator[pa.Table]:
    for batch in archive.objects.scanner(columns=columns, batch_size=AT_ONCE).to_batches():
        yield pa.Table.from_batches([batch])


def _looked_up(archive: Reading, ids: pa.Array, columns: list[str]) -> Iterator[pa.Table]:
    for start in range(0, len(ids), FEW):
        chosen = pc.field(ID).isin(ids.slice(start, FEW))
        yield archive.objects.to_table(columns=columns, filter=chosen)
