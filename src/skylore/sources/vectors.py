"""Ready-made image vectors."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.errors import SourceError

__all__ = ["check_vector_type", "read_vectors", "vector_dimension"]


def check_vector_type(kind: pa.DataType, name: str) -> pa.DataType:
    """Return the type of a vector's elements: float16 or float32 (float64 is narrowed).

    Raises
    ------
    SourceError
        If the column is not a list of floating-point numbers.
    """
    kind = _storage(kind)
    if _is_list(kind) and pa.types.is_floating(kind.value_type):
        return pa.float16() if pa.types.is_float16(kind.value_type) else pa.float32()
    raise SourceError(
        f'Column "{name}" has type {kind}; vectors are lists of float16, float32 or float64.'
    )


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.storage if isinstance(array.type, pa.BaseExtensionType) else array


def vector_dimension(column: pa.ChunkedArray) -> int | None:
    """Return the most common length among a column's vectors, None if it has none."""
    lengths = pc.list_value_length(_plain(column)).drop_null()
    lengths = lengths.filter(pc.greater(lengths, 0))
    return int(pc.mode(lengths)[0]["mode"].as_py()) if len(lengths) else None


def read_vectors(
    column: pa.ChunkedArray, dimension: int, element: pa.DataType
) -> tuple[pa.FixedSizeListArray, dict[int, str]]:
    """Read vectors of one length.

    Parameters
    ----------
    column
        ``N`` lists; a null is an object that has no vector yet, and stays null.
    dimension
        The length ``D`` that every vector must have.
    element
        float16 or float32.

    Returns
    -------
    vectors
        ``(N, D)``.
    faults
        For each row whose vector cannot be used, the reason: another length, missing or
        non-finite numbers, or no direction because all of them are zero.
    """
    array = _plain(column)
    lengths = pc.list_value_length(array).fill_null(-1).to_numpy()
    usable = lengths == dimension
    faults = {
        int(row): f"its vector has {lengths[row]} numbers, not {dimension}"
        for row in np.flatnonzero(~usable & (lengths >= 0))
    }
    numbers = _numbers(array.filter(pa.array(usable)), dimension, element)
    _find_bad_numbers(numbers, np.flatnonzero(usable), faults)
    dense = np.zeros((len(array), dimension), dtype=numbers.dtype)
    dense[usable] = numbers
    values = pa.array(dense.reshape(-1), element)
    missing = pa.array(lengths < 0)
    return pa.FixedSizeListArray.from_arrays(values, dimension, mask=missing), faults


def _numbers(array: pa.Array, dimension: int, element: pa.DataType) -> NDArray[np.floating]:
    values = pc.list_flatten(array).fill_null(np.nan) if len(array) else pa.array([], element)
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and is reported as such
        narrow = values.to_numpy(zero_copy_only=False).astype(element.to_pandas_dtype())
    return np.asarray(narrow).reshape(-1, dimension)


def _find_bad_numbers(
    numbers: NDArray[np.floating], rows: NDArray[np.int64], faults: dict[int, str]
) -> None:
    finite = np.isfinite(numbers).all(axis=1)
    for row in rows[~finite]:
        faults[int(row)] = "its vector has missing, infinite or NaN numbers"
    for row in rows[finite & ~numbers.any(axis=1)]:
        faults[int(row)] = "its vector is zero, which has no direction"
