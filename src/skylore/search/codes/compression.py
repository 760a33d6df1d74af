"""What each compression of a column would take and lose, measured on a sample of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.errors import ColumnError
from skylore.search.codes.calibration import near_queries
from skylore.search.codes.codebook import leading_directions, unit_rows
from skylore.search.codes.fragments import ArchiveVectors
from skylore.search.codes.kernel import dots, pack
from skylore.search.codes.options import BOOKKEEPING

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Compression", "compare_compressions"]

SAMPLE = 40_000
FEWEST = 10
QUERIES = 50
LENGTH = 100
LENGTHS = (64, 128, 256)
LARGEST = 127

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Compression:
    """A way to shorten vectors, and its price.

    Attributes
    ----------
    name
        What it keeps.
    bytes_a_row
        Of a code, with row id and place where there is a code.
    disk
        Bytes for all rows; as many are mapped into memory when all are compared.
    recall_at_100
        Of the codes alone, on the sample.
    candidates
        Vectors to read in full for 100 hits to the asked recall, on the sample.
    scan_ms
        To compare all rows of the archive, from the rate at which this machine read the sample.
    """

    name: str
    bytes_a_row: int
    disk: int
    recall_at_100: float
    candidates: int
    scan_ms: float

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"  {self.name:<30} {self.bytes_a_row:>7}  {self.disk / 1e6:>10.0f}"
            f"  {self.recall_at_100:>10.3f}  {self.candidates:>10}  {self.scan_ms:>8.1f}"
        )

    def to_json(self) -> dict[str, object]:
        """Give the figures by name."""
        return asdict(self)


HEADER = (
    f"  {'compression':<30} {'B a row':>7}  {'disk, MB':>10}  recall@100  read in full   scan ms"
)


def compare_compressions(
    archive: Archive, column: str, *, recall: float = 0.95, seed: int = 0
) -> list[Compression]:
    """Try what could be kept of each vector, on a sample of them and queries near others.

    Parameters
    ----------
    archive, column
        What would be compressed.
    recall
        To be reached after candidates were read in full.
    seed
        For sample and queries.

    Raises
    ------
    ColumnError
        There are too few vectors to compare with.
    """
    rng = np.random.default_rng(seed)
    vectors = unit_rows(ArchiveVectors(archive, column).sample(SAMPLE + 4 * QUERIES, seed))
    if len(vectors) < FEWEST:
        raise ColumnError(
            f"column {column!r} has {len(vectors)} vectors; to compare compressions takes at "
            f"least {FEWEST}"
        )
    rng.shuffle(vectors)
    beside = min(4 * QUERIES, len(vectors) // 5)
    held, sample = vectors[:beside], vectors[beside:]
    queries = unit_rows(near_queries(held, QUERIES, rng))
    exact = queries @ sample.T
    count = min(LENGTH, len(sample))
    best = np.argpartition(-exact, count - 1, axis=1)[:, :count]
    rows, rate = archive.filled(column), _rate(rng)
    found = []
    value = archive.schema.field(column).type.value_type.bit_width // 8
    for name, size, scores in _tried(sample, queries, rng, value):
        places = _places(scores, best)
        code = size + BOOKKEEPING if name != FULL else size
        found.append(
            Compression(
                name=name,
                bytes_a_row=code,
                disk=code * rows,
                recall_at_100=float((places < count).mean()),
                candidates=max(count, int(np.quantile(places, recall)) + 1),
                scan_ms=1e3 * rate * size * rows,
            )
        )
    return found


FULL = "full vectors"


def _tried(
    sample: Matrix, queries: Matrix, rng: np.random.Generator, value: int
) -> Iterator[tuple[str, int, Matrix]]:
    """Give name, bytes a row and scores, shape ``(Q, N)``; a number has ``value`` bytes."""
    dimension = sample.shape[1]
    for length in (n for n in LENGTHS if n < dimension):
        directions = leading_directions(sample, length, rng)
        yield f"{length} leading directions, 8 bit", length, _coded(sample, queries, directions)
        first = np.eye(dimension, length, dtype=np.float32)
        yield f"first {length} dimensions, 8 bit", length, _coded(sample, queries, first)
    turned, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
    turned = turned.astype(np.float32)
    signs = np.sign(sample @ turned)
    # The estimator of RaBitQ (Gao & Long 2024, arXiv 2405.12497).
    kept = np.abs(sample @ turned).sum(axis=1)
    yield "1 bit a dimension", dimension // 8 + 4, (queries @ turned) @ (signs / kept[:, None]).T
    yield FULL, value * dimension, queries @ sample.T


def _coded(sample: Matrix, queries: Matrix, directions: Matrix) -> Matrix:
    points, asked = sample @ directions, queries @ directions
    scale = LARGEST / np.quantile(np.abs(points), 0.9999)
    codes = np.clip(np.rint(points * scale), -LARGEST, LARGEST)
    scores: Matrix = asked @ codes.T.astype(np.float32)
    return scores


def _places(scores: Matrix, best: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the place of each of the best by estimated score."""
    order = np.argsort(-scores, axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(order.shape[1])[None], axis=1)
    return np.take_along_axis(places, best, axis=1)


def _rate(rng: np.random.Generator) -> float:
    """Measure seconds a byte of codes, from memory."""
    codes = rng.integers(-LARGEST, LARGEST, (1 << 18, 128), dtype=np.int8)
    query = pack(codes[0])
    return min(_seconds(lambda: dots(codes, query)) for _ in range(5)) / codes.nbytes


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
