"""One question as it is put to an archive, and the report on what its parts found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skylore.evaluation.parts import Blind, ByChance, ByWords, Drawing, LikeExamples, Part
from skylore.evaluation.population import Population
from skylore.evaluation.questions import Question
from skylore.evaluation.rankers import remarks_on
from skylore.evaluation.report import QuestionReport
from skylore.evaluation.similarity import choose_examples, over_examples
from skylore.evaluation.ties import Cuts

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.evaluation.settings import Settings
    from skylore.search.query import Mode

__all__ = ["Asked", "ask"]


@dataclass(frozen=True)
class Asked:
    """A question, of whom, and the parts of the work.

    Attributes
    ----------
    question, population, cuts, how
        What, of whom, and how it is scored.
    parts
        In the order of the report; baselines last.
    notes
        What cannot be measured, and why.
    """

    question: Question
    population: Population
    cuts: Cuts
    how: Drawing
    parts: tuple[Part, ...]
    notes: tuple[str, ...]

    def score(self, archive: Archive) -> list[Any]:
        """Work on all parts, one after the other."""
        return [part.score(archive, self.population, self.cuts, self.how) for part in self.parts]

    def report(self, found: Sequence[Any]) -> QuestionReport:
        """Put together what the parts found."""
        methods = [
            over_examples(part.column, scores, self.how)
            if isinstance(part, LikeExamples)
            else scores
            for part, scores in zip(self.parts, found, strict=True)
        ]
        return QuestionReport(
            name=self.question.name,
            relevance=self.question.relevance,
            texts=self.question.texts,
            objects=len(self.population),
            relevant=int(self.population.relevant.sum()),
            mean_grade=float(self.population.grades.mean()),
            methods=tuple(methods),
            notes=self.notes,
        )


def ask(
    archive: Archive,
    question: Question,
    population: Population,
    modes: Sequence[Mode],
    settings: Settings,
) -> Asked:
    """Say what there is to do for a question; the examples are drawn here."""
    parts: list[Part] = [ByWords(question.texts, mode) for mode in modes]
    notes = remarks_on(archive, modes)
    if settings.image_queries:
        examples = choose_examples(
            archive,
            population,
            threshold=question.example_threshold or question.threshold,
            most=settings.image_queries,
            seed=settings.seed,
        )
        if isinstance(examples, str):
            notes.append(examples)
        else:
            parts.append(examples)
    how = Drawing(resamples=settings.resamples, confidence=settings.confidence, seed=settings.seed)
    cuts = settings.cuts_for(len(population))
    return Asked(question, population, cuts, how, (*parts, Blind(), ByChance()), tuple(notes))
