"""Positions on the sky, as sources give them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.sources.catalogue import convert

__all__ = ["clean_positions", "read_positions"]


def clean_positions(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Bring positions into ``0 <= ra < 360`` and ``-90 <= dec <= 90``.

    Right ascensions from −180 to 0 are wrapped. A position with either coordinate outside its
    range, or not finite, is no position: an object keeps none rather than a wrong one.

    Parameters
    ----------
    ra, dec
        ``(N,)``, ICRS degrees.

    Returns
    -------
    ra, dec
        ``(N,)``, degrees; meaningless where not valid.
    valid
        ``(N,)``.
    """
    valid = (ra >= -180.0) & (ra <= 360.0) & (np.abs(dec) <= 90.0)
    wrapped = np.mod(np.where(valid, ra, 0.0), 360.0)
    # The remainder of a tiny negative number rounds to 360 itself.
    wrapped[wrapped >= 360.0] = 0.0
    return wrapped, np.where(valid, dec, 0.0), valid


def read_positions(
    table: pa.Table, ra_column: str, dec_column: str
) -> tuple[dict[str, pa.Array], int]:
    """Read the columns ``ra`` and ``dec`` of a table.

    Returns
    -------
    columns
        ``ra`` and ``dec`` as float64; null where the source has no position or no valid one.
    refused
        How many rows have a position that is not valid.
    """
    given = [
        convert(table[name], pa.float64(), name).combine_chunks()
        for name in (ra_column, dec_column)
    ]
    present = ~(_nulls(given[0]) | _nulls(given[1]))
    ra, dec, valid = clean_positions(*(array.fill_null(np.nan).to_numpy() for array in given))
    columns = {
        "ra": pa.array(ra, pa.float64(), mask=~valid),
        "dec": pa.array(dec, pa.float64(), mask=~valid),
    }
    return columns, int(np.count_nonzero(present & ~valid))


def _nulls(array: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)
