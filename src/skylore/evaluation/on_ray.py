"""Evaluating over a Ray cluster: workers search and score, one process puts it together.

Draws depend on their seeds alone and each part is worked on whole, so that the report is the same
as that of one process. A local archive must lie at the same path everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skylore.archive.cluster import Cluster
from skylore.archive.location import Location
from skylore.evaluation.asked import Asked
from skylore.evaluation.parts import ByWords, Drawing, LikeExamples, Part
from skylore.evaluation.population import Population
from skylore.evaluation.ties import Cuts
from skylore.search.query import Query, TextTerm
from skylore.search.space import open_space

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["score_on_ray"]

EXAMPLES = 8
"""Image queries a piece."""

Key = tuple[int, int, int]
"""Numbers of the question, of its part, and of the piece of that."""


@dataclass(frozen=True)
class _Where:
    location: Location
    version: int

    def open(self) -> Archive:
        from skylore.archive.table import Archive

        options = self.location.storage_options
        return Archive.open(self.location.root, version=self.version, storage_options=options)


def score_on_ray(
    archive: Archive, asked: Sequence[Asked], workers: int | None = None
) -> list[list[Any]]:
    """Do as :meth:`Asked.score` for each question, over a cluster.

    Raises
    ------
    DependencyMissingError
        Ray is not installed.
    ArchiveError
        Workers died on a piece again and again.
    """
    _remember_words(archive, asked)
    cluster: Cluster[Any] = Cluster(_work, "evaluate")
    where = _Where(archive.location, archive.version)
    found = dict(cluster.results(_begun(cluster, where, asked), workers))
    return [
        [_joined(found, n, i, part) for i, part in enumerate(question.parts)]
        for n, question in enumerate(asked)
    ]


def _begun(
    cluster: Cluster[Any], where: _Where, asked: Sequence[Asked]
) -> Iterator[tuple[Key, Any]]:
    for n, question in enumerate(asked):
        population = cluster.share(question.population)
        for i, part in enumerate(question.parts):
            for j, piece in enumerate(_pieces(part)):
                given = (where, piece, question.cuts, question.how)
                yield (n, i, j), cluster.submit(given, population)


def _pieces(part: Part) -> Iterator[Part]:
    if isinstance(part, LikeExamples):
        yield from part.split(EXAMPLES)
    else:
        yield part


def _joined(found: dict[Key, Any], n: int, i: int, part: Part) -> Any:  # noqa: ANN401 - as Part.score
    pieces = [found[n, i, j] for j, _ in enumerate(_pieces(part))]
    return (
        [one for piece in pieces for one in piece] if isinstance(part, LikeExamples) else pieces[0]
    )


def _remember_words(archive: Archive, asked: Sequence[Asked]) -> None:
    """Encode the wordings once, where workers find them: in the archive's questions."""
    for question in asked:
        for part in question.parts:
            if isinstance(part, ByWords) and part.mode != "text":
                for text in part.texts:
                    query = Query(terms=(TextTerm(text=text),))
                    open_space(archive, query).vector_of(query.terms)


_opened: tuple[_Where, Archive] | None = None


def _work(given: tuple[_Where, Part, Cuts, Drawing], population: Population) -> Any:  # noqa: ANN401 - as Part.score
    global _opened  # noqa: PLW0603 - where a worker process keeps the archive and its models
    where, piece, cuts, how = given
    if _opened is None or _opened[0] != where:
        _opened = where, where.open()
    return piece.score(_opened[1], population, cuts, how)
