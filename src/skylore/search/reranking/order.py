"""The order of an answer after it was judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["final_order"]


def final_order(certainties: ArrayLike) -> NDArray[np.intp]:
    """Order candidates by certainty, and where that is equal by similarity, then id.

    Candidates without certainty, because the judge failed or never came to them, follow the judged
    ones and stay in order of similarity among themselves: nothing was found against them, so no
    number is made up to put them anywhere else.

    Parameters
    ----------
    certainties
        Mean certainties ``(N,)`` of candidates that stand in order of similarity, ties by id; NaN
        for none.

    Returns
    -------
    (N,) array
        Indices of the candidates, best first.
    """
    values = np.asarray(certainties, dtype=np.float64)
    missing = np.isnan(values)
    return np.lexsort((np.arange(len(values)), np.where(missing, 0.0, -values), missing))
