"""How the questions of a re-ranking are spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Policy", "Spending"]

Policy = Literal["adaptive", "uniform"]


@dataclass(frozen=True)
class Spending:
    """How questions are spent.

    Attributes
    ----------
    policy
        ``uniform`` asks about each candidate ``samples`` times; ``adaptive`` once, and then where
        an answer may change the top ``k``.
    questions
        How many in all.
    k
        The length of the answer that matters.
    samples
        With ``uniform``, answers about each candidate; with ``adaptive``, at most so many.
    """

    policy: Policy
    questions: int
    k: int
    samples: int
