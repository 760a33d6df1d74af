"""What re-ranking will cost, foretold from its first answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from skylore.vlm.asker import Usage
from skylore.vlm.estimate import Interval, total
from skylore.vlm.money import PICO, shown

__all__ = ["Forecast", "forecast"]


@dataclass(frozen=True)
class Forecast:
    """What re-ranking will cost, what was asked so far included.

    Attributes
    ----------
    questions, asked
        The most that will be asked of the server, and those that were, as a sample.
    cost
        Of ``questions``, in 10⁻¹² of ``currency``, with its interval of 90 % confidence.
    budget
        The most that will be spent, in the same unit; None if nothing is charged.
    """

    questions: int
    asked: int
    cost: Interval
    currency: str
    budget: int | None

    def __str__(self) -> str:
        """Say it in two lines."""
        low, high = shown(self.cost.low, self.currency), shown(self.cost.high, self.currency)
        cost = f"cost: {shown(self.cost.expected, self.currency)} ({low} to {high})"
        if self.budget is not None:
            cost += f", and never more than {shown(self.budget, self.currency)}"
        return f"at most {self.questions} questions; {self.asked} were asked, as a sample\n{cost}"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values, money in whole units of the currency."""
        money = {
            "expected": self.cost.expected,
            "low": self.cost.low,
            "high": self.cost.high,
            "budget": self.budget,
        }
        return {
            "questions": self.questions,
            "asked": self.asked,
            "currency": self.currency,
            **{n: v / PICO if v is not None and isfinite(v) else None for n, v in money.items()},
        }


def forecast(
    usages: Sequence[Usage], *, questions: int, currency: str, budget: int | None
) -> Forecast:
    """Foretell the cost of ``questions`` from what the first of them took."""
    cost = total([use.cost for use in usages], questions)
    if budget is not None:
        cost = Interval(*(min(value, budget) for value in (cost.expected, cost.low, cost.high)))
    return Forecast(questions, len(usages), cost, currency, budget)
