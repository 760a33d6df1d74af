"""Scores of every object of a population, by words or by example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.errors import ColumnError
from skylore.evaluation.population import Population
from skylore.search.filters import predicate_for
from skylore.search.index import has_index
from skylore.search.query import Mode, Query, TextTerm
from skylore.search.ranking import by_scan
from skylore.search.service import WORDS
from skylore.search.space import words_column

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["choose_modes", "image_column", "remarks_on", "scores_like", "scores_of_text"]

Floats = NDArray[np.float64]


def choose_modes(archive: Archive) -> tuple[Mode, ...]:
    """Name the ways in which an archive can be searched in words.

    Raises
    ------
    ColumnError
        There is none.
    """
    modes: list[Mode] = []
    shared = words_column(archive)
    if shared is not None and _filled(archive, shared):
        modes.append("vector")
    if any(_filled(archive, name) for name in WORDS):
        modes.append("text")
    if not modes:
        raise ColumnError(
            f"{archive} cannot be searched in words: it has neither vectors shared with words nor "
            "captions; run `skylore embed`, and `skylore align` where the encoder needs it"
        )
    return tuple(modes)


def remarks_on(archive: Archive, modes: Sequence[Mode]) -> list[str]:
    """Say what makes a way of searching worse than it could be."""
    column = next((name for name in WORDS if name in archive.schema.names), None)
    if column is None or set(modes) <= {"vector"} or has_index(archive, column):
        return []
    return ["captions have no index, so that only whole words were found; run `skylore index`"]


def image_column(archive: Archive) -> str | None:
    """Name the column of the images' own vectors, else the one shared with words, else None."""
    return next((name for name in ("image_vector", "vector") if _filled(archive, name)), None)


def scores_of_text(archive: Archive, text: str, mode: Mode, population: Population) -> Floats:
    """Score every object as search does, without an index; −inf where it finds none."""
    query = Query(terms=(TextTerm(text=text),), where=population.where, mode=mode, exact=True)
    # The bound on k is for those who ask over a network: copying does not check it again.
    everything = query.model_copy(update={"k": len(archive), "columns": ()})
    return _spread(archive.answer(everything).table, population)


def scores_like(
    archive: Archive, column: str, vector: NDArray[np.float32], population: Population
) -> Floats:
    """Score every object by cosine similarity to a vector; −inf where it has none itself."""
    where = predicate_for(Query(where=population.where), archive.schema)
    ranking = by_scan(archive, column, vector, len(archive), where)
    return _spread(ranking, population)


def _spread(ranking: pa.Table, population: Population) -> Floats:
    places = population.places(ranking[ID])
    scores = np.full(len(population), -np.inf)
    values = ranking["score"].to_numpy().astype(np.float64)
    known = (places >= 0) & ~np.isnan(values)  # a vector of zeros has no direction
    scores[places[known]] = values[known]
    return scores


def _filled(archive: Archive, column: str) -> bool:
    return column in archive.schema.names and archive.filled(column) > 0
