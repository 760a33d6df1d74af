"""Intervals from the region of parameters that fit about as well as the best do.

The interval of a quantity is its range over all parameters within the bounds whose sum of squares
is at most ``Q_min + c²``, which is its profile-likelihood interval: unlike a standard error, it is
lopsided, and open-ended where the runs do not bound the quantity.

The threshold ``c²`` comes from how the errors of whole clusters add up in the direction ``w`` that
the quantity depends on. With ``T`` the tangent of the log curve and ``g`` the gradient of the
quantity, ``w = T (TᵀT)⁻¹ g``, the estimate errs by ``w·ε`` and ``ΔQ ≈ (w·ε)² / |w|²``, so
``c² = t² · var(w·ε) / |w|²``. Three to five clusters say little about that variance, and the
scatter of all runs says it well only if runs are independent; so the two are averaged as moderated
t-statistics do (Smyth 2004), the clusters by the degrees of freedom of Bell & McCaffrey (2002).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skylore.scaling.bounded import Normal, extremes, solve
from skylore.scaling.laws import Floats
from skylore.scaling.problem import Problem, grid_points
from skylore.scaling.projection import Point
from skylore.scaling.robust import pseudo_residuals

__all__ = ["PRIOR_FREEDOM", "Linear", "Region"]

PRIOR_FREEDOM = 2.0
"""The degrees of freedom that the pooled scatter counts for, beside those of the clusters.

