"""Vectors that behave like embeddings of galaxies, with positions and a magnitude, by row number.

``python -m benchmarks.vectors FOLDER ROWS DIM [--processes P]`` writes what ``filtered_search``
takes: ``base.npy`` (ROWS, DIM) as float16 and ``meta.parquet`` (``id``, ``mag``, ``ra``, ``dec``),
10,000 rows more to append (``append.npy``, ``append_meta.parquet``), and ``queries.npy``, 1,000
held-out vectors. :class:`Mixture` makes any rows again from their numbers, in any order, so that
collections too large to be stored can be searched and refined.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

__all__ = ["APPENDED", "HELD_OUT", "Drawn", "Mixture", "mixture", "write"]

Matrix = NDArray[np.float32]
Numbers = NDArray[np.uint64]

LATENT, CLUSTERS, HIDDEN = 28, 1500, 384
NOISE, OFFSET = 0.25, 0.6
"""Lengths of noise and of the common offset, where the signal has a root mean square of one a
value; before vectors are scaled to unit length."""
HELD_OUT, APPENDED = 1 << 40, 1 << 41
"""Numbers from which queries, and rows to append, are made."""
BLOCK = 2048
"""Rows made at a time: their values stay in the processor's cache."""
CHUNK = 65_536
GOLDEN, FIRST, SECOND = (
    np.uint64(constant) for constant in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
"""Of SplitMix64 (Steele, Lea & Flood 2014)."""


class Drawn(NamedTuple):
    """Rows: unit vectors of shape ``(N, D)``, magnitudes, and positions in degrees."""

    vectors: Matrix
    mag: Matrix
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """A heavy-tailed mixture in 28 latent dimensions, sent through a smooth random map.

    Power-law noise and a common offset are added, and lengths are made one: at 1024 dimensions the
    intrinsic dimension is 25 to 40, and two random rows have a cosine of 0.3. Positions have
    nothing to do with the vectors. The magnitude follows the first latent dimension, which is the
    hard case for filters. Each row has a stream of random numbers of its own.

    Attributes
    ----------
    cumulative, centres, spreads
        Of the clusters: cumulative weight ``(1500,)``, place and scatter ``(1500, 28)``.
    inner, bias
        The map's first layer, ``(28, 384)`` and ``(384,)``.
    outer
        From hidden values, latent values and noise to vectors, ``(384 + 28 + D, D)``.
    mean
        The offset, ``(D,)``.
    """

    cumulative: NDArray[np.float64]
    centres: Matrix
    spreads: Matrix
    inner: Matrix
    bias: Matrix
    outer: Matrix
    mean: Matrix

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return len(self.mean)

    def rows(self, numbers: Numbers) -> Drawn:
        """Make rows from their numbers."""
        made = Drawn(
            np.empty((len(numbers), self.dimension), np.float32),
            np.empty(len(numbers), np.float32),
            np.empty(len(numbers)),
            np.empty(len(numbers)),
        )
        for start in range(0, len(numbers), BLOCK):
            part = slice(start, start + BLOCK)
            into = Drawn(made.vectors[part], made.mag[part], made.ra[part], made.dec[part])
            self._make(numbers[part].astype(np.uint64), into)
        return made

    def vectors(self, numbers: Numbers) -> Matrix:
        """Make the vectors alone."""
        return self.rows(numbers).vectors

    def _make(self, numbers: Numbers, into: Drawn) -> None:
        words = -(-(LATENT + 1 + self.dimension) // 4)
        random = _words(numbers, 3 + words)
        even = (random[:, :3] >> np.uint64(11)) * 2.0**-53
        cluster = np.searchsorted(self.cumulative, even[:, 0], "right")
        normal = normals()[np.ascontiguousarray(random[:, 3:]).view(np.uint16)]
        latent = self.centres[cluster] + self.spreads[cluster] * normal[:, :LATENT]
        hidden = np.tanh(latent @ self.inner + self.bias)
        noise = normal[:, LATENT + 1 : LATENT + 1 + self.dimension]
        y = np.concatenate([hidden, latent, noise], axis=1) @ self.outer
        y += self.mean
        y /= np.sqrt(np.einsum("nd,nd->n", y, y))[:, None]
        into.vectors[:] = y
        into.mag[:] = 18.5 + 1.2 * latent[:, 0] + 0.6 * normal[:, LATENT]
        into.ra[:] = 360 * even[:, 1]
        into.dec[:] = np.degrees(np.arcsin(2 * even[:, 2] - 1))


@cache
def mixture(dimension: int, seed: int = 7) -> Mixture:
    """Draw a mixture, the same for the same seed."""
    rng = np.random.default_rng(seed)
    weights = rng.pareto(1.3, CLUSTERS) + 0.1
    cumulative = np.cumsum(weights / weights.sum())
    cumulative[-1] = 1.0
    centres = 0.9 * rng.normal(size=(CLUSTERS, LATENT)).astype(np.float32)
    spectrum = np.arange(1, LATENT + 1) ** -0.35
    spreads = ((0.5 + 0.4 * rng.random((CLUSTERS, 1))) * spectrum).astype(np.float32)
    inner = (1.4 / np.sqrt(LATENT) * rng.normal(size=(LATENT, HIDDEN))).astype(np.float32)
    bias = 0.5 * rng.normal(size=HIDDEN).astype(np.float32)
    curved = rng.normal(size=(HIDDEN, dimension)) / np.sqrt(HIDDEN)
    linear = 0.35 / np.sqrt(LATENT) * rng.normal(size=(LATENT, dimension))
    power = np.arange(1, dimension + 1) ** -0.5
    rotation, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
    noise = NOISE * rotation * (power / np.linalg.norm(power))[:, None]
    mean = rng.normal(size=dimension)
    mean *= OFFSET / np.linalg.norm(mean)
    cluster = rng.choice(CLUSTERS, 20_000, p=np.diff(cumulative, prepend=0))
    latent = centres[cluster] + spreads[cluster] * rng.normal(size=(20_000, LATENT))
    signal = np.tanh(latent @ inner + bias) @ curved + latent @ linear
    length = np.sqrt((signal**2).sum(axis=1).mean())
    outer = np.concatenate([curved / length, linear / length, noise]).astype(np.float32)
    return Mixture(cumulative, centres, spreads, inner, bias, outer, mean.astype(np.float32))


@cache
def normals() -> Matrix:
    """Give the normal quantiles of all 16-bit numbers."""
    from scipy.special import ndtri

    table: Matrix = ndtri((np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float32)
    return table


def _words(numbers: Numbers, count: int) -> Numbers:
    """Give the first random words, shape ``(N, count)``, of the streams of these numbers."""
    starts = _mixed(numbers * GOLDEN + SECOND)
    return _mixed(starts[:, None] + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN)


def _mixed(words: Numbers) -> Numbers:
    words = (words ^ (words >> np.uint64(30))) * FIRST
    words = (words ^ (words >> np.uint64(27))) * SECOND
    return words ^ (words >> np.uint64(31))


def write(
    folder: Path,
    rows: int,
    dimension: int,
    *,
    appended: int = 10_000,
    queries: int = 1_000,
    processes: int = 1,
) -> None:
    """Write the files, chunk by chunk; memory does not grow with the rows but for the catalogue."""
    folder.mkdir(parents=True, exist_ok=True)
    base, shape = folder / "base.npy", (rows, dimension)
    np.lib.format.open_memmap(base, "w+", dtype=np.float16, shape=shape).flush()
    starts = range(0, rows, CHUNK)
    if processes == 1:
        parts = [_write_chunk(base, start) for start in starts]
    else:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            parts = list(pool.map(_write_chunk, [base] * len(starts), starts))
    _write_catalogue(folder / "meta.parquet", 0, parts)
    law = mixture(dimension)
    more = law.rows(np.arange(APPENDED, APPENDED + appended, dtype=np.uint64))
    np.save(folder / "append.npy", more.vectors.astype(np.float16))
    _write_catalogue(folder / "append_meta.parquet", rows, [more[1:]])
    held_out = np.arange(HELD_OUT, HELD_OUT + queries, dtype=np.uint64)
    np.save(folder / "queries.npy", law.vectors(held_out))


def _write_chunk(file: Path, start: int) -> tuple[NDArray[np.floating], ...]:
    base = np.load(file, mmap_mode="r+")
    numbers = np.arange(start, min(start + CHUNK, len(base)), dtype=np.uint64)
    made = mixture(base.shape[1]).rows(numbers)
    base[start : start + CHUNK] = made.vectors
    return made[1:]


def _write_catalogue(file: Path, first: int, parts: list[tuple[NDArray[np.floating], ...]]) -> None:
    mag, ra, dec = (np.concatenate(column) for column in zip(*parts, strict=True))
    number = np.arange(first, first + len(mag))
    pq.write_table(pa.table({"id": number, "mag": mag, "ra": ra, "dec": dec}), file)


def main() -> None:
    """Write a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=lambda text: int(float(text)))
    parser.add_argument("dimension", type=int)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    write(asked.folder, asked.rows, asked.dimension, processes=asked.processes)


if __name__ == "__main__":
    main()
