"""Measuring how well an archive answers questions in words, beside what asks for no words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from skylore.errors import QueryError
from skylore.evaluation.asked import ask
from skylore.evaluation.contamination import Contamination, find_contamination
from skylore.evaluation.population import Population, read_population
from skylore.evaluation.questions import Question
from skylore.evaluation.rankers import choose_modes
from skylore.evaluation.report import SearchReport
from skylore.evaluation.settings import Settings
from skylore.search.filters import predicate_for
from skylore.search.query import Query

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Settings", "evaluate_search"]


def evaluate_search(
    archive: Archive,
    questions: Sequence[Question],
    settings: Settings | None = None,
    *,
    training: str | Path | None = None,
    exclude_within: float | None = None,
    engine: Literal["ray"] | None = None,
    workers: int | None = None,
) -> SearchReport:
    """Measure how well an archive answers questions in words.

    Each question is asked in all its wordings, of every object, without an index. Beside it stand
    image similarity (each of a sample of right answers is the query, and left out), a blind
    constant (every object has the same score) and a random order. All are scored by the same
    estimator, which takes what is tied in every order.

    Parameters
    ----------
    archive, questions, settings
        Where, what, and how.
    training, exclude_within
        A table or archive of the objects that a model was trained on, and a radius in arcseconds:
        objects within it of one of them are dropped.
    engine, workers
        ``ray`` spreads the work over a Ray cluster, so many parts at a time, or as many as it has
        cores; the report is the same.

    Raises
    ------
    QueryError
        A question cannot be asked as it stands (:func:`skylore.evaluation.population
        .read_population` says when), or only one of ``training`` and ``exclude_within`` is given.
    ColumnError
        The archive cannot be searched in words, or positions are missing.
    SourceError
        The training table cannot be read, or positions are missing.
    """
    settings = settings or Settings()
    if not questions:
        raise QueryError("there is no question; give a query and its relevance, or a file")
    contamination = _contamination(archive, settings, training, exclude_within)
    dropped = contamination.dropped if contamination else frozenset()
    populations = [_population(archive, question, settings, dropped) for question in questions]
    modes = settings.modes or choose_modes(archive)
    asked = [
        ask(archive, question, population, modes, settings)
        for question, population in zip(questions, populations, strict=True)
    ]
    if engine == "ray":
        from skylore.evaluation.on_ray import score_on_ray

        results = score_on_ray(archive, asked, workers)
    else:
        results = [each.score(archive) for each in asked]
    return SearchReport(
        archive=str(archive),
        questions=tuple(each.report(found) for each, found in zip(asked, results, strict=True)),
        settings=settings.model_dump(mode="json"),
        contamination=str(contamination) if contamination else None,
        dropped=len(dropped),
    )


def _contamination(
    archive: Archive, settings: Settings, training: str | Path | None, radius: float | None
) -> Contamination | None:
    if (training is None) != (radius is None):
        raise QueryError("a contamination check needs both a training table and a radius")
    if training is None or radius is None:
        return None
    where = predicate_for(Query.build(where=settings.where), archive.schema)
    return find_contamination(archive, training, radius=radius, where=where)


def _population(
    archive: Archive, question: Question, settings: Settings, dropped: Collection[str | int]
) -> Population:
    return read_population(
        archive, question, where=settings.where, dropped=dropped, gain=settings.gain
    )
