"""What a query asks of a judge: how many hits are judged, how often, and by which words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import Field, field_validator

from skylore.errors import QueryError
from skylore.search.reranking.spending import Policy, Spending
from skylore.search.terms import Term, TextTerm
from skylore.search.value import Value

__all__ = ["HasTerms", "RerankRequest"]

MOST_CANDIDATES = 10_000
MOST_SAMPLES = 50
FEWEST_PLACES = 20
AIMED = 8
"""With the adaptive policy an object is asked about at most so many times the mean."""

Place = Annotated[int, Field(ge=1, le=MOST_CANDIDATES)]


class HasTerms(Protocol):
    """What asks for something, as a :class:`skylore.search.query.Query` does."""

    @property
    def terms(self) -> Sequence[Term]:
        """What hits resemble."""


class RerankRequest(Value):
    """Have the first hits of an answer judged, and put the certain ones first.

    It is part of a query, and does not say who judges: that is for whoever answers it.

    Attributes
    ----------
    candidates
        How many of the most similar objects are judged.
    samples
        Answers about each of them on average; their mean is its certainty.
    questions
        The most that are asked in all; ``candidates · samples`` unless given.
    policy
        ``adaptive`` asks about each candidate once, and then where an answer may change the first
        places; ``uniform`` asks about each equally often.
    wanted
        What images should show; the words of the query unless given.
    top
        How many places ``adaptive`` cares for; a tenth of the candidates unless given, and at least
        20. Not the length of a page, so that all pages are of one order.
    """

    candidates: Place = 100
    samples: int = Field(3, ge=1, le=MOST_SAMPLES)
    questions: int | None = Field(None, ge=1, le=MOST_CANDIDATES * MOST_SAMPLES)
    policy: Policy = "adaptive"
    wanted: str | None = Field(None, max_length=4000)
    top: Place | None = None

    @field_validator("wanted")
    @classmethod
    def _says_something(cls, wanted: str | None) -> str | None:
        if wanted is not None and not wanted.strip():
            raise ValueError("say in words what images should show")
        return wanted

    def words(self, query: HasTerms) -> str:
        """Say what images should show.

        Raises
        ------
        QueryError
            Neither the query nor this value says it in words.
        """
        if self.wanted is not None:
            return self.wanted
        texts = [term for term in query.terms if isinstance(term, TextTerm)]
        wanted = [term.text for term in texts if term.weight > 0]
        if not wanted:
            raise QueryError(
                "the query has no words that an image could be judged by; say what it should show "
                "(--rerank-words, or wanted=…)"
            )
        unwanted = [term.text for term in texts if term.weight < 0]
        return "; ".join([" and ".join(wanted), *(f"but not: {text}" for text in unwanted)])

    def spending(self, candidates: int) -> Spending:
        """Give the rules for so many candidates."""
        questions = candidates * self.samples
        most = self.samples * (AIMED if self.policy == "adaptive" else 1)
        top = self.top or max(FEWEST_PLACES, candidates // 10)
        return Spending(self.policy, min(questions, self.questions or questions), top, most)
