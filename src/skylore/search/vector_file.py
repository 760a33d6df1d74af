"""Reading a query vector from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skylore.errors import QueryError

__all__ = ["read_vector"]


def read_vector(path: Path) -> tuple[float, ...]:
    """Read a ``.npy`` file of shape ``(D,)`` or ``(1, D)``.

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
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1 or len(array) == 0 or np.iscomplexobj(array):
        raise QueryError(f"{path} has shape {array.shape}; one vector is (D,) or (1, D)")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise QueryError(f"{path} has values that are not finite")
    return tuple(values.tolist())
