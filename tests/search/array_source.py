"""Vectors in memory as a source of codes, with no archive."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from skylore.search.codes.segment import Part
from skylore.search.codes.source import Taken

A_PART = 3000
BATCH = 1024


class ArraySource:
    """Rows ``10 + n``; ``turned`` says how many parts were rewritten since, by their number."""

    name, origin, recipe = "vectors", "memory", "v1"

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors.astype(np.float32)
        self.versions: dict[int, int] = {}

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    @property
    def rows(self) -> int:
        return len(self.vectors)

    def parts(self) -> dict[Part, int]:
        return {
            Part(number, f"part{number}-{self.versions.get(number, 0)}"): len(self._places(number))
            for number in range(-(-self.rows // A_PART))
        }

    def _places(self, number: int) -> np.ndarray:
        return np.arange(number * A_PART, min((number + 1) * A_PART, self.rows))

    def read(self, part: Part) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        places = self._places(part.fragment)
        for start in range(0, len(places), BATCH):
            chosen = places[start : start + BATCH]
            yield (chosen + 10).astype(np.uint64), self.vectors[chosen]

    def live(self, part: Part) -> np.ndarray:
        return (self._places(part.fragment) + 10).astype(np.uint64)

    def sample(self, count: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        chosen = rng.choice(self.rows, min(count, self.rows), replace=False)
        return self.vectors[np.sort(chosen)].copy()

    def take(self, rows: np.ndarray) -> Taken:
        places = rows.astype(np.int64) - 10
        there = places[(places >= 0) & (places < self.rows)]
        found = (there + 10).astype(np.uint64)
        return Taken(found, pa.array(found), self.vectors[there])
