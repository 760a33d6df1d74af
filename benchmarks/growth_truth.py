"""Exact answers over vectors that are seen once, part by part, and never stored."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import Drawn, mixture

__all__ = ["SHARES", "Best", "K", "Truth", "brightness_of", "first_rows"]

K = 100
SHARES = (0.1, 0.01, 1e-3, 1e-4)
"""Of the rows that filters leave."""
BRIGHTNESS_FROM, BRIGHTNESS_ROWS = 1 << 42, 200_000
"""Rows, of no collection, by which the magnitudes are chosen that leave those shares."""
PENDING = 1 << 18
BATCH = 4096

Scores = NDArray[np.float32]
Rows = NDArray[np.uint64]
NONE = np.iinfo(np.uint64).max


def brightness_of(dimension: int) -> tuple[float, ...]:
    """Give the magnitudes that a tenth, a hundredth … of the rows are brighter than."""
    numbers = np.arange(BRIGHTNESS_FROM, BRIGHTNESS_FROM + BRIGHTNESS_ROWS, dtype=np.uint64)
    mag = mixture(dimension).rows(numbers).mag
    return tuple(float(value) for value in np.quantile(mag, SHARES))


class Best:
    """The ``K`` best rows of each query, of those shown."""

    def __init__(self, queries: int) -> None:
        self.scores = np.full((queries, K), -np.inf, np.float32)
        self.rows = np.full((queries, K), NONE, np.uint64)
        self._pending: list[tuple[NDArray[np.intp], Scores, Rows]] = []
        self._held = 0

    def show(self, scores: Scores, rows: Rows) -> None:
        """Take scores of shape ``(N, Q)`` of rows of shape ``(N,)``."""
        row, query = np.nonzero(scores > self.scores[:, -1])
        self._pending.append((query, scores[row, query], rows[row]))
        self._held += len(row)
        if self._held >= PENDING:
            self.settle()

    def settle(self) -> None:
        """Put what is pending into order."""
        if not self._held:
            return
        query, scores, rows = (np.concatenate(part) for part in zip(*self._pending, strict=True))
        order = np.argsort(query, kind="stable")
        bounds = np.searchsorted(query[order], np.arange(len(self.scores) + 1))
        for number, (begin, end) in enumerate(pairwise(bounds.tolist())):
            mine = order[begin:end]
            joined = np.concatenate([self.scores[number], scores[mine]])
            names = np.concatenate([self.rows[number], rows[mine]])
            best = np.lexsort((names, -joined))[:K]
            self.scores[number], self.rows[number] = joined[best], names[best]
        self._pending, self._held = [], 0


class Truth:
    """Exact answers without a filter and by magnitude, over the parts seen so far, in order.

    Parameters
    ----------
    folder
        Keeps the answers after each part, and the magnitudes of all rows, so that what was seen
        need not be seen again.
    queries
        Shape ``(Q, D)``, of unit length.
    brightness
        Magnitudes that filters leave the brighter rows of.
    """

    def __init__(self, folder: Path, queries: Scores, brightness: tuple[float, ...]) -> None:
        self._file, self._mags = folder / "truth.npz", folder / "mag.f32"
        self._queries, self._brightness = queries, brightness
        self.seen = 0
        self.best = [Best(len(queries)) for _ in (None, *brightness)]
        self._mag: list[Scores] = []
        if self._file.exists():
            self._load()

    def _load(self) -> None:
        kept = np.load(self._file)
        self.seen = int(kept["seen"])
        for number, best in enumerate(self.best):
            best.scores, best.rows = kept["scores"][number], kept["rows"][number]

    def begin(self, part: int) -> Truth | None:
        """Give what is to be shown a part; None if it was seen, or others are to come first."""
        if part != self.seen:
            return None
        if self._mag:
            self._mag = []
            self.best = [Best(len(self._queries)) for _ in self.best]
            if self._file.exists():
                self._load()
        return self

    def show(self, rows: Rows, made: Drawn) -> None:
        """Take some rows of the part."""
        self._mag.append(made.mag)
        scores = made.vectors @ self._queries.T
        self.best[0].show(scores, rows)
        for best, limit in zip(self.best[1:], self._brightness, strict=True):
            inside = np.flatnonzero(made.mag < limit)
            best.show(scores[inside], rows[inside])

    def end(self) -> None:
        """Keep what was found, the part being complete."""
        mag = np.concatenate(self._mag)
        self._mags.touch()
        with self._mags.open("r+b") as file:
            file.seek(self.seen * mag.nbytes)
            file.write(mag.tobytes())
        self._mag, self.seen = [], self.seen + 1
        self.save(self._file)

    def save(self, file: Path) -> None:
        """Write the answers so far."""
        for best in self.best:
            best.settle()
        unfinished = file.with_suffix(".unfinished.npz")
        np.savez(
            unfinished,
            seen=self.seen,
            scores=np.stack([best.scores for best in self.best]),
            rows=np.stack([best.rows for best in self.best]),
        )
        unfinished.replace(file)

    def brighter(self, limit: float, rows: int) -> Rows:
        """Give those of the first rows that are brighter than a magnitude."""
        mag = np.memmap(self._mags, np.float32, "r", shape=(rows,))
        return np.flatnonzero(mag < limit).astype(np.uint64)


def first_rows(dimension: int, queries: Scores, ends: tuple[int, ...]) -> list[Best]:
    """Give the exact answers among the first rows, to each of some ascending ends."""
    law, best, found = mixture(dimension), Best(len(queries)), []
    for begin, end in zip((0, *ends[:-1]), ends, strict=True):
        for start in range(begin, end, BATCH):
            rows = np.arange(start, min(start + BATCH, end), dtype=np.uint64)
            best.show(law.vectors(rows) @ queries.T, rows)
        best.settle()
        found.append(Best(len(queries)))
        found[-1].scores, found[-1].rows = best.scores.copy(), best.rows.copy()
    return found
