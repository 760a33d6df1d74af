"""Variable projection: a grid over the exponents, exact coefficients inside, then a polish."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skylore.scaling.bounded import solve
from skylore.scaling.laws import Floats
from skylore.scaling.problem import Problem, grid_points
from skylore.scaling.robust import huber_sum, huber_weights

__all__ = ["Point", "minimise"]

_STARTS = 3
_REWEIGHTINGS = 4
_TINY = 1e-12


@dataclass(frozen=True)
class Point:
    """A point of a law's parameter space: exponents ``η`` of ``(S,)``, coefficients of ``(K,)``."""

    eta: Floats
    c: Floats


def minimise(problem: Problem, delta: float) -> Point:
    """Minimise the summed Huber loss of log residuals over all parameters of the law.

    On the grid, coefficients come from least squares on relative residuals, the first order of log
    residuals, linearised and weighted anew (Gauss–Newton and IRLS). The best grid points are then
    polished on the exact objective, and the coefficients at the end projected once more, so that
    those at a bound are at it exactly.
    """
    eta = grid_points(problem.limits, problem.family.grid)
    c, value = _project(problem, eta, delta, _REWEIGHTINGS)
    order = np.argsort(value, kind="stable")[:_STARTS]
    found = [_polish(problem, Point(eta[i], c[i]), delta) for i in order]
    candidates = [Point(eta[i], c[i]) for i in order] + found
    for point in found:
        exact, _ = _project(problem, point.eta[None], delta, 10 * _REWEIGHTINGS)
        candidates.append(Point(point.eta, exact[0]))
    losses = [float(huber_sum(_residuals(problem, point), delta)) for point in candidates]
    return candidates[int(np.argmin(losses))]


def _project(problem: Problem, eta: Floats, delta: float, rounds: int) -> tuple[Floats, Floats]:
    """Give the best coefficients ``(G, K)`` and the objective ``(G,)`` at given exponents."""
    columns, logs = problem.matrix(eta), problem.logs
    curve = np.broadcast_to(np.exp(logs), columns.shape[:2])
    weights = np.ones_like(curve)
    for _ in range(rounds):
        X, z = columns / curve[..., None], 1 + logs - np.log(curve)
        c, _ = solve(problem.normal(X, z, weights))
        curve = np.maximum(np.einsum("grk,gk->gr", columns, c), _TINY)
        weights = huber_weights(logs - np.log(curve), delta)
    return c, huber_sum(logs - np.log(curve), delta)


def _residuals(problem: Problem, point: Point) -> Floats:
    curve = problem.matrix(point.eta[None])[0] @ point.c
    return np.asarray(problem.logs - np.log(np.maximum(curve, _TINY)))


def _polish(problem: Problem, start: Point, delta: float) -> Point:
    from scipy.optimize import least_squares

    shapes = start.eta.size
    low = np.concatenate([problem.limits[:, 0], problem.lower])
    high = np.concatenate([problem.limits[:, 1], problem.upper])
    # An oracle may pin the floor: the solver wants room between bounds.
    high = np.maximum(high, low + 1e-9)
    room = np.where(np.isinf(high), 1e-3, (high - low) * 1e-3)
    x0 = np.clip(np.concatenate([start.eta, start.c]), low + room, high - room)
    done = least_squares(
        lambda x: _residuals(problem, Point(x[:shapes], x[shapes:])),
        x0,
        jac="3-point",
        bounds=(low, high),
        loss="huber",
        f_scale=delta,
        **dict.fromkeys(("xtol", "ftol", "gtol"), 1e-14),
        max_nfev=200,
    )
    return Point(done.x[:shapes], np.clip(done.x[shapes:], problem.lower, problem.upper))
