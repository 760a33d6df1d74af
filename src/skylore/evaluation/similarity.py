"""Image similarity as a baseline: each right answer as the query, left out of its own answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.evaluation.parts import Drawing, LikeExamples
from skylore.evaluation.population import Population
from skylore.evaluation.rankers import image_column
from skylore.evaluation.scores import MethodScores, over_queries

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["choose_examples", "draw_examples", "over_examples"]


def choose_examples(
    archive: Archive, population: Population, *, threshold: float, most: int, seed: int
) -> LikeExamples | str:
    """Draw a sample of right answers as queries, or say why there is none.

    Parameters
    ----------
    archive, population
        Where, and among whom.
    threshold
        The grade from which on an object may be a query.
    most
        Queries at most, drawn without replacement by ``seed``.
    seed
        Of the draw.
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
    return LikeExamples(column, places, vectors)


def over_examples(
    column: str, found: Sequence[tuple[dict[str, float], int]], how: Drawing
) -> MethodScores:
    """Take the mean over examples, as :meth:`LikeExamples.score` gives them, with intervals."""
    return over_queries(
        f"images, {column}",
        [figures for figures, _ in found],
        confidence=how.confidence,
        seed=how.seed,
        unranked=found[-1][1],
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
