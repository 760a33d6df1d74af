"""Dot products of 8-bit integers at the speed of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numkong import PackedMatrix

__all__ = ["dots", "pack"]


def pack(query: NDArray[np.int8]) -> PackedMatrix:
    """Lay a query of shape ``(C,)`` out for :func:`dots`."""
    import numkong

    return numkong.dots_pack(np.ascontiguousarray(query[None]), dtype="int8")


def dots(codes: NDArray[np.int8], query: PackedMatrix) -> NDArray[np.int32]:
    """Multiply codes of shape ``(N, C)`` with a packed query; returns shape ``(N,)``.

    NumKong's kernels (Apache-2.0) choose the processor's instructions at run time, and let other
    threads run meanwhile.
    """
    import numkong

    products: NDArray[np.int32] = np.asarray(numkong.dots_packed(codes, query))
    return products.reshape(-1)
