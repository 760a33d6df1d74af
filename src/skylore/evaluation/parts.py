"""What evaluating one question consists of: parts that depend on nothing but their population."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from skylore.evaluation.population import Population
from skylore.evaluation.rankers import scores_like, scores_of_text
from skylore.evaluation.scores import MethodScores, by_chance, over_objects
from skylore.evaluation.ties import Cuts, TiedRanking
from skylore.search.query import Mode

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Blind", "ByChance", "ByWords", "Drawing", "LikeExamples", "Part"]


class Drawing(BaseModel):
    """Of the bootstrap: how often, how sure, and from which seed."""

    model_config = ConfigDict(frozen=True)

    resamples: int
    confidence: float
    seed: int


class Part(Protocol):
    """A part of an evaluation: small, and sent to other processes."""

    def score(self, archive: Archive, population: Population, cuts: Cuts, how: Drawing, /) -> Any:  # noqa: ANN401 - each kind its own
        """Work on it."""


@dataclass(frozen=True)
class ByWords:
    """All wordings of a question, by one way of searching."""

    texts: tuple[str, ...]
    mode: Mode

    def score(
        self, archive: Archive, population: Population, cuts: Cuts, how: Drawing
    ) -> MethodScores:
        """Search, score, and draw again."""
        scores = [scores_of_text(archive, text, self.mode, population) for text in self.texts]
        return over_objects(f"words, {self.mode}", scores, population, cuts, **dict(how))


@dataclass(frozen=True)
class LikeExamples:
    """Some examples as queries of image similarity.

    Attributes
    ----------
    column
        Of their vectors.
    places
        In the population, ``(Q,)``.
    vectors
        ``(Q, D)``.
    """

    column: str
    places: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def score(
        self, archive: Archive, population: Population, cuts: Cuts, _how: Drawing
    ) -> list[tuple[dict[str, float], int]]:
        """Give, for each example, the figures of the others, and how many had no vector."""
        found = []
        for place, vector in zip(self.places, self.vectors, strict=True):
            scores = scores_like(archive, self.column, vector, population)
            kept = np.arange(len(population)) != place
            ranking = TiedRanking(
                scores[kept], population.grades[kept], population.relevant[kept], cuts
            )
            found.append((ranking.figures(), int(np.isneginf(scores).sum())))
        return found

    def split(self, most: int) -> Iterator[LikeExamples]:
        """Give the same examples, in their order, ``most`` at a time."""
        for start in range(0, len(self.places), most):
            few = slice(start, start + most)
            yield LikeExamples(self.column, self.places[few], self.vectors[few])


@dataclass(frozen=True)
class Blind:
    """The same score for every object."""

    def score(
        self, _archive: Archive, population: Population, cuts: Cuts, how: Drawing
    ) -> MethodScores:
        """Score it like a search."""
        same: Sequence[NDArray[np.float64]] = [np.zeros(len(population))]
        return over_objects("blind constant", same, population, cuts, **dict(how))


@dataclass(frozen=True)
class ByChance:
    """A random order."""

    def score(
        self, _archive: Archive, population: Population, cuts: Cuts, how: Drawing
    ) -> MethodScores:
        """Give the mean over all orders, and what single ones score."""
        return by_chance(population, cuts, **dict(how))
