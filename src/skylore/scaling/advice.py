"""What more labels or captions would buy, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skylore.errors import ModelError
from skylore.scaling.fitted import Bounds, Fit

__all__ = ["Advice", "advise"]

_FAR = 4.0


@dataclass(frozen=True)
class Advice:
    """What ``more`` labels buy beyond ``now``.

    Attributes
    ----------
    now, more
        Labels that there are, and that would be added.
    loss_now, loss_then
        The law's loss before and after, with intervals.
    gain
        By how much the loss falls. Its interval is its own: the two losses err together.
    share
        The gain as a part of what labels without end would remove: ``1 − (1 + more/now)^−β``.
    cost
        What the labels cost, in the unit of the cost given; None where none was.
    reach
        ``now + more`` over the largest amount of data that was fitted.
    confidence, unit
        Of the intervals; and what is counted, in the singular.
    """

    now: float
    more: float
    loss_now: Bounds
    loss_then: Bounds
    gain: Bounds
    share: Bounds
    cost: float | None
    reach: float
    confidence: float
    unit: str

    @property
    def cost_per_percent(self) -> Bounds | None:
        """The cost of a fall of the loss by one percent of its value now; infinite for no fall."""
        if self.cost is None:
            return None
        percent = self.loss_now.estimate / 100
        prices = [self.cost * percent / gain if gain > 0 else np.inf for gain in self.gain]
        return Bounds(prices[0], prices[2], prices[1])

    @property
    def warning(self) -> str | None:
        """Say so where the answer lies far beyond the runs."""
        if self.reach <= _FAR:
            return None
        return (
            f"this is {self.reach:.1f} times the largest amount that was fitted; "
            f"beyond {_FAR:.0f} times, a break in the law would not have been seen"
        )

    def __str__(self) -> str:
        """Answer in words."""
        plural = f"{self.unit}s"
        gain, share = self.gain, self.share
        percent = 100 * gain.estimate / self.loss_now.estimate
        text = (
            f"{self.more:,.0f} more {plural} ({self.now:,.0f} → {self.now + self.more:,.0f}) would "
            f"take the loss from {self.loss_now.estimate:.4g} to {self.loss_then.estimate:.4g}: "
            f"a fall of {gain.estimate:.3g} [{gain.low:.3g}, {gain.high:.3g}] or {percent:.2g} %, "
            f"which is {share.estimate:.0%} [{share.low:.0%}, {share.high:.0%}] of what {plural} "
            f"can still remove ({self.confidence:.0%} intervals)."
        )
        price = self.cost_per_percent
        if self.cost is not None and price is not None:
            text += (
                f" Cost: {self.cost:,.2f}, that is {price.estimate:,.4g} "
                f"[{price.low:,.4g}, {price.high:,.4g}] for each percent of loss."
            )
        return text if self.warning is None else f"{text} Beware: {self.warning}."


def advise(
    fit: Fit,
    now: float,
    more: float = 10_000,
    *,
    cost_per_label: float | None = None,
    parameters: float | None = None,
    confidence: float = 0.9,
    unit: str = "label",
) -> Advice:
    """Say what ``more`` labels would buy for one who has ``now``, and at what cost.

    Parameters
    ----------
    fit : Fit
        Of a power, floor or joint law.
    now, more : float
        Labels (or captions) that there are, and that would be added; positive.
    cost_per_label : float, optional
        In any currency, or in hours.
    parameters : float, optional
        The model, for a joint law.
    confidence : float
    unit : str
        What is counted: ``label``, ``caption``, …

    Raises
    ------
    ModelError
        If a number is not positive, or as for :meth:`Fit.bound`.
    """
    for name, value in (("now", now), ("more", more)):
        if not (np.isfinite(value) and value > 0):
            raise ModelError(f"{name} is {value}; give a positive number of {unit}s")
    if cost_per_label is not None and not (np.isfinite(cost_per_label) and cost_per_label >= 0):
        raise ModelError(f"{cost_per_label} cannot be what a {unit} costs")
    before, after = fit.loss_at(now, parameters), fit.loss_at(now + more, parameters)
    beta = fit.interval("beta", confidence=confidence)
    return Advice(
        now,
        more,
        fit.bound(before, confidence=confidence),
        fit.bound(after, confidence=confidence),
        fit.bound(lambda eta: before(eta) - after(eta), confidence=confidence),
        Bounds(*(1 - (1 + more / now) ** -exponent for exponent in beta)),
        None if cost_per_label is None else cost_per_label * more,
        (now + more) / float(fit.runs.data.max()),
        confidence,
        unit,
    )
