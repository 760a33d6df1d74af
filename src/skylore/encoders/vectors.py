"""What every encoder owes its callers: finite rows of unit length."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Vectors
from skylore.errors import ModelError

__all__ = ["unit_rows"]


def unit_rows(vectors: NDArray[Any], *, encoder: str) -> Vectors:
    """Scale each row to unit Euclidean length.

    Parameters
    ----------
    vectors : ndarray, shape (N, D)
        What a network gave.
    encoder : str
        The encoder's name, for the error message.

    Returns
    -------
    ndarray, shape (N, D), float32

    Raises
    ------
    ModelError
        If a row is zero, infinite or NaN: such a row has no direction, and a made-up one would
        be found by searches that it has nothing to do with.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if bad.size:
        raise ModelError(
            f"{encoder} gave no usable vector for {bad.size} of {len(rows)} inputs (first: number "
            f"{bad[0]}): the row is zero or not finite. Check these inputs and the weights."
        )
    unit: Vectors = (rows / lengths[:, None]).astype(np.float32)
    return unit
