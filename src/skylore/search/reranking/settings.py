"""How an answer is to be re-ranked, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from skylore.errors import QueryError
from skylore.search.query import MAX_K, Query, TextTerm
from skylore.search.reranking.allocation import Policy, Spending
from skylore.search.reranking.judge import Judge

__all__ = ["Reranked", "Reranking"]

MOST_SAMPLES = 50
FEWEST_PLACES = 20
AIMED = 8
"""With the adaptive policy an object is asked about at most so many times the mean."""


@dataclass(frozen=True)
class Reranking:
    """Have the first hits of an answer judged, and put the certain ones first.

    Attributes
    ----------
    judge
        Who looks at the images; see :class:`skylore.search.reranking.by_model.ModelJudge`.
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

    Raises
    ------
    QueryError
        A number is out of range.
    """

    judge: Judge
    candidates: int = 100
    samples: int = 3
    questions: int | None = None
    policy: Policy = "adaptive"
    wanted: str | None = None
    top: int | None = None

    def __post_init__(self) -> None:
        _within("candidates", self.candidates, MAX_K)
        _within("samples", self.samples, MOST_SAMPLES)
        if self.questions is not None:
            _within("questions", self.questions, MAX_K * MOST_SAMPLES)
        if self.top is not None:
            _within("top", self.top, MAX_K)
        if self.policy not in ("adaptive", "uniform"):
            raise QueryError(f"there is no policy {self.policy!r}; use adaptive or uniform")
        if self.wanted is not None and not self.wanted.strip():
            raise QueryError("say in words what images should show")

    def words(self, query: Query) -> str:
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


@dataclass(frozen=True)
class Reranked:
    """What came of it.

    Attributes
    ----------
    wanted, policy
        What the judge was asked about, and how questions were spent.
    candidates, judged, failed
        Objects that were to be judged; that have a certainty; that have an error.
    answers
        Certainties in all.
    cut_short
        Whether the judge ended before all was asked.
    """

    wanted: str
    policy: Policy
    candidates: int
    judged: int
    failed: int
    answers: int
    cut_short: bool

    @property
    def message(self) -> str | None:
        """Say what is missing, if anything is."""
        parts = []
        if self.failed:
            parts.append(f"{self.failed} of {self.candidates} could not be judged each time")
        if self.cut_short:
            parts.append("the judge ended before all was asked")
        rest = self.candidates - self.judged
        if rest:
            parts.append(f"{rest} without certainty follow the judged ones by similarity")
        return "; ".join(parts) or None

    def __str__(self) -> str:
        """Say it in a line."""
        return f"first {self.candidates} re-ranked by {self.answers} answers ({self.policy})"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)


def _within(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise QueryError(f"{name} of re-ranking must lie in 1 to {most:,}, not {value}")
