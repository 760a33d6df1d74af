"""Search in words without a single label: Galaxy Zoo 1, captions from measurements only.

``python -m benchmarks.retrieval``: ingests ``gz1_sdss.parquet``, measures every image, writes
captions, embeds, aligns, and ranks all galaxies for five wordings of each of four questions. The
classes of Galaxy Zoo 1 are used for scoring alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.report import arguments, publish, table
from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.evaluation.bootstrap import Interval, bootstrap_mean
from skylore.evaluation.metrics import expected_average_precision, expected_ndcg_at_k
from skylore.evaluation.rankings import METRICS, score_rankings
from skylore.search.query import Mode, Query, TextTerm

DATA = Path(__file__).parents[2] / "shared" / "data" / "gz1_sdss.parquet"

QUESTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "spiral": (
        ("spiral-clockwise", "spiral-anticlockwise"),
        (
            "spiral galaxy",
            "a galaxy with spiral arms",
            "face-on spiral with visible arms",
            "disk galaxy with winding arms",
            "late-type spiral",
        ),
    ),
    "edge-on": (
        ("edge-on",),
        (
            "edge-on galaxy",
            "a disk galaxy seen edge-on",
            "thin edge-on disk",
            "galaxy viewed from the side",
            "highly inclined elongated disk",
        ),
    ),
    "elliptical": (
        ("elliptical",),
        (
            "elliptical galaxy",
            "a smooth elliptical",
            "round smooth early-type galaxy",
            "featureless spheroidal galaxy",
            "red and smooth elliptical",
        ),
    ),
    "merging": (
        ("merger",),
        (
            "merging galaxies",
            "two galaxies colliding",
            "interacting pair of galaxies",
            "galaxy merger with disturbed shape",
            "two galaxies in contact",
        ),
    ),
}
MODES: tuple[Mode, ...] = ("vector", "hybrid", "text")


def build(folder: Path) -> Archive:
    """Make the archive, or go on with it; nothing sees ``gz1_class``."""
    archive, _ = pipeline.ingest(folder, DATA)
    for line in pipeline.build(archive, FillOptions()):
        print(line)
    return archive


def full_ranking(archive: Archive, query: Query, places: dict[str, int]) -> NDArray[np.intp]:
    """Rank everything: the hits, then what the search left out, in an order that means nothing."""
    hits = [places[str(hit.id)] for hit in archive.answer(query)]
    others = np.setdiff1d(np.arange(len(places)), hits)
    return np.concatenate([hits, np.random.default_rng(0).permutation(others)]).astype(np.intp)


def by_words(
    archive: Archive,
    mode: Mode,
    texts: tuple[str, ...],
    relevance: NDArray[np.float64],
    places: dict[str, int],
) -> dict[str, str]:
    """Score all wordings of a question."""
    rankings = np.stack(
        [
            full_ranking(
                archive, Query(terms=(TextTerm(text=t),), mode=mode, k=len(places)), places
            )
            for t in texts
        ]
    )
    scores = score_rankings(rankings, relevance, seed=0)
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
        "recall@100": 100 / total,
    }
    return {name: f"{value:.3f}" for name, value in expected.items()}


def figure(interval: Interval) -> str:
    """Show a mean and its interval."""
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--archive", type=Path, default=Path("gz1.skylore"), help="kept for reuse")
    options = parser.parse_args()
    archive = build(options.archive)
    objects = archive.read(["id", "gz1_class", "image_vector"], where="vector IS NOT NULL")
    places = {str(name): i for i, name in enumerate(objects["id"].to_pylist())}
    vectors = np.asarray(
        pa.chunked_array(objects["image_vector"]).combine_chunks().flatten(), np.float32
    ).reshape(len(places), -1)
    classes = np.array(objects["gz1_class"].to_pylist())
    rows: list[list[object]] = []
    for name, (wanted, texts) in QUESTIONS.items():
        relevance = np.isin(classes, wanted).astype(float)
        methods = {
            f"words, {mode}": by_words(archive, mode, texts, relevance, places) for mode in MODES
        }
        methods["image similarity"] = by_images(vectors, relevance)
        methods["random"] = by_chance(relevance)
        label = f"{name} ({int(relevance.sum())} of {len(places)})"
        rows += [[label, method, *scores.values()] for method, scores in methods.items()]
    publish("retrieval", table(["question", "method", *METRICS], rows), write=options.write)


if __name__ == "__main__":
    main()
