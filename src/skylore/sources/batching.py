"""Cutting a source into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import SourceError

__all__ = ["check_wanted", "chunk_wanted", "regroup"]


def check_wanted(wanted: NDArray[np.bool_], total: int, rows: int) -> None:
    """Check the flags ``(N,)`` and the number given to :meth:`skylore.sources.base.Source.batches`.

    Raises
    ------
    SourceError
        If there is not one flag an id: the source has changed since its ids were read.
    ValueError
        If ``rows`` is not positive.
    """
    if rows < 1:
        raise ValueError(f"A batch needs at least one row, not {rows}.")
    if wanted.shape != (total,) or wanted.dtype != np.bool_:
        raise SourceError(
            f"The source has {total:,} objects, but {wanted.size:,} flags of type {wanted.dtype} "
            "came with the request; read its ids again."
        )


def chunk_wanted(wanted: NDArray[np.bool_], total: int, rows: int) -> Iterator[NDArray[np.int64]]:
    """Yield the positions where ``(N,)`` flags are set, at most ``rows`` of them at a time."""
    check_wanted(wanted, total, rows)
    positions = np.flatnonzero(wanted).astype(np.int64)
    for first in range(0, len(positions), rows):
        yield positions[first : first + rows]


def regroup(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Join small tables and cut large ones, so that all but the last have ``rows`` rows."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        start = 0
        while count + table.num_rows - start >= rows:
            piece = table.slice(start, rows - count)
            yield pa.concat_tables([*held, piece])
            held, start, count = [], start + piece.num_rows, 0
        if start < table.num_rows:
            held.append(table.slice(start))
            count += table.num_rows - start
    if held:
        yield pa.concat_tables(held)
