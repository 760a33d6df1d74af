"""Measuring how well an archive answers questions in words, beside what asks for no words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skylore.errors import QueryError
from skylore.evaluation.contamination import Contamination, find_contamination
from skylore.evaluation.metrics import Gain
from skylore.evaluation.population import Population, read_population
from skylore.evaluation.questions import Question
from skylore.evaluation.rankers import choose_modes, remarks_on, scores_of_text
from skylore.evaluation.report import QuestionReport, SearchReport
from skylore.evaluation.scores import MethodScores, by_chance, over_objects
from skylore.evaluation.similarity import by_images
from skylore.evaluation.ties import Cuts
from skylore.explaining import explain
from skylore.search.filters import predicate_for
from skylore.search.query import Mode, Query

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Settings", "evaluate_search"]

Cut = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """How to evaluate.

    Attributes
    ----------
    modes
        Ways of searching in words; None takes ``vector`` and ``text`` where the archive has them.
    cuts
        Of recall and hits. Those that the whole population fits into are left out, as they say
        nothing.
    ndcg_cut
        Of nDCG.
    gain
        ``exponential``, ``2^rel − 1``, as published; or ``linear``, ``rel``.
    image_queries
        Relevant objects that are drawn as queries of image similarity; 0 for none.
    where
        A filter on all questions.
    resamples, confidence, seed
        Of the bootstrap and of the draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    modes: tuple[Mode, ...] | None = None
    cuts: Annotated[tuple[Cut, ...], Field(max_length=20)] = (10, 100, 1000)
    ndcg_cut: Cut = 10
    gain: Gain = "exponential"
    image_queries: Annotated[int, Field(ge=0, le=10_000)] = 100
    where: str | None = None
    resamples: Annotated[int, Field(ge=20, le=100_000)] = 1000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 0

    @classmethod
    def build(cls, **given: Any) -> Settings:  # noqa: ANN401 - checked by pydantic
        """Make settings of those given that are not None.

        Raises
        ------
        QueryError
            One is out of range; the message says which.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise QueryError(explain(error)) from error

    def cuts_for(self, population: int) -> Cuts:
        """Choose the cuts that say something about so many objects."""
        recall = tuple(sorted({k for k in self.cuts if k < population}))
        return Cuts(self.ndcg_cut, recall, self.gain)


def evaluate_search(
    archive: Archive,
    questions: Sequence[Question],
    settings: Settings | None = None,
    *,
    training: str | Path | None = None,
    exclude_within: float | None = None,
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
    reports = [
        _ask(archive, question, population, modes, settings)
        for question, population in zip(questions, populations, strict=True)
    ]
    return SearchReport(
        archive=str(archive),
        questions=tuple(reports),
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


def _ask(
    archive: Archive,
    question: Question,
    population: Population,
    modes: Sequence[Mode],
    settings: Settings,
) -> QuestionReport:
    cuts = settings.cuts_for(len(population))
    drawing: dict[str, Any] = {"confidence": settings.confidence, "seed": settings.seed}
    bootstrap = {**drawing, "resamples": settings.resamples}
    methods: list[MethodScores] = []
    for mode in modes:
        scores = [scores_of_text(archive, text, mode, population) for text in question.texts]
        methods.append(over_objects(f"words, {mode}", scores, population, cuts, **bootstrap))
    notes = remarks_on(archive, modes)
    if settings.image_queries:
        found = by_images(
            archive,
            population,
            cuts,
            threshold=question.example_threshold or question.threshold,
            most=settings.image_queries,
            **drawing,
        )
        if isinstance(found, str):
            notes.append(found)
        else:
            methods.append(found)
    same = [np.zeros(len(population))]
    methods.append(over_objects("blind constant", same, population, cuts, **bootstrap))
    methods.append(by_chance(population, cuts, **bootstrap))
    return QuestionReport(
        name=question.name,
        relevance=question.relevance,
        texts=question.texts,
        objects=len(population),
        relevant=int(population.relevant.sum()),
        mean_grade=float(population.grades.mean()),
        methods=tuple(methods),
        notes=tuple(notes),
    )
