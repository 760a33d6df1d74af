"""What recorded runs say: the laws fitted to them, what lies ahead, and what labels would buy."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from skylore.scaling.advice import Advice
from skylore.scaling.fitted import Bounds, Fit
from skylore.scaling.laws import BrokenLaw, FloorLaw, JointLaw, Law, PowerLaw
from skylore.scaling.selection import Comparison

__all__ = ["FittedLaw", "ScalingAccount", "equation"]


@dataclass(frozen=True, eq=False)
class FittedLaw:
    """A law of one model, or of all of them.

    Attributes
    ----------
    width : int or None
        Of the model; None for a joint law.
    parameters : float
        Of the model; for a joint law those of the largest.
    fit : Fit
    comparison : Comparison or None
        Where the form was chosen by how well it foretells the largest size.
    remark : str or None
        What to beware of.
    intervals : dict of str to Bounds
        Of exponents and floor; empty for a broken law.
    ahead : dict of float to Bounds
        The loss at four times the largest amount of data, by that amount.
    advice : Advice or None
        None for a broken law.
    """

    width: int | None
    parameters: float
    fit: Fit
    comparison: Comparison | None = None
    remark: str | None = None
    intervals: dict[str, Bounds] = field(default_factory=dict)
    ahead: dict[float, Bounds] = field(default_factory=dict)
    advice: Advice | None = None

    @property
    def title(self) -> str:
        """Say which model it is of."""
        if self.width is None:
            return f"all models, joint law, {len(self.fit.runs)} runs"
        runs = len(self.fit.runs)
        return f"width {self.width} ({self.parameters:,.0f} parameters), {runs} runs"

    def __str__(self) -> str:
        """Say it in a few lines."""
        lines = [f"{self.title}: L = {equation(self.fit.law)}"]
        lines += [f"  {_SYMBOLS[name]} = {_shown(b)}" for name, b in self.intervals.items()]
        lines += [f"  at D = {size:,.0f}: L = {_shown(b)}" for size, b in self.ahead.items()]
        lines += [f"  {line}" for line in (self.advice, self.remark) if line is not None]
        if self.comparison is not None:
            lines += [f"  {line}" for line in str(self.comparison).splitlines()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it; what has no bound is null."""
        chosen = self.comparison
        return {
            "width": self.width,
            "parameters": self.parameters,
            "runs": len(self.fit.runs),
            "form": self.fit.form,
            "law": asdict(self.fit.law),
            "intervals": {name: _bounds(b) for name, b in self.intervals.items()},
            "ahead": [{"data": size, "loss": _bounds(b)} for size, b in self.ahead.items()],
            "advice": None if self.advice is None else _advice(self.advice),
            "remark": self.remark,
            "rmsle": None if chosen is None else {one.form: one.rmsle for one in chosen.trials},
        }


@dataclass(frozen=True, eq=False)
class ScalingAccount:
    """What the finished runs of an experiment say.

    Attributes
    ----------
    name, unit : str
        The task, and what is counted as data.
    finished, planned, failed : int
        Runs.
    floor : float or None
        The oracle's, by which floors of laws are bounded from below.
    confidence : float
        Of all intervals.
    laws : tuple of FittedLaw
        One a model, and the joint law last, where it was asked for.
    left_out : tuple of str
        Which models could not be fitted, and why.
    """

    name: str
    unit: str
    finished: int
    planned: int
    failed: int
    floor: float | None
    confidence: float
    laws: tuple[FittedLaw, ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        """Lay it out to be read."""
        head = f"{self.name}: {self.finished} of {self.planned} runs finished"
        head += f", {self.failed} failed" if self.failed else ""
        floor = "" if self.floor is None else f"; no model can go below {self.floor:.4g}"
        head += f"{floor}. Intervals hold the truth with {self.confidence:.0%} confidence."
        return "\n\n".join([head, *map(str, self.laws), *self.left_out])

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        own = ("name", "unit", "finished", "planned", "failed", "floor", "confidence", "left_out")
        given = {name: getattr(self, name) for name in own}
        return {**given, "laws": [law.to_dict() for law in self.laws]}


def equation(law: Law) -> str:
    """Write a law with its numbers."""
    match law:
        case PowerLaw(B=B, beta=beta):
            return f"{B:.4g}·D^−{beta:.3g}"
        case FloorLaw(E=E, B=B, beta=beta):
            return f"{E:.4g} + {B:.4g}·D^−{beta:.3g}"
        case JointLaw(E=E, A=A, alpha=alpha, B=B, beta=beta):
            return f"{E:.4g} + {A:.4g}·N^−{alpha:.3g} + {B:.4g}·D^−{beta:.3g}"
        case BrokenLaw(E=E, B=B, c0=c0, c1=c1, d=d, f=f):
            turn = f"(1 + (D/{d:.4g})^{1 / f:.3g})^−{c1 * f:.3g}"
            return f"{E:.4g} + {B:.4g}·D^−{c0:.3g}·{turn}"


_SYMBOLS = {"alpha": "α", "beta": "β", "E": "E"}


def _shown(bounds: Bounds) -> str:
    return f"{bounds.estimate:.4g} [{bounds.low:.4g}, {bounds.high:.4g}]"


def _bounds(bounds: Bounds | None) -> dict[str, float | None] | None:
    if bounds is None:
        return None
    return {
        name: value if math.isfinite(value) else None for name, value in bounds._asdict().items()
    }


def _advice(advice: Advice) -> dict[str, Any]:
    ranged = ("loss_now", "loss_then", "gain", "share", "cost_per_percent")
    plain = ("now", "more", "cost", "reach", "warning")
    return {
        **{name: getattr(advice, name) for name in plain},
        **{name: _bounds(getattr(advice, name)) for name in ranged},
        "text": str(advice),
    }
