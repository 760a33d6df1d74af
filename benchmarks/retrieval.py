"""Search in words among galaxies that no encoder was trained on.

``python -m benchmarks.retrieval --work WORK``, after ``python -m recipes.galaxy_nano all DATA
WORK``: ranks the held-out galaxies of each set for five wordings of each question, with each
encoder, and beside the words of the captions, image similarity and random.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.held_out import embedded, encoders, held_out_archive
from benchmarks.report import arguments, publish, table
from skylore.archive.table import Archive
from skylore.evaluation.bootstrap import Interval, bootstrap_mean
from skylore.evaluation.metrics import expected_average_precision, expected_ndcg_at_k
from skylore.evaluation.rankings import METRICS, score_rankings
from skylore.search.query import Mode, Query, TextTerm

GZ1 = "gz1 IS NOT NULL"

QUESTIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "spiral": (
        GZ1,
        "gz1 = 'spiral'",
        (
            "spiral galaxy",
            "a galaxy with spiral arms",
            "face-on spiral with visible arms",
            "disk galaxy with winding arms",
            "late-type spiral",
        ),
    ),
    "edge-on": (
        GZ1,
        "gz1 = 'edge-on'",
        (
            "edge-on galaxy",
            "a disk galaxy seen edge-on",
            "thin edge-on disk",
            "galaxy viewed from the side",
            "highly inclined elongated disk",
        ),
    ),
    "elliptical": (
        GZ1,
        "gz1 = 'elliptical'",
        (
            "elliptical galaxy",
            "a smooth elliptical",
            "round smooth early-type galaxy",
            "featureless spheroidal galaxy",
            "red and smooth elliptical",
        ),
    ),
    "merging": (
        GZ1,
        "gz1 = 'merger'",
        (
            "merging galaxies",
            "two galaxies colliding",
            "interacting pair of galaxies",
            "galaxy merger with disturbed shape",
            "two galaxies in contact",
        ),
    ),
    "ring": (
        "ring IS NOT NULL",
        "ring",
        (
            "ring galaxy",
            "galaxy with a ring",
            "a ring of stars around the centre",
            "galaxy surrounded by an outer ring",
            "ringed disk",
        ),
    ),
    "lens": (
        "lens_grade IS NOT NULL",
        "lens_grade >= 2",
        (
            "gravitational lens",
            "blue arc around a red galaxy",
            "strong gravitational lensing",
            "Einstein ring",
            "lensed background galaxy with arcs",
        ),
    ),
}
MODES: tuple[Mode, ...] = ("vector", "hybrid")


@dataclass(frozen=True)
class Population:
    """Whom a question is asked of, and who is right.

    Attributes
    ----------
    where
        The filter that leaves them.
    places
        From id to position.
    relevance
        1 for a right answer: ``(N,)``.
    """

    where: str
    places: dict[str, int]
    relevance: NDArray[np.float64]

    @classmethod
    def of(cls, archive: Archive, asked: str, right: str) -> Population:
        """Read it."""
        ids = [str(name) for name in archive.read(["id"], where=asked)["id"].to_pylist()]
        good = set(archive.read(["id"], where=f"({asked}) AND ({right})")["id"].to_pylist())
        places = {name: i for i, name in enumerate(ids)}
        return cls(asked, places, np.array([float(name in good) for name in ids]))


def full_ranking(archive: Archive, query: Query, population: Population) -> NDArray[np.intp]:
    """Rank everything: the hits, then what the search left out, in an order that means nothing."""
    hits = [population.places[str(hit.id)] for hit in archive.answer(query)]
    others = np.setdiff1d(np.arange(len(population.places)), hits)
    return np.concatenate([hits, np.random.default_rng(0).permutation(others)]).astype(np.intp)


def by_words(
    archive: Archive, mode: Mode, texts: tuple[str, ...], population: Population
) -> dict[str, str]:
    """Score all wordings of a question."""
    total = len(population.places)
    queries = [
        Query(terms=(TextTerm(text=t),), where=population.where, mode=mode, k=total) for t in texts
    ]
    rankings = np.stack([full_ranking(archive, query, population) for query in queries])
    scores = score_rankings(rankings, population.relevance, seed=0)
    return {
        name: f"{figure(scores.overall[name])} ({min(each):.2f}–{max(each):.2f})"
        for name, each in scores.each.items()
    }


def by_images(vectors: NDArray[np.float32], relevance: NDArray[np.float64]) -> dict[str, str]:
    """Score the mean over all query images of the class, each left out of its own answer."""
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    for query in np.flatnonzero(relevance):
        order = np.argsort(-(vectors @ vectors[query]), kind="stable")
        others = relevance[order[order != query]]
        for name, metric in METRICS.items():
            found[name].append(metric(others))
    return {name: figure(bootstrap_mean(values, seed=0)) for name, values in found.items()}


def by_chance(relevance: NDArray[np.float64]) -> dict[str, str]:
    """Give the expectation over all orders."""
    total, relevant = len(relevance), int(relevance.sum())
    expected = {
        "nDCG@10": expected_ndcg_at_k(relevance, 10),
        "average precision": expected_average_precision(relevant, total),
        "recall@100": min(1.0, 100 / total),
    }
    return {name: f"{value:.3f}" for name, value in expected.items()}


def figure(interval: Interval) -> str:
    """Show a mean and its interval."""
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def image_vectors(archive: Archive, population: Population) -> NDArray[np.float32]:
    """Give the image encoder's own vectors in the population's order."""
    found = archive.read(["id", "image_vector"], where=population.where)
    order = np.argsort([population.places[str(name)] for name in found["id"].to_pylist()])
    flat = np.asarray(found["image_vector"].combine_chunks().flatten(), np.float32)
    rows: NDArray[np.float32] = flat.reshape(len(order), -1)[order]
    return rows


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    options = parser.parse_args()
    archive = held_out_archive(options.work)
    asked = {
        name: (Population.of(archive, where, right), texts)
        for name, (where, right, texts) in QUESTIONS.items()
    }
    found: dict[str, dict[str, dict[str, str]]] = {name: {} for name in asked}
    for encoder in encoders(options.work):
        embedded(archive, options.work, encoder)
        for name, (population, texts) in asked.items():
            methods = found[name]
            for mode in MODES:
                methods[f"words by {encoder}, {mode}"] = by_words(archive, mode, texts, population)
            vectors = image_vectors(archive, population)
            methods[f"images by {encoder}"] = by_images(vectors, population.relevance)
    rows: list[list[object]] = []
    for name, (population, texts) in asked.items():
        found[name]["words of the captions"] = by_words(archive, "text", texts, population)
        found[name]["random"] = by_chance(population.relevance)
        label = f"{name} ({int(population.relevance.sum())} of {len(population.places)})"
        rows += [[label, method, *scores.values()] for method, scores in found[name].items()]
    publish("retrieval", table(["question", "method", *METRICS], rows), write=options.write)


if __name__ == "__main__":
    main()
