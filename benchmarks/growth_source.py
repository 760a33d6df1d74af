"""Vectors that are made when they are read, as a source of codes, and an account of its time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.growth_truth import Truth
from benchmarks.usage import memory
from benchmarks.vectors import mixture
from skylore.search.codes.segment import Part
from skylore.search.codes.source import Rows, Taken, Vectors

__all__ = ["PART", "Account", "Generated"]

PART = 1 << 17
"""Rows in a part; a power of two, so that parts fill segments."""
BATCH = 4096


@dataclass
class Account:
    """What a build took, written down part by part, so that a killed build loses none of it.

    ``wall`` and ``cpu`` are seconds of everything; ``made`` and ``truth`` are seconds of CPU for
    making vectors and for exact answers, which are no part of a build; ``peak`` is own memory, MB.
    """

    file: Path
    made: float = 0.0
    truth: float = 0.0
    peak: float = 0.0
    _since: tuple[float, float] = field(
        default_factory=lambda: (time.perf_counter(), time.process_time())
    )

    def note(self, rows: int) -> None:
        """Write down what was taken since the last note, in which so many rows were coded."""
        now = time.perf_counter(), time.process_time()
        self.look()
        line = {
            "rows": rows,
            "wall": now[0] - self._since[0],
            "cpu": now[1] - self._since[1],
            "made": self.made,
            "truth": self.truth,
            "peak": self.peak,
        }
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._since, self.made, self.truth = now, 0.0, 0.0

    def look(self) -> None:
        """Look at the memory."""
        self.peak = max(self.peak, memory()["RssAnon"])

    @contextmanager
    def making(self) -> Iterator[None]:
        """Count time as that of making vectors."""
        start = time.thread_time()
        yield
        self.made += time.thread_time() - start

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count time as that of exact answers."""
        start = time.thread_time()
        yield
        self.truth += time.thread_time() - start


@dataclass
class Generated:
    """The rows ``0`` to ``rows - 1`` of a mixture; no vector is stored.

    Attributes
    ----------
    rows
        A multiple of :data:`PART`.
    dimension
        Length of the vectors.
    account
        Of the time that making them takes.
    truth
        Shown each part once, while it is read.
    """

    rows: int
    dimension: int
    account: Account
    truth: Truth | None = None
    name: str = "made"

    @property
    def origin(self) -> str:
        """What tells it from others."""
        return f"mixture of {self.dimension} dimensions"

    @property
    def recipe(self) -> str:
        """How the vectors are made, whatever their number."""
        return f"benchmarks.vectors {self.dimension}"

    def parts(self) -> dict[Part, int]:
        """Give all parts."""
        return {Part(n, f"rows-{n * PART}"): PART for n in range(self.rows // PART)}

    def read(self, part: Part) -> Iterator[tuple[Rows, Vectors]]:
        """Make the rows of a part, and note what was taken since the one before."""
        law, first = mixture(self.dimension), part.fragment * PART
        truth = self.truth.begin(part.fragment) if self.truth else None
        for start in range(first, first + PART, BATCH):
            rows = np.arange(start, start + BATCH, dtype=np.uint64)
            with self.account.making():
                made = law.rows(rows)
            if truth:
                with self.account.answering():
                    truth.show(rows, made)
            yield rows, made.vectors
        if truth:
            with self.account.answering():
                truth.end()
        self.account.note(PART)

    def live(self, part: Part) -> Rows:
        """Give the rows of a part."""
        return np.arange(part.fragment * PART, (part.fragment + 1) * PART, dtype=np.uint64)

    def sample(self, count: int, seed: int) -> Vectors:
        """Make rows chosen at random."""
        rng = np.random.default_rng(seed)
        chosen = rng.choice(self.rows, min(count, self.rows), replace=False)
        with self.account.making():
            return mixture(self.dimension).vectors(np.sort(chosen).astype(np.uint64))

    def take(self, rows: Rows) -> Taken:
        """Make some rows again."""
        there = rows[rows < self.rows]
        with self.account.making():
            vectors = mixture(self.dimension).vectors(there)
        return Taken(there, pa.array(there), vectors)
