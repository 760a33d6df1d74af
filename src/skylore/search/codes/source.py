"""Where vectors to be coded come from: a column of an archive, or anything that can do the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.search.codes.segment import Part

__all__ = ["Rows", "Taken", "VectorSource", "Vectors"]

Rows = NDArray[np.uint64]
Vectors = NDArray[np.float32]


class Taken(NamedTuple):
    """Rows that were read by their ids, those that have a vector, in the order asked.

    ``rows`` has shape ``(N,)``, ``ids`` names them to users, and ``vectors`` has shape ``(N, D)``.
    """

    rows: Rows
    ids: pa.Array
    vectors: Vectors


class VectorSource(Protocol):
    """Vectors by row id, in parts that change only as a whole.

    Row ids are whole numbers, mostly consecutive within a part, and stay the same when a part is
    rewritten. Vectors need not have unit length.
    """

    @property
    def name(self) -> str:
        """What it is called in messages and in the manifest of its codes."""
        ...

    @property
    def origin(self) -> str:
        """What tells it, together with its name, from all others of this process."""
        ...

    @property
    def recipe(self) -> str:
        """How the vectors were made; codes of another recipe are not used."""
        ...

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...

    @property
    def rows(self) -> int:
        """Number of rows that have a vector."""
        ...

    def parts(self) -> dict[Part, int]:
        """Give all parts, with their numbers of rows."""
        ...

    def read(self, part: Part) -> Iterator[tuple[Rows, Vectors]]:
        """Read row ids, shape ``(N,)``, and vectors, shape ``(N, D)``, a few thousand at a time."""
        ...

    def live(self, part: Part) -> Rows:
        """Give the row ids that a part holds now."""
        ...

    def sample(self, count: int, seed: int) -> Vectors:
        """Read rows at random; shape ``(at most count, D)``."""
        ...

    def take(self, rows: Rows) -> Taken:
        """Read rows by id, in the order given; those that are gone are left out."""
        ...