Chosen by simulation (``python -m benchmarks.scaling_laws``): fewer make intervals of three
clusters needlessly wide, more make them too narrow where nested subsets share noise.
"""

Linear = Callable[[Floats], Floats]
"""From ``η`` of ``(G, S)`` to the gradient ``(G, K)`` of a quantity linear in coefficients."""

_ROUNDS = 6
_POINTS = {1: 161, 2: 41}
_STEP = 1e-5


@dataclass(frozen=True)
class Region:
    """What a fit leaves open, linear in the coefficients about the fitted curve."""

    problem: Problem
    point: Point
    delta: float
    prior_freedom: float = PRIOR_FREEDOM

    @cached_property
    def curve(self) -> Floats:
        """The fitted losses, shape ``(R,)``."""
        return np.asarray(self.problem.matrix(self.point.eta[None])[0] @ self.point.c)

    @cached_property
    def residuals(self) -> Floats:
        """The log residuals as least squares may see them, shape ``(R,)``."""
        return pseudo_residuals(self.problem.logs - np.log(self.curve), self.delta)

    @cached_property
    def freedom(self) -> int:
        """Runs less unknowns."""
        return len(self.problem.runs) - self.problem.family.unknowns

    @cached_property
    def tangent(self) -> Floats:
        """Derivatives of the log curve by ``η`` and by the coefficients, shape ``(R, S + K)``."""
        by_eta = self._by_eta(lambda eta: self.problem.matrix(eta) @ self.point.c)
        columns = self.problem.matrix(self.point.eta[None])[0]
        return np.concatenate([by_eta, columns], axis=1) / self.curve[:, None]

    def _by_eta(self, function: Callable[[Floats], Floats]) -> Floats:
        """Differentiate by ``η``: from ``(S, S) → (S, n)`` to ``(n, S)``."""
        steps = _STEP * np.eye(self.point.eta.size)
        ahead, behind = function(self.point.eta + steps), function(self.point.eta - steps)
        return np.asarray((ahead - behind).T / (2 * _STEP))

    def of_exponent(self, index: int, confidence: float) -> tuple[float, float]:
        """Bound one entry of ``η``."""
        gradient = np.zeros(self.tangent.shape[1])
        gradient[index] = 1.0
        eta, normal, limit = self._inside(gradient, confidence)
        _, value = solve(normal)
        low, high = _crossings(eta[:, index], value - limit)
        return min(low, self.point.eta[index]), max(high, self.point.eta[index])

    def of_linear(self, linear: Linear, confidence: float) -> tuple[float, float]:
        """Bound a quantity that is linear in the coefficients at any ``η``."""
        here = linear(self.point.eta[None])[0]
        by_eta = self._by_eta(lambda eta: (linear(eta) @ self.point.c)[:, None])[0]
        eta, normal, limit = self._inside(np.concatenate([by_eta, here]), confidence)
        low, high = extremes(normal, linear(eta), np.broadcast_to(limit, normal.s.shape))
        estimate = float(here @ self.point.c)
        return min(float(low.min()), estimate), max(float(high.max()), estimate)

    def _normal(self, eta: Floats) -> Normal:
        X = self.problem.matrix(eta) / self.curve[:, None]
        z = np.broadcast_to(1 + self.residuals, X.shape[:2])
        return self.problem.normal(X, z, np.ones_like(z))

    def _inside(self, gradient: Floats, confidence: float) -> tuple[Floats, Normal, float]:
        """Give a grid that fills the region, its normal equations and the limit of ``Q``."""
        return self._fill(self.threshold(gradient, confidence))

    @cached_property
    def pooled(self) -> float:
        """The variance of a run's log loss about the curve."""
        return float(self.residuals @ self.residuals) / self.freedom

    @cached_property
    def box(self) -> Floats:
        """The ends ``(S, 2)`` of ``η`` within five standard deviations of the scatter."""
        eta, normal, limit = self._fill(25 * self.pooled)
        good = eta[solve(normal)[1] <= limit]
        good = np.concatenate([good, self.point.eta[None]])
        return np.stack([good.min(axis=0), good.max(axis=0)], axis=1)

    def _fill(self, excess: float) -> tuple[Floats, Normal, float]:
        best = float(self._normal(self.point.eta[None]).value(self.point.c[None])[0])
        limit = best + excess
        ends = self.problem.limits
        counts = (_POINTS[self.point.eta.size],) * self.point.eta.size
        for _ in range(_ROUNDS):
            eta = np.concatenate([grid_points(ends, counts), self.point.eta[None]])
            normal = self._normal(eta)
            good = eta[solve(normal)[1] <= limit]
            step = (ends[:, 1] - ends[:, 0]) / (np.array(counts) - 1)
            low = np.minimum(good.min(axis=0, initial=np.inf), self.point.eta) - step
            high = np.maximum(good.max(axis=0, initial=-np.inf), self.point.eta) + step
            tighter = np.clip(np.stack([low, high], axis=1), ends[:, :1], ends[:, 1:])
            if (np.ptp(tighter, axis=1) > 0.7 * np.ptp(ends, axis=1)).all():
                break
            ends = tighter
        return eta, normal, limit

    def threshold(self, gradient: Floats, confidence: float) -> float:
        """Give ``c²`` for a quantity with this gradient by ``(η, c)``."""
        from scipy.stats import t

        inverse = np.asarray(np.linalg.pinv(self.tangent, rcond=1e-10), dtype=np.float64)
        w = inverse.T @ gradient
        length = float(w @ w)
        if length == 0:
            return 0.0
        clustered, freedom = self._clustered(w, inverse)
        total = min(self.prior_freedom + freedom, float(self.freedom))
        share = self.prior_freedom / (self.prior_freedom + freedom)
        variance = share * self.pooled + (1 - share) * clustered / length
        return float(t.ppf((1 + confidence) / 2, total) ** 2 * variance)

    def _clustered(self, w: Floats, inverse: Floats) -> tuple[float, float]:
        """Estimate ``var(w·ε)`` from the sums of whole clusters, and its degrees of freedom."""
        clusters = self.problem.runs.clusters
        member = np.equal.outer(np.unique(clusters), clusters) * w
        shares = member @ member.T - (member @ self.tangent) @ (inverse @ member.T)
        expected = float(np.trace(shares))
        if expected <= 1e-9 * float(w @ w):
            return 0.0, 0.0
        sums = member @ self.residuals
        variance = float(sums @ sums) * float(w @ w) / expected
        return variance, expected**2 / float(np.sum(shares**2))


def _crossings(places: Floats, excess: Floats) -> tuple[float, float]:
    """Give the ends of where the least excess at each place is not positive, interpolated."""
    at, group = np.unique(places, return_inverse=True)
    least = np.full(at.size, np.inf)
    np.minimum.at(least, group, excess)
    good = np.flatnonzero(least <= 0)
    if good.size == 0:
        return np.inf, -np.inf
    return _crossing(at, least, good[0], -1), _crossing(at, least, good[-1], 1)


def _crossing(at: Floats, least: Floats, edge: int, step: int) -> float:
    beyond = edge + step
    if not 0 <= beyond < at.size:
        return float(at[edge])
    share = least[edge] / (least[edge] - least[beyond])
    return float(at[edge] + share * (at[beyond] - at[edge]))
