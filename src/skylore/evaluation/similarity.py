"""Image similarity as a baseline: each right answer as the query, left out of its own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.evaluation.population import Population
from skylore.evaluation.rankers import image_column, scores_like
from skylore.evaluation.scores import MethodScores, over_queries
from skylore.evaluation.ties import Cuts, TiedRanking

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["by_images", "draw_examples"]


def by_images(
    archive: Archive,
    population: Population,
    cuts: Cuts,
    *,
    threshold: float,
    most: int,
    confidence: float,
    seed: int,
) -> MethodScores | str:
    """Score the mean over a sample of right answers as queries, or say why there is none.

    Parameters
    ----------
    archive, population, cuts
        Where, among whom, and where to cut.
    threshold
        The grade from which on an object may be a query.
    most
        Queries at most, drawn without replacement by ``seed``.
    confidence, seed
        Of the intervals, which are over queries.
    """
    column = image_column(archive)
    if column is None:
        return "no image similarity: the archive has no vectors of images"
    if population.relevant.sum() < 2:
        return "no image similarity: it needs two right answers, one of them as the query"
    places, vectors = draw_examples(
        archive, column, population, threshold=threshold, most=most, seed=seed
    )
    if len(places) == 0:
        return f"no image similarity: no right answer of grade {threshold:g} has an {column}"
    each, unranked = [], 0
    for place, vector in zip(places, vectors, strict=True):
        scores = scores_like(archive, column, vector, population)
        unranked = int(np.isneginf(scores).sum())
        kept = np.arange(len(population)) != place
        ranking = TiedRanking(
            scores[kept], population.grades[kept], population.relevant[kept], cuts
        )
        each.append(ranking.figures())
    return over_queries(
        f"images, {column}", each, confidence=confidence, seed=seed, unranked=unranked
    )


def draw_examples(
    archive: Archive, column: str, population: Population, *, threshold: float, most: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Draw objects of a grade that have a vector.

    Returns
    -------
    places
        ``(Q,)``, in the population, in ascending order; ``Q`` is at most ``most``.
    vectors
        ``(Q, D)``.
    """
    good = np.flatnonzero(population.relevant & (population.grades >= threshold))
    rows = archive.rows_of(population.ids.take(pa.array(good)).to_pylist())
    found = archive.take(rows["_rowid"], [ID, column])
    found = found.filter(found[column].is_valid())
    places = population.places(found[ID])
    by_place = np.argsort(places)
    drawn = np.random.default_rng(seed).permutation(len(places))[:most]
    chosen = by_place[np.sort(drawn)]
    flat = found[column].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = flat.reshape(len(places), -1) if len(places) else flat.reshape(0, 0)
    return places[chosen], vectors[chosen].astype(np.float32)
