"""Rows of an archive that lie near positions of a list, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import PIXEL, POSITION
from skylore.archive.sky import ORDER, healpix_29
from skylore.archive.staging import ROW
from skylore.search.masks.service import rows_matching
from skylore.search.regions.polygon import directions
from skylore.search.regions.predicate import cells_sql

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["CHUNK", "candidates", "cells_near"]

CHUNK = 500_000
"""Rows of the archive at a time."""

_FINEST = 10
"""Its 12.6 million cells are one byte each."""
_MOST_CELLS = 50_000
"""Neighbours of more take longer to find than they save."""
_MOST_RANGES = 500
"""Lists that touch more of the sky are matched by reading all positions of the archive."""

Chunk = tuple[NDArray[np.uint64], NDArray[np.float64]]


def cells_near(
    ra: NDArray[np.float64], dec: NDArray[np.float64], radius: float
) -> tuple[int, NDArray[np.int64]]:
    """Give an order, and its cells that hold all that lies within a radius of positions.

    A cell with its neighbours does, where cells are eight times as wide as the radius.

    Parameters
    ----------
    ra, dec
        ``(N,)``, ICRS degrees.
    radius
        Degrees, at most 1.
    """
    from cdshealpix import neighbours

    order = int(np.clip(np.floor(np.log2(58.6 / (8 * radius))), 0, _FINEST))
    own = np.unique(healpix_29(ra, dec) >> 2 * (ORDER - order))
    while len(own) > _MOST_CELLS:
        order, own = order - 1, np.unique(own >> 2)
    near = np.unique(np.asarray(neighbours(own.astype(np.uint64), order)).astype(np.int64))
    return order, near[near >= 0]


def candidates(
    archive: Archive, ra: NDArray[np.float64], dec: NDArray[np.float64], radius: float
) -> Iterator[Chunk]:
    """Give row ids ``(R,)`` and unit vectors ``(R, 3)`` of the rows that may lie near a position.

    Parameters
    ----------
    archive
        Whose rows.
    ra, dec
        ``(N,)``, ICRS degrees.
    radius
        Degrees, at most 1.
    """
    order, cells = cells_near(ra, dec, radius)
    starts = np.flatnonzero(np.diff(cells, prepend=-2) > 1)
    if len(starts) <= _MOST_RANGES:
        shift = 2 * (ORDER - order)
        first, last = cells[starts], cells[np.append(starts[1:], len(cells)) - 1]
        ranges = zip((first << shift).tolist(), (((last + 1) << shift) - 1).tolist(), strict=True)
        yield from _by_cells(archive, list(ranges))
    else:
        yield from _by_scan(archive, order, cells)


def _by_cells(archive: Archive, ranges: list[tuple[int, int]]) -> Iterator[Chunk]:
    rows = rows_matching(archive, cells_sql(ranges))
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        yield _chunk(archive.take(pa.array(part), POSITION))


def _by_scan(archive: Archive, order: int, cells: NDArray[np.int64]) -> Iterator[Chunk]:
    occupied = np.zeros(12 * 4**order, bool)
    occupied[cells] = True
    kept: list[pa.RecordBatch] = []
    count = 0
    scanner = archive.objects.scanner(columns=[PIXEL, *POSITION], with_row_id=True)
    for batch in scanner.to_batches():
        cell = batch.column(PIXEL)
        known = cell.is_valid().to_numpy(zero_copy_only=False)
        near = occupied[cell.fill_null(0).to_numpy() >> 2 * (ORDER - order)] & known
        kept.append(batch.filter(pa.array(near)))
        count += kept[-1].num_rows
        if count >= CHUNK:
            yield _chunk(pa.Table.from_batches(kept))
            kept, count = [], 0
    if kept:
        yield _chunk(pa.Table.from_batches(kept))


def _chunk(table: pa.Table) -> Chunk:
    ra, dec = (table[name].to_numpy() for name in POSITION)
    return table[ROW].to_numpy(), directions(ra, dec)
