"""What recall takes and work costs, measured on sampled queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.best import Best, Candidates
from skylore.search.codes.manifest import Calibration
from skylore.search.codes.probing import Frontier, Wanted, probe_lists
from skylore.search.codes.refining import Errors, first_read
from skylore.search.codes.scanning import compare, everything, rows_of
from skylore.search.codes.searching import Reader
from skylore.search.codes.source import VectorSource
from skylore.search.codes.trial_filters import at_random, on_one_side
from skylore.search.codes.trial_margins import Trial
from skylore.search.codes.view import View
from skylore.search.row_sets import RowSet

__all__ = ["RECALLS", "calibrate", "near_and_far", "near_queries"]

RECALLS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
MARGINS = tuple(float(m) for m in np.arange(0, 8.25, 0.25))
MISSES = tuple(float(m) for m in np.geomspace(0.5, 1e-4, 12))
QUERIES = 32
COUNTS = (1, 10, 100)
RANKS = (10, 100, 1000, 10_000)
TO_REFINING = 0.4
"""The share of the misses that a recall allows which may come from not reading in full."""
NOISE = 0.3
"""Queries are stored vectors moved by so much of their length."""

Vectors = NDArray[np.float32]
Grid = NDArray[np.float64]


def near_queries(sample: Vectors, count: int, rng: np.random.Generator) -> Vectors:
    """Make queries near objects, but on none, from sampled vectors of shape ``(N, D)``."""
    chosen = sample[rng.choice(len(sample), min(count, len(sample)), replace=False)]
    noise = rng.normal(size=chosen.shape).astype(np.float32)
    noise *= NOISE * np.linalg.norm(chosen, axis=1, keepdims=True) / np.sqrt(chosen.shape[1])
    return chosen + noise


def near_and_far(sample: Vectors, count: int, rng: np.random.Generator) -> Vectors:
    """Make queries near objects and, every second, one as far as words may be from images.

    The far ones are sums of all objects with random weights that cancel, so that none is the
    obvious answer.
    """
    queries = near_queries(sample, count, rng)
    weights = rng.normal(size=(len(queries[1::2]), len(sample))).astype(np.float32)
    weights -= weights.mean(axis=1, keepdims=True)
    queries[1::2] = weights @ sample / np.sqrt(len(sample), dtype=np.float32)
    return queries


def calibrate(
    source: VectorSource, view: View, queries: Vectors, rng: np.random.Generator
) -> Calibration:
    """Measure what each recall takes: with no filter, random ones, and one that goes with vectors.

    Parameters
    ----------
    source, view
        Vectors and their codes.
    queries
        Shape ``(Q, D)``.
    rng
        For the filters.
    """
    random = (at_random(view, share, rng).rows for share in (0.1, 0.01))
    filters = [None, *random, on_one_side(view, 0.2, rng).rows]
    tail = _tail(view, queries)
    blank = Calibration(
        recalls=RECALLS,
        counts=COUNTS,
        margins=((0.0,) * len(COUNTS),) * len(RECALLS),
        bias=0.0,
        spread=0.0,
        misses=(0.0,) * len(RECALLS),
        tail=tail,
        ranks=(),
        shares=((),) * len(RECALLS),
    )
    view = replace(view, manifest=view.manifest.model_copy(update={"calibration": blank}))
    bias, spread = _usual_errors(source, view, queries)
    recall = _refined(source, view, queries, filters, Errors(0.0, bias, spread))
    margins = tuple(
        tuple(_smallest(of_count, 1 - TO_REFINING * (1 - r)) for of_count in recall)
        for r in RECALLS
    )
    found, shares = _probed(view, queries[: QUERIES // 2], filters)
    places = [_place(found, 1 - (1 - TO_REFINING) * (1 - r)) for r in RECALLS]
    ranks = tuple(rank for rank in RANKS if rank <= view.rows)
    return blank.model_copy(
        update={
            "margins": margins,
            "bias": bias,
            "spread": spread,
            "misses": tuple(MISSES[place] for place in places),
            "ranks": ranks,
            "shares": tuple(tuple(shares[place].tolist()) for place in places),
        }
    )


def _tail(view: View, queries: Vectors) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure how members of a list scatter about its centre, as seen from queries near it."""
    edges = np.arange(-4, 12.05, 0.1)
    counts = np.zeros(len(edges) - 1)
    book = view.codebook
    for vector in queries[: QUERIES // 2]:
        query = book.encode_query(vector)
        order = Frontier(book, query, np.ones(book.lists)).order
        near = order[: max(1, book.lists // 16)]
        centres = (book.centres @ query.projected)[near]
        spreads = book.spreads[near] * np.linalg.norm(query.projected)
        for live in view.segments:
            offsets = live.segment.offsets
            for number, centre, spread in zip(near, centres, spreads, strict=True):
                codes = live.segment.codes[offsets[number] : offsets[number + 1]]
                scores = codes.astype(np.float32) @ query.projected / book.scale
                deviations = np.clip((scores - centre) / spread, -3.99, 11.99)
                counts += np.histogram(deviations, edges)[0]
    beyond = np.cumsum(counts[::-1])[::-1] / max(counts.sum(), 1)
    return tuple(edges[:-1].tolist()), tuple(_extended(edges[:-1], beyond).tolist())


def _extended(at: Grid, share: Grid) -> Grid:
    """Go on where nothing was seen, with the fall of a normal distribution through the last."""
    seen = np.flatnonzero(share > 0)
    last = int(seen[-1]) if len(seen) else 0
    fall = (at[last] ** 2 - at**2) / 2
    known = np.where(np.arange(len(at)) <= last, share, share[last] * np.exp(np.minimum(fall, 0)))
    floored: Grid = np.maximum(known, 1e-300)
    return floored


def _usual_errors(source: VectorSource, view: View, queries: Vectors) -> tuple[float, float]:
    """Measure mean and standard deviation of the errors among the first that are read.

    The deviation is that of all queries together: the first of one may be copies of each other.
    """
    found = []
    for vector in queries:
        query = view.codebook.encode_query(vector)
        best = Best(first_read(COUNTS[-1]))
        compare(best, everything(view.segments), query.code, None)
        candidates = best.candidates()
        scores = Reader(source, vector).scores(candidates, 0, best.count)
        errors = scores - (candidates.scores * query.unit)[: len(scores)]
        found.append(errors)
    together = np.concatenate(found)
    return float(together.mean()), float(together.std())


def _refined(
    source: VectorSource,
    view: View,
    queries: Vectors,
    filters: list[RowSet | None],
    errors: Errors,
) -> Grid:
    """Give the lowest mean recall over filters, for each length of answer and margin."""
    near, far = queries[::2], queries[1::2]
    trial = Trial(source, view, errors, COUNTS)
    means = np.array(
        [
            [
                np.mean([trial.recalls(q, allowed, MARGINS, known=True) for q in near], axis=0),
                np.mean([trial.recalls(q, allowed, MARGINS, known=False) for q in far], axis=0),
            ]
            for allowed in filters
        ]
    )
    lowest: Grid = means.min(axis=(0, 1))
    # Of an answer of one, too few are seen under each filter to tell one share from another.
    lowest[0] = means[:, :, 0].mean(axis=0).min(axis=0)
    return lowest


def _smallest(recall: Grid, wanted: float) -> float:
    enough = np.flatnonzero(recall >= wanted)
    return MARGINS[enough[0]] if len(enough) else MARGINS[-1]


def _place(recall: Grid, wanted: float) -> int:
    enough = np.flatnonzero(recall >= wanted)
    return int(enough[0]) if len(enough) else len(MISSES) - 1


def _probed(view: View, queries: Vectors, filters: list[RowSet | None]) -> tuple[Grid, Grid]:
    """Give, for each allowance of misses, lowest recall, and mean share compared by rank."""
    recalls: list[Grid] = []
    shares: list[Grid] = []
    for allowed in filters:
        ranks = RANKS if allowed is None else (100,)
        for rank in (rank for rank in ranks if rank <= view.rows):
            runs = np.array([_by_misses(view, q, rank, allowed) for q in queries[: _few(rank)]])
            mean = runs.mean(axis=0)
            recalls.append(mean[:, 0])
            if allowed is None:
                shares.append(mean[:, 1])
    return np.min(recalls, axis=0), np.array(shares).T


def _few(rank: int) -> int:
    return QUERIES // 2 if rank <= 1000 else QUERIES // 8


def _by_misses(view: View, vector: Vectors, rank: int, allowed: RowSet | None) -> Grid:
    """Give recall of the best codes, and share of codes compared, for each allowance."""
    query = view.codebook.encode_query(vector)
    best = Best(rank)
    portions = everything(view.segments) if allowed is None else rows_of(view, allowed)
    compare(best, portions, query.code, None)
    exact = best.candidates()
    results = []
    for misses in MISSES:
        calibration = view.manifest.calibration
        if calibration is None:
            raise ValueError("no tail was measured")
        asked = calibration.model_copy(update={"misses": (misses,) * len(RECALLS)})
        probed = replace(view, manifest=view.manifest.model_copy(update={"calibration": asked}))
        found, compared, _ = probe_lists(probed, query, Wanted(rank, rank, allowed, 0))
        share = _shared(exact, found.candidates())
        results.append((share, compared / max(view.rows, 1)))
        if compared >= view.rows:
            break
    results += [(1.0, 1.0)] * (len(MISSES) - len(results))
    return np.array(results)


def _shared(exact: Candidates, found: Candidates) -> float:
    """Count what is as good as the exact answer's last."""
    if not len(exact):
        return 1.0
    lowest, rank = exact.scores[-1], len(exact)
    return min(1.0, float(np.count_nonzero(found.scores >= lowest)) / rank)
