"""From finished runs to laws with intervals, and to what more labels would buy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from skylore.errors import ModelError
from skylore.scaling.account import FittedLaw, ScalingAccount
from skylore.scaling.advice import advise
from skylore.scaling.families import FAMILIES
from skylore.scaling.fitted import Bounds, Fit, Form
from skylore.scaling.fitting import fit
from skylore.scaling.recorded import Recorded
from skylore.scaling.runs import Runs
from skylore.scaling.selection import LAST_VALUE, Comparison, compare

__all__ = ["LAWS", "Asked", "LawName", "account_of"]

LawName = Literal["best", "floor", "power", "joint", "broken"]
"""A form, or the one that foretells the largest size best."""

LAWS: tuple[LawName, ...] = ("best", "floor", "power", "joint", "broken")

AHEAD = 4.0
"""How far beyond the runs a law is asked, as a factor."""

_FEWEST_MODELS = 3


@dataclass(frozen=True)
class Asked:
    """What is wanted of the runs.

    Attributes
    ----------
    law : LawName
    more : float
        Labels that would be added,
    now : float, optional
        to so many that there are; the largest amount of any run where left out.
    cost_per_label : float, optional
    width : int, optional
        Look at this model alone.
    confidence : float
    """

    law: LawName = "best"
    more: float = 10_000
    now: float | None = None
    cost_per_label: float | None = None
    width: int | None = None
    confidence: float = 0.9


def account_of(recorded: Recorded, asked: Asked) -> ScalingAccount:
    """Fit what is asked for.

    Raises
    ------
    ModelError
        No such law or width, or not one model has runs enough.
    """
    if asked.law not in LAWS:
        raise ModelError(f"no law is called {asked.law!r}; take one of {', '.join(LAWS)}")
    widths = _widths(recorded, asked)
    laws, left_out = [], []
    for width in widths if asked.law != "joint" else ():
        try:
            laws.append(_of_model(recorded, width, asked))
        except ModelError as error:
            left_out.append(f"width {width}: {error}")
    enough = asked.law == "best" and asked.width is None and len(widths) >= _FEWEST_MODELS
    if enough or asked.law == "joint":
        try:
            laws.append(_joint(recorded, asked))
        except ModelError as error:
            left_out.append(f"joint law: {error}")
    if not laws:
        raise ModelError("; ".join(left_out))
    return ScalingAccount(
        name=recorded.name,
        unit=recorded.unit,
        finished=len(recorded.runs),
        planned=recorded.planned,
        failed=recorded.failed,
        floor=recorded.floor,
        confidence=asked.confidence,
        laws=tuple(laws),
        left_out=tuple(left_out),
    )


def _widths(recorded: Recorded, asked: Asked) -> list[int]:
    there: list[int] = np.unique(recorded.widths).tolist()
    if asked.width is None:
        return there
    if asked.width not in there:
        raise ModelError(f"no finished run has the width {asked.width}; there are {there}")
    if asked.law == "joint":
        raise ModelError("a joint law is of all widths; leave the width out")
    return [asked.width]


@dataclass(frozen=True)
class _Chosen:
    """A form, why it was chosen, and what to beware of."""

    form: Form
    comparison: Comparison | None = None
    remark: str | None = None


def _of_model(recorded: Recorded, width: int, asked: Asked) -> FittedLaw:
    runs = recorded.of_width(width)
    parameters = float(np.median(runs.parameters)) if runs.parameters is not None else 0.0
    runs = Runs(runs.data, runs.loss, None, runs.subset, runs.seed)
    chosen = _choose(runs, asked.law, recorded.floor)
    fitted = fit(runs, chosen.form, floor_bounds=_bounds(chosen.form, recorded.floor))
    bounded = {} if chosen.form == "broken" else _bounded(fitted, recorded, asked, None)
    return FittedLaw(width, parameters, fitted, chosen.comparison, chosen.remark, **bounded)


def _joint(recorded: Recorded, asked: Asked) -> FittedLaw:
    runs = recorded.runs
    largest = float(runs.parameters.max()) if runs.parameters is not None else 0.0
    fitted = fit(runs, "joint", floor_bounds=_bounds("joint", recorded.floor))
    bounded = _bounded(fitted, recorded, asked, largest)
    return FittedLaw(None, largest, fitted, None, None, **bounded)


def _choose(runs: Runs, law: LawName, floor: float | None) -> _Chosen:
    if law == "broken":
        return _Chosen(law, remark="A broken law has too many unknowns for intervals")
    if law != "best":
        return _Chosen(law)
    comparison = compare(runs, floor_bounds=None if floor is None else (floor, np.inf))
    best = comparison.best.form
    return _Chosen("power" if best == "power" else "floor", comparison, _REMARKS.get(best))


_REMARKS = {
    "broken": "A law with a break foretells the largest size better; judge these intervals, which "
    "are of the law without one, with care, and see --law broken",
    LAST_VALUE: "No law foretells the largest size better, by more than the noise of repeats, than "
    "the size before it does: these runs do not show that more data helps",
}


def _bounds(form: Form, floor: float | None) -> tuple[float, float] | None:
    return None if floor is None or not FAMILIES[form].has_floor else (floor, np.inf)


def _bounded(
    fitted: Fit, recorded: Recorded, asked: Asked, parameters: float | None
) -> dict[str, Any]:
    """Give what has intervals: exponents and floor, the loss far ahead, and advice."""
    largest, confidence = float(fitted.runs.data.max()), asked.confidence
    family = FAMILIES[fitted.form]
    known = (*family.shapes, *family.coefficients)
    band = fitted.prediction_interval(AHEAD * largest, parameters, confidence=confidence)
    return {
        "intervals": {
            name: fitted.interval(name, confidence=confidence)
            for name in ("alpha", "beta", "E")
            if name in known
        },
        "ahead": {AHEAD * largest: Bounds(*map(float, band))},
        "advice": advise(
            fitted,
            largest if asked.now is None else asked.now,
            asked.more,
            cost_per_label=asked.cost_per_label,
            parameters=parameters,
            confidence=confidence,
            unit=recorded.unit,
        ),
    }
