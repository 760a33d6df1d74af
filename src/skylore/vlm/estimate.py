"""What a run will take, foretold from a sample of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skylore.vlm.asker import Usage
from skylore.vlm.limits import LimitSettings
from skylore.vlm.money import shown

__all__ = ["CONFIDENCE", "Estimate", "Interval", "estimate", "total"]

CONFIDENCE = 0.9
_IN_BATCHES = "time: up to a day for a batch, as the provider has it"


@dataclass(frozen=True)
class Interval:
    """A figure that is expected, and the interval that holds it with 90 % confidence."""

    expected: float
    low: float
    high: float

    def scaled_beyond(self, known: float, share: float) -> Interval:
        """Scale what comes on top of what is known."""
        return Interval(
            *(known + share * (x - known) for x in (self.expected, self.low, self.high))
        )


@dataclass(frozen=True)
class Estimate:
    """What a run will take in all, the sample included.

    Attributes
    ----------
    rows, sampled, failed
        Objects to be captioned, those that were, and those of them that could not be.
    tokens_in, tokens_out
        Tokens; None if the server does not count them.
    cost
        In 10⁻¹² of ``currency``.
    seconds
        How long the rest takes, if the server keeps its pace; None in batches, which take up to
        the provider's bound of a day.
    known
        What the sample cost of it.
    left
        What is left of the budget for the rest, in 10⁻¹² of the currency; None without one.
    """

    rows: int
    sampled: int
    failed: int
    tokens_in: Interval | None
    tokens_out: Interval | None
    cost: Interval
    seconds: float | None
    currency: str
    known: int
    left: int | None

    def __str__(self) -> str:
        """Say it in a few lines."""
        lines = [
            f"{self.rows} objects to caption; {self.sampled} of them were, as a sample"
            + (f", {self.failed} in vain" if self.failed else "")
        ]
        for name, tokens in (("in", self.tokens_in), ("out", self.tokens_out)):
            if tokens is not None:
                span = f"{tokens.low:,.0f} to {tokens.high:,.0f}"
                lines.append(f"tokens {name}: {tokens.expected:,.0f} ({span})")
        low, high = shown(self.cost.low, self.currency), shown(self.cost.high, self.currency)
        lines.append(f"cost: {shown(self.cost.expected, self.currency)} ({low} to {high})")
        lines.append(
            f"time: {_duration(self.seconds)}" if self.seconds is not None else _IN_BATCHES
        )
        if self.left is not None:
            lines.append(self._budget())
        return "\n".join(lines)

    def _budget(self) -> str:
        amount = shown(self.left or 0, self.currency)
        rest = self.cost.expected - self.known
        if self.left is None or rest <= self.left:
            return f"left of the budget: {amount}"
        reach = int(self.left / rest * (self.rows - self.sampled))
        return f"left of the budget: {amount}, which is enough for about {reach} more"


def total(sample: Sequence[float], rows: int) -> Interval:
    """Foretell the sum over ``rows``, of which ``sample`` holds the first drawn at random.

    The prediction interval of a sum of ``m`` further values, by Student's t:
    ``m x̄ ± t s √(m + m²/n)`` (Hahn & Meeker 1991, *Statistical Intervals*, 4.7).
    """
    from scipy.stats import t

    values = np.asarray(sample, dtype=np.float64)
    known, n, m = float(values.sum()), len(values), rows - len(values)
    if m <= 0:
        return Interval(known, known, known)
    expected = known + m * float(values.mean())
    if n < 2:
        return Interval(expected, known, float("inf"))
    spread = float(t.ppf(0.5 + CONFIDENCE / 2, n - 1) * values.std(ddof=1) * np.sqrt(m + m * m / n))
    return Interval(expected, max(known, expected - spread), expected + spread)


def estimate(
    usages: Sequence[Usage],
    *,
    rows: int,
    failed: int,
    limits: LimitSettings,
    currency: str,
    left: int | None,
    discount: float | None = None,
) -> Estimate:
    """Foretell a run from what a random sample of its rows took.

    With a ``discount`` the rest is asked in batches, which take that share off the prices.
    """
    read = [use.tokens_in for use in usages if use.tokens_in is not None]
    written = [use.tokens_out for use in usages if use.tokens_out is not None]
    rest = rows - len(usages)
    calls = rest * float(np.mean([use.calls for use in usages]))
    seconds = rest * float(np.mean([use.latency or 0 for use in usages])) / limits.concurrency
    if limits.requests_per_minute:
        seconds = max(seconds, 60 * calls / limits.requests_per_minute)
    if limits.tokens_per_minute and read and written:
        tokens = rest * float(np.mean(read) + np.mean(written))
        seconds = max(seconds, 60 * tokens / limits.tokens_per_minute)
    counted = len(read) == len(usages)
    known = sum(use.cost for use in usages)
    cost = total([use.cost for use in usages], rows).scaled_beyond(known, 1 - (discount or 0))
    return Estimate(
        rows=rows,
        sampled=len(usages),
        failed=failed,
        tokens_in=total(read, rows) if counted else None,
        tokens_out=total(written, rows) if counted else None,
        cost=cost,
        seconds=seconds if discount is None else None,
        currency=currency,
        known=known,
        left=left,
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"
