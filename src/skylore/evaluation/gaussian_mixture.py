"""A joint density whose every conditional is known: a mixture of normal distributions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Conditionals", "GaussianMixture"]

Values = NDArray[np.float64]


class Conditionals(NamedTuple):
    """One column's distribution for each of N rows: mixtures of K normals, all ``(N, K)``."""

    log_weights: Values
    means: Values
    deviations: Values

    def log_density(self, values: ArrayLike) -> Values:
        """Give log densities in nats at values ``(N,)`` or ``(N, M)``."""
        from scipy.special import logsumexp

        x = np.asarray(values, np.float64)
        scores = (x[..., None] - self._like(x, self.means)) / self._like(x, self.deviations)
        logs = -0.5 * scores**2 - np.log(self._like(x, self.deviations) * np.sqrt(2 * np.pi))
        return np.asarray(logsumexp(logs + self._like(x, self.log_weights), axis=-1), np.float64)

    def cdf(self, values: ArrayLike) -> Values:
        """Give the probability below values ``(N,)`` or ``(N, M)``."""
        from scipy.special import ndtr

        x = np.asarray(values, np.float64)
        scores = (x[..., None] - self._like(x, self.means)) / self._like(x, self.deviations)
        shares = np.exp(self._like(x, self.log_weights))
        return np.asarray((shares * ndtr(scores)).sum(axis=-1), np.float64)

    def sample(self, count: int, seed: int) -> Values:
        """Draw ``(N, count)`` values."""
        rng = np.random.default_rng(seed)
        edges = np.exp(self.log_weights).cumsum(axis=1)
        edges /= edges[:, -1:]
        chosen = (rng.random((len(edges), count))[:, :, None] > edges[:, None]).sum(axis=2)
        means = np.take_along_axis(self.means, chosen, axis=1)
        deviations = np.take_along_axis(self.deviations, chosen, axis=1)
        return np.asarray(means + deviations * rng.standard_normal(means.shape), np.float64)

    @staticmethod
    def _like(values: Values, parts: Values) -> Values:
        return parts if values.ndim == 1 else parts[:, None]


class GaussianMixture(NamedTuple):
    """``Σ_k w_k N(μ_k, Σ_k)`` of D columns.

    Attributes
    ----------
    weights : ndarray, shape (K,)
    means : ndarray, shape (K, D)
    covariances : ndarray, shape (K, D, D)
    """

    weights: Values
    means: Values
    covariances: Values

    def sample(self, rows: int, seed: int) -> Values:
        """Draw a table ``(rows, D)``."""
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(self.weights), rows, p=self.weights)
        roots = np.linalg.cholesky(self.covariances)[chosen]
        drawn = rng.standard_normal((rows, self.means.shape[1], 1))
        return np.asarray(self.means[chosen] + (roots @ drawn)[:, :, 0], np.float64)

    def log_density(self, table: ArrayLike) -> Values:
        """Give joint log densities in nats of the rows of ``(N, D)``."""
        from scipy.special import logsumexp

        rows = np.asarray(table, np.float64)
        logs = [
            np.log(weight) + _log_normal(rows, mean, covariance)
            for weight, mean, covariance in zip(*self, strict=True)
        ]
        return np.asarray(logsumexp(np.stack(logs), axis=0), np.float64)

    def given(self, table: ArrayLike, target: int) -> Conditionals:
        """Give the distribution of one column for each row, given what the row holds.

        Parameters
        ----------
        table : array_like, shape (N, D)
            NaN where nothing is given; the target's own value is not looked at. All rows lack
            the same values.
        target : int

        Raises
        ------
        ValueError
            Rows lack different values.
        """
        rows = np.asarray(table, np.float64)
        missing = np.isnan(rows)
        if (missing != missing[:1]).any():
            raise ValueError("rows lack different values; ask for them set by set")
        known = [j for j in np.flatnonzero(~missing[0]).tolist() if j != target]
        parts = [
            _normal_given(rows[:, known], known, target, weight=w, mean=m, covariance=c)
            for w, m, c in zip(*self, strict=True)
        ]
        logs, means, deviations = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
        from scipy.special import logsumexp

        logs -= logsumexp(logs, axis=1, keepdims=True)
        return Conditionals(logs, means, deviations)


def _log_normal(rows: Values, mean: Values, covariance: Values) -> Values:
    away = rows - mean
    solved = np.linalg.solve(covariance, away.T).T
    _, log_volume = np.linalg.slogdet(2 * np.pi * covariance)
    return np.asarray(-0.5 * ((away * solved).sum(axis=1) + log_volume), np.float64)


def _normal_given(
    values: Values,
    known: list[int],
    target: int,
    *,
    weight: float,
    mean: Values,
    covariance: Values,
) -> tuple[Values, Values, Values]:
    """Condition one normal (Bishop 2006, eqs. 2.81 and 2.82), its weight by how likely it was."""
    rows = len(values)
    inner, cross = covariance[np.ix_(known, known)], covariance[target, known]
    pull = np.linalg.solve(inner, cross)
    expected = mean[target] + (values - mean[known]) @ pull
    deviation = np.sqrt(covariance[target, target] - cross @ pull)
    fits = _log_normal(values, mean[known], inner) if known else np.zeros(rows)
    return np.log(weight) + fits, expected, np.full(rows, deviation)
