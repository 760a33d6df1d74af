"""Published ways to fit scaling laws, kept as baselines that ours is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from skylore.errors import ModelError
from skylore.scaling.bounded import solve
from skylore.scaling.families import FAMILIES
from skylore.scaling.laws import Floats, FloorLaw
from skylore.scaling.problem import Problem
from skylore.scaling.runs import Runs

__all__ = ["BESIROGLU", "HOFFMANN", "Parabola", "approach_three", "approach_two", "fixed_exponent"]

HOFFMANN = {"alpha": 0.34, "beta": 0.28}
"""Exponents as rounded in Hoffmann et al. (2022), eq. 10."""

BESIROGLU = {"alpha": 0.348, "beta": 0.366}
"""Exponents of the replication by Besiroglu et al. (2024), arXiv 2404.10102."""

_B = np.arange(0.0, 26.0, 5.0)
_E = np.arange(-1.0, 1.1, 0.5)
_BETA = np.arange(0.0, 2.1, 0.5)
_STARTS = 8


@dataclass(frozen=True)
class Parabola:
    """The outcome of approach 2.

    Attributes
    ----------
    budgets
        Compute ``C = 6 N D``, shape ``(C,)``.
    optima
        The parameters at the vertex of each budget's parabola, shape ``(C,)``.
    exponent
        ``a`` in ``N_opt ∝ C^a``; the truth under a joint law is ``β / (α + β)``.
    """

    budgets: Floats
    optima: Floats
    exponent: float


def approach_two(runs: Runs) -> Parabola:
    """Fit a parabola in log parameters to the loss of each budget, then a line to the vertices.

    IsoFLOP profiles, Hoffmann et al. (2022, § 3.2). Biased even without noise where ``α ≠ β`` or
    the sampled models are not centred on the optimum (arXiv 2603.22339).

    Raises
    ------
    ModelError
        If there are fewer than two budgets of three models, or a profile has no minimum.
    """
    if runs.parameters is None:
        raise ModelError("approach 2 needs the parameters of each run: Runs(parameters=…)")
    compute = 6 * runs.parameters * runs.data
    label = np.round(np.log(compute), 6)
    budgets, optima = [], []
    for one in np.unique(label):
        at = label == one
        size = np.log(runs.parameters[at])
        if np.unique(size).size < 3:
            raise ModelError("a parabola needs three models or more at each budget")
        bend, slope, _ = np.polyfit(size - size.mean(), runs.loss[at], 2)
        if bend <= 0:
            raise ModelError(f"the losses at a budget of {np.exp(one):.3g} have no minimum")
        budgets.append(float(np.exp(one)))
        optima.append(float(np.exp(size.mean() - slope / (2 * bend))))
    if len(budgets) < 2:
        raise ModelError("approach 2 needs two budgets or more")
    exponent = np.polyfit(np.log(budgets), np.log(optima), 1)[0]
    return Parabola(np.array(budgets), np.array(optima), float(exponent))


def approach_three(
    runs: Runs, *, delta: float = 1e-3, reduction: Literal["sum", "mean"] = "sum"
) -> FloorLaw:
    """Fit ``E + B·D^−β`` by L-BFGS on Huber's loss of log residuals, from a grid of starts.

    Hoffmann et al. (2022, § 3.3) without the term in ``N``: all 150 starts are ranked, the best
    eight descended from. ``reduction="mean"`` is the slip found by arXiv 2404.10102: a mean is so
    small that the optimiser stops before it has converged.
    """
    from scipy.optimize import minimize

    labels, logs = np.log(runs.data), np.log(runs.loss)
    scale = 1.0 if reduction == "sum" else 1 / len(runs)

    def objective(x: Floats) -> tuple[float, Floats]:
        value, slope = _objective(x, labels, logs, delta)
        return value * scale, slope * scale

    starts = np.array(list(product(_B, _E, _BETA)))
    order = np.argsort([objective(start)[0] for start in starts], kind="stable")[:_STARTS]
    found = [minimize(objective, starts[i], jac=True, method="L-BFGS-B") for i in order]
    b, e, beta = min(found, key=lambda one: float(one.fun)).x
    return FloorLaw(float(np.exp(e)), float(np.exp(b)), float(beta))


def _objective(x: Floats, labels: Floats, logs: Floats, delta: float) -> tuple[float, Floats]:
    """Give ``Σ Huber(LSE(b − β log D, e) − log L)`` and its gradient by ``(b, e, β)``."""
    b, e, beta = x
    reducible = b - beta * labels
    curve = np.logaddexp(reducible, e)
    r = curve - logs
    clipped = np.clip(r, -delta, delta)
    share = np.exp(reducible - curve)
    slope = np.array(
        [clipped @ share, clipped @ (1 - share), -(clipped * share) @ labels], dtype=np.float64
    )
    return float(np.sum(clipped * (r - clipped / 2))), slope


def fixed_exponent(runs: Runs, beta: float) -> FloorLaw:
    """Fit ``E`` and ``B`` alone, by relative least squares, with a borrowed exponent."""
    problem = Problem.of(FAMILIES["floor"], runs, (0.0, float("inf")))
    eta = np.log([[beta]])
    X = problem.matrix(eta) / np.exp(problem.logs)[:, None]
    ones = np.ones(X.shape[:2])
    c, _ = solve(problem.normal(X, ones, ones))
    E, B = (c * problem.scales(eta))[0].tolist()
    return FloorLaw(E, B, beta)
