"""Fitting a law to runs."""

from __future__ import annotations

import numpy as np

from skylore.errors import ModelError
from skylore.scaling.families import FAMILIES, Family
from skylore.scaling.fitted import Fit, Form
from skylore.scaling.problem import Problem
from skylore.scaling.projection import minimise
from skylore.scaling.region import Region
from skylore.scaling.robust import EFFICIENT, repeat_scatter
from skylore.scaling.runs import Runs

__all__ = ["fit"]

# Below the published threshold the sum is all corners, and optimisers stop in them.
_SMALLEST_DELTA = 1e-3


def fit(
    runs: Runs,
    law: Form = "floor",
    *,
    floor_bounds: tuple[float, float] | None = None,
    delta: float | None = None,
) -> Fit:
    """Fit a law by variable projection with Huber's loss on log residuals, summed over runs.

    Parameters
    ----------
    runs : Runs
    law : {"floor", "power", "joint", "broken"}
        ``floor``: ``E + B·D^−β``; ``power``: ``B·D^−β``; ``joint``: ``E + A·N^−α + B·D^−β``;
        ``broken``: a floor and one smooth break.
    floor_bounds : (float, float), optional
        The least and greatest ``E`` possible, in units of the loss: from an oracle, such as the
        loss of the true vote probabilities. ``(0, ∞)`` where left out.
    delta : float, optional
        Huber's threshold. Where left out, 1.345 robust standard deviations of the log loss between
        repeats (of the residuals where there are no repeats), at least 10⁻³: 95 % efficient for
        Gaussian noise, and a diverged run counts as one that is ``δ`` off. The published 10⁻³ is a
        choice for the very clean losses of language models; with scatter above 0.1 % it is an
        absolute loss, which is 64 % efficient.

    Returns
    -------
    Fit

    Raises
    ------
    ModelError
        If the runs are too few for the law, or a bound or threshold makes no sense.
    """
    if law not in FAMILIES:
        raise ModelError(f"no law is called {law!r}; take one of {sorted(FAMILIES)}")
    family = FAMILIES[law]
    _require_enough(runs, family)
    problem = Problem.of(family, runs, _floor_bounds(floor_bounds, family))
    delta = _threshold(problem) if delta is None else delta
    if not (np.isfinite(delta) and delta > 0):
        raise ModelError(f"delta {delta} is not a positive number")
    point = minimise(problem, delta)
    fitted = family.law(point.c * problem.scales(point.eta[None])[0], point.eta)
    return Fit(fitted, law, runs, delta, Region(problem, point, delta))


def _require_enough(runs: Runs, family: Family) -> None:
    needed = len(family.coefficients) + len(family.shapes)
    if family.name == "joint":
        if runs.parameters is None:
            raise ModelError("a joint law needs the parameters of each run: Runs(parameters=…)")
        models, needed = np.unique(runs.parameters).size, 3
        if models < needed:
            raise ModelError(f"a joint law needs models of 3 sizes or more, not {models}")
    if runs.sizes.size < needed:
        raise ModelError(
            f"a {family.name} law needs runs at {needed} amounts of data or more, "
            f"not {runs.sizes.size}"
        )
    if len(runs) <= family.unknowns:
        raise ModelError(
            f"a {family.name} law has {family.unknowns} unknowns; {len(runs)} runs leave nothing "
            "to judge the scatter by; add repeats or sizes"
        )


def _floor_bounds(given: tuple[float, float] | None, family: Family) -> tuple[float, float]:
    if given is None:
        return 0.0, float("inf")
    low, high = given
    if not family.has_floor:
        raise ModelError(f"a {family.name} law has no floor to bound")
    if not (0 <= low <= high) or np.isinf(low):
        raise ModelError(f"the floor cannot lie between {low} and {high}")
    return float(low), float(high)


def _threshold(problem: Problem) -> float:
    scatter = repeat_scatter(problem.logs, problem.runs.cells)
    if scatter is None:
        rough = minimise(problem, 1.0)
        curve = problem.matrix(rough.eta[None])[0] @ rough.c
        freedom = len(problem.runs) - problem.family.unknowns
        scatter = float(np.median(np.abs(problem.logs - np.log(curve))) * 1.4826)
        scatter *= float(np.sqrt(len(problem.runs) / freedom))
    return max(EFFICIENT * scatter, _SMALLEST_DELTA)
