"""How a search is evaluated."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skylore.errors import QueryError
from skylore.evaluation.metrics import Gain
from skylore.evaluation.ties import Cuts
from skylore.explaining import explain
from skylore.search.query import Mode

__all__ = ["Settings"]

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
