"""What recall takes and work costs, measured on sampled queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.best import Best
from skylore.search.codes.manifest import Calibration
from skylore.search.codes.refining import Errors, first_read
from skylore.search.codes.scanning import compare, everything
from skylore.search.codes.searching import Reader
from skylore.search.codes.source import VectorSource
from skylore.search.codes.tails import measured_tail
from skylore.search.codes.trial_filters import at_random, on_one_side
from skylore.search.codes.trial_margins import Trial, Tried
from skylore.search.codes.trial_probes import MISSES, Probed
from skylore.search.codes.view import View

__all__ = ["RECALLS", "calibrate", "near_and_far", "near_queries"]

RECALLS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
MARGINS = tuple(float(m) for m in np.arange(0, 8.25, 0.25))
QUERIES = 32
COUNTS = (1, 10, 100)
USUAL = 0.95
"""The recall at which answers of other lengths are compared."""
TO_REFINING = 0.4
"""The share of the misses that a recall allows which may come from not reading in full."""
MOST_CHOSEN = 1 << 21
"""Rows that a filter on which recall is tried lets through, to bound memory."""
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
    most = MOST_CHOSEN / max(view.rows, 1)
    random = (at_random(view, min(share, most), rng).rows for share in (0.1, 0.01))
    filters = [None, *random, on_one_side(view, min(0.2, most), rng).rows]
    tail = measured_tail(view, queries)
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
    trial = Trial(source, view, Errors(0.0, bias, spread), COUNTS)
    tried = [
        [trial.scored(q, allowed, known=n % 2 == 0) for n, q in enumerate(queries)]
        for allowed in filters
    ]
    recall = _refined(trial, tried)
    margins = tuple(
        tuple(_smallest(of_count, 1 - TO_REFINING * (1 - r)) for of_count in recall)
        for r in RECALLS
    )
    probed = Probed.of(view, queries, filters, tried)
    wanted = [1 - (1 - TO_REFINING) * (1 - r) for r in RECALLS]
    places = [probed.place(r, COUNTS[-1]) for r in wanted]
    leniency = probed.leniency(wanted[RECALLS.index(USUAL)], COUNTS)
    return blank.model_copy(
        update={
            "margins": margins,
            "bias": bias,
            "spread": spread,
            "misses": tuple(MISSES[place] for place in places),
            "leniency": leniency,
            "ranks": probed.ranks,
            "shares": tuple(probed.shares(place, COUNTS, leniency) for place in places),
        }
    )


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


def _refined(trial: Trial, tried: list[list[Tried]]) -> Grid:
    """Give the lowest mean recall over filters, for each length of answer and margin."""
    means = np.array(
        [
            [
                np.mean([trial.recalls(each, MARGINS) for each in kind], axis=0)
                for kind in (known[::2], known[1::2])
            ]
            for known in tried
        ]
    )
    lowest: Grid = means.min(axis=(0, 1))
    # Of an answer of one, too few are seen under each filter to tell one share from another.
    lowest[0] = means[:, :, 0].mean(axis=0).min(axis=0)
    return lowest


def _smallest(recall: Grid, wanted: float) -> float:
    enough = np.flatnonzero(recall >= wanted)
    return MARGINS[enough[0]] if len(enough) else MARGINS[-1]
