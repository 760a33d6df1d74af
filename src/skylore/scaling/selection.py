"""The choice between laws, by how well they foretell runs that were held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skylore.errors import ModelError
from skylore.scaling.families import FAMILIES
from skylore.scaling.fitted import Form
from skylore.scaling.fitting import fit
from skylore.scaling.laws import Floats, Law
from skylore.scaling.robust import repeat_scatter
from skylore.scaling.runs import Runs

__all__ = ["LAST_VALUE", "Comparison", "Trial", "compare"]

LAST_VALUE = "last value"
"""The baseline that foretells the loss of the largest size that was fitted."""

_FORMS: tuple[Form, ...] = ("power", "floor", "joint", "broken")


@dataclass(frozen=True)
class Trial:
    """How one form did.

    Attributes
    ----------
    form
        A law's form, or ``last value``.
    unknowns
        How many numbers it has.
    rmsle
        The root mean square of ``log(foretold / observed)`` over the held-out runs; None where it
        could not be fitted.
    law
        What was fitted to the runs that were kept.
    reason
        Why it could not be fitted.
    """

    form: str
    unknowns: int
    rmsle: float | None
    law: Law | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Comparison:
    """The forms, best first, those that could not be fitted last.

    Attributes
    ----------
    trials
        One a form.
    sizes
        The amounts of data that were held out.
    noise
        The standard error of the mean log loss of the held-out runs, from repeats: errors that
        differ by less are no evidence. Zero where there are no repeats.
    """

    trials: tuple[Trial, ...]
    sizes: tuple[float, ...]
    noise: float

    @property
    def best(self) -> Trial:
        """The form with the fewest unknowns within one standard error of the smallest error.

        The one-standard-error rule of Breiman et al. (1984, § 3.4.3).
        """
        errors = [(one, one.rmsle) for one in self.trials if one.rmsle is not None]
        least = min(error for _, error in errors)
        alike = [one for one, error in errors if error <= least + self.noise]
        return min(alike, key=lambda one: one.unknowns)

    def __str__(self) -> str:
        """Lay it out as a table."""
        sizes = ", ".join(f"{size:,.0f}" for size in self.sizes)
        lines = [f"RMSLE at {sizes} (noise ± {self.noise:.4f})"]
        for one in self.trials:
            mark = "*" if one == self.best else " "
            value = one.reason if one.rmsle is None else f"{one.rmsle:.4f}"
            lines.append(f"{mark} {one.form:<10} {value}")
        return "\n".join(lines)


def compare(
    runs: Runs,
    *,
    held_out: int = 1,
    floor_bounds: tuple[float, float] | None = None,
    delta: float | None = None,
) -> Comparison:
    """Fit each form without the largest sizes, and see how well it foretells them.

    In-sample error always prefers the form with most unknowns; what a law is for is extrapolation.

    Parameters
    ----------
    runs : Runs
        Where their parameters differ, only the joint law takes part beside the last value.
    held_out : int
        How many of the largest amounts of data to hold out.
    floor_bounds, delta
        As for :func:`~skylore.scaling.fitting.fit`.

    Raises
    ------
    ModelError
        If fewer than two amounts of data are left, or as for ``fit`` where bounds make no sense.
    """
    sizes = runs.sizes
    if held_out < 1 or sizes.size - held_out < 2:
        raise ModelError(
            f"holding out {held_out} of {sizes.size} amounts of data leaves too few; "
            "two or more have to remain"
        )
    far = runs.data >= sizes[-held_out]
    near, test = runs.where(~far), runs.where(far)
    trials = [_last_value(near, test)]
    trials += [_trial(form, near, test, floor_bounds, delta) for form in _FORMS]
    trials.sort(key=lambda one: np.inf if one.rmsle is None else one.rmsle)
    scatter = repeat_scatter(np.log(runs.loss), runs.cells) or 0.0
    return Comparison(tuple(trials), tuple(test.sizes.tolist()), scatter / np.sqrt(len(test)))


def _trial(
    form: Form,
    near: Runs,
    test: Runs,
    floor_bounds: tuple[float, float] | None,
    delta: float | None,
) -> Trial:
    family = FAMILIES[form]
    several = near.parameters is not None and np.ptp(near.parameters) > 0
    if several != (form == "joint"):
        reason = "parameters differ between runs" if several else "all runs have the same model"
        return Trial(form, family.unknowns, None, reason=reason)
    bounds = floor_bounds if family.has_floor else None
    try:
        law = fit(near, form, floor_bounds=bounds, delta=delta).law
    except ModelError as error:
        return Trial(form, family.unknowns, None, reason=str(error))
    return Trial(form, family.unknowns, _rmsle(law, test), law)


def _last_value(near: Runs, test: Runs) -> Trial:
    def foretell(D: Floats, N: Floats | None) -> Floats:
        if N is None or near.parameters is None:
            last = near.loss[near.data == near.data.max()]
            return np.full(D.shape, np.exp(np.log(last).mean()))
        return np.array([_last_of_model(near, near.parameters, size) for size in N])

    return Trial(LAST_VALUE, 1, _rmsle(foretell, test))


def _last_of_model(near: Runs, parameters: Floats, size: float) -> float:
    """Give the last loss of the model nearest in size."""
    distance = np.abs(np.log(parameters / size))
    alike = distance == distance.min()
    last = near.loss[alike & (near.data == near.data[alike].max())]
    return float(np.exp(np.log(last).mean()))


def _rmsle(foretell: Callable[[Floats, Floats | None], Floats], test: Runs) -> float:
    errors = np.log(foretell(test.data, test.parameters) / test.loss)
    return float(np.sqrt(np.mean(errors**2)))
