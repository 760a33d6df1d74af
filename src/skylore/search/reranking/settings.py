"""Who re-ranks an answer and how, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import ConfigDict, SkipValidation, ValidationError

from skylore.errors import QueryError
from skylore.explaining import explain
from skylore.search.reranking.judge import Judge
from skylore.search.reranking.request import RerankRequest
from skylore.search.reranking.spending import Policy

__all__ = ["Reranked", "Reranking"]


class Reranking(RerankRequest):
    """A request, and who looks at the images.

    Parameters
    ----------
    judge
        Such as :class:`skylore.search.reranking.by_model.ModelJudge`.
    candidates, **rules
        As :class:`skylore.search.reranking.request.RerankRequest`.

    Raises
    ------
    QueryError
        A rule is out of range.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    judge: SkipValidation[Judge]

    def __init__(self, judge: Judge, candidates: int = 100, **rules: Any) -> None:  # noqa: ANN401 - checked by pydantic
        given: dict[str, Any] = {"judge": judge, "candidates": candidates, **rules}
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise QueryError(f"not to be re-ranked so: {explain(error)}") from error

    @classmethod
    def of(cls, judge: Judge, request: RerankRequest) -> Self:
        """Have a judge do what was requested."""
        return cls(judge, **request.model_dump())

    @property
    def request(self) -> RerankRequest:
        """The rules alone, as a query holds them."""
        return RerankRequest(**self.model_dump(exclude={"judge"}))


@dataclass(frozen=True)
class Reranked:
    """What came of it.

    Attributes
    ----------
    judge
        Who judged.
    wanted, policy
        What the judge was asked about, and how questions were spent.
    candidates, judged, failed
        Objects that were to be judged; that have a certainty; that have an error.
    answers
        Certainties in all.
    cut_short
        Whether the judge ended before all was asked.
    """

    judge: str
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
        return (
            f"first {self.candidates} re-ranked by {self.answers} answers of {self.judge} "
            f"({self.policy})"
        )

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)
