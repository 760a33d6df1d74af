"""What stands for "no value" in a column, and which values are repeated so often as to be atoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SENTINELS", "find_atoms", "find_sentinels"]

Floats = NDArray[np.float64]

SENTINELS = (
    *(-666.0, -99.0, -99.9, -99.99, -999.0, -999.9, -999.99, -9999.0, -99999.0, -9999.99),
    *(99.0, 99.9, 99.99, 99.999, 999.0, 999.9, 999.99, 9999.0, 99999.0, -99.999, -999.999),
    *(1e20, -1e20, 1e30, -1e30, -1e38, -32768.0, -2147483648.0, -8888.0, -888.0),
    *(32767.0, 65535.0, 2147483647.0, 4294967295.0),
)
_APART, _ALONE = 2.0, 5.0
_SPIKE, _EXCESS = 0.02, 5.0
_CAP, _CAP_ROWS, _CAP_EXCESS = 0.001, 10, 8.0
_NEIGHBOURS = 6


def find_sentinels(x: Floats) -> tuple[float, ...]:
    """Find numbers that surveys write for "no value" and that lie far from all other values.

    A known number counts where the gap to the nearest value that is none is more than twice the
    range of the central 99 %, five times if it is positive and occurs once, or where it is
    negative, repeated, and nothing else is negative.

    Parameters
    ----------
    x : ndarray, shape (N,)
        Finite values.
    """
    known = np.isin(x, SENTINELS)
    if not known.any() or known.all():
        return ()
    others = x[~known]
    low, high = np.quantile(others, [0.005, 0.995])
    width = max(high - low, 1e-300)
    found = []
    for value in np.unique(x[known]):
        gap = float(np.abs(others - value).min())
        repeated = int((x == value).sum()) > 1
        lone = value < 0 and repeated and others.min() >= 0
        apart = gap > (_APART if value < 0 or repeated else _ALONE) * width
        if apart or lone:
            found.append(float(value))
    return tuple(found)


def find_atoms(x: Floats, limit: int = 8) -> tuple[float, ...]:
    """Find values that have a probability of their own: caps, spikes, fill values.

    A spike holds at least 2 % of the rows, and five times as many as the mean of the six nearest
    distinct values; a cap is the smallest or largest value, with at least ten rows, 0.1 % of them,
    and eight times as many.

    Parameters
    ----------
    x : ndarray, shape (N,)
        Finite values.
    limit : int
        The commonest so many at most.
    """
    distinct, counts = np.unique(x, return_counts=True)
    if len(distinct) <= 2:
        return ()
    found: dict[float, int] = {}
    ends = {0, len(distinct) - 1}
    for i in np.flatnonzero(counts >= min(_SPIKE * len(x), max(_CAP_ROWS, _CAP * len(x)))):
        around = _around(counts, int(i))
        spike = counts[i] >= _SPIKE * len(x) and counts[i] >= _EXCESS * around
        spike = spike and counts[i] >= _CAP_ROWS
        cap = int(i) in ends and counts[i] >= max(_CAP_ROWS, _CAP * len(x))
        if spike or (cap and counts[i] >= _CAP_EXCESS * around):
            found[float(distinct[i])] = int(counts[i])
    commonest = sorted(found, key=lambda value: -found[value])[:limit]
    return tuple(sorted(commonest))


def _around(counts: NDArray[np.int64], i: int) -> float:
    """Average the counts of the nearest distinct values."""
    start = max(0, min(i - _NEIGHBOURS // 2, len(counts) - _NEIGHBOURS - 1))
    near = np.delete(counts[start : start + _NEIGHBOURS + 1], i - start)
    return float(near.mean())
