"""Cutting the sky into HEALPix cells that hold at most so many objects each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.archive.sky import ORDER

__all__ = ["FINEST", "Partition", "partition"]

FINEST = 10
"""The order beyond which HATS catalogues do not divide; denser cells are larger files."""


@dataclass(frozen=True)
class Partition:
    """A cell, and the run of rows in it.

    Attributes
    ----------
    order, pixel
        The cell, nested scheme.
    start, end
        The first row, and the one after the last, in the order of the sky.
    """

    order: int
    pixel: int
    start: int
    end: int

    @property
    def path(self) -> str:
        """Its place in a HATS catalogue."""
        folder = self.pixel // 10_000 * 10_000
        return f"Norder={self.order}/Dir={folder}/Npix={self.pixel}.parquet"


def partition(cells: NDArray[np.int64], most: int, finest: int = FINEST) -> list[Partition]:
    """Cut rows into the largest cells that hold at most ``most`` of them.

    Parameters
    ----------
    cells
        Order-29 cells, ascending, ``(N,)``.
    most
        Rows.
    finest
        Cells of this order are not divided, however many rows they hold.

    Returns
    -------
    list of Partition
        In the order of the sky, without cells that are empty.
    """
    return [
        part for pixel in range(12) for part in _divide(cells, most, finest, order=0, pixel=pixel)
    ]


def _divide(
    cells: NDArray[np.int64], most: int, finest: int, *, order: int, pixel: int
) -> list[Partition]:
    shift = 2 * (ORDER - order)
    start, end = np.searchsorted(cells, [pixel << shift, (pixel + 1) << shift])
    if start == end:
        return []
    if end - start <= most or order == finest:
        return [Partition(order, pixel, int(start), int(end))]
    inner = range(4 * pixel, 4 * pixel + 4)
    return [
        part
        for child in inner
        for part in _divide(cells, most, finest, order=order + 1, pixel=child)
    ]
