"""Reading query vectors from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skylore.errors import QueryError

__all__ = ["read_vectors"]


def read_vectors(path: Path) -> list[tuple[float, ...]]:
    """Read a ``.npy`` file of shape ``(D,)`` or ``(N, D)``; gives a vector a row.

    Raises
    ------
    QueryError
        It is not one, or its values are not finite numbers.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise QueryError(f"cannot read a vector from {path}: {error}") from error
    if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.number):
        raise QueryError(f"{path} does not hold numbers")
    rows = array[None] if array.ndim == 1 else array
    if rows.ndim != 2 or rows.size == 0 or np.iscomplexobj(array):
        raise QueryError(f"{path} has shape {array.shape}; it takes (D,), or (N, D) for N queries")
    values = rows.astype(np.float64)
    if not np.isfinite(values).all():
        raise QueryError(f"{path} has values that are not finite")
    return [tuple(row) for row in values.tolist()]
