"""The rows of an archive in the order of the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.archive.schema import PIXEL
from skylore.archive.staging import ROW

if TYPE_CHECKING:
    from skylore.archive.reading import Reading

__all__ = ["LAST", "sky_order"]

LAST = np.iinfo(np.int64).max
"""The place of rows without a position: after all others."""


def sky_order(archive: Reading) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Give the order-29 cells of all rows, ascending, and their row ids.

    Takes 32 bytes a row while it sorts, and 16 afterwards. Rows of one cell stay in the order that
    they have.
    """
    rows = len(archive)
    cells, ids = np.empty(rows, np.int64), np.empty(rows, np.uint64)
    done = 0
    scanner = archive.objects.scanner(columns=[PIXEL], with_row_id=True, scan_in_order=True)
    for batch in scanner.to_batches():
        end = done + batch.num_rows
        cells[done:end] = batch.column(PIXEL).fill_null(LAST).to_numpy()
        ids[done:end] = batch.column(ROW).to_numpy()
        done = end
    order = np.argsort(cells[:done], kind="stable")
    return cells[:done][order], ids[:done][order]
