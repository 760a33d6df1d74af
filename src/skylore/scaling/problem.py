"""A law and its runs, linear in the coefficients about a reference curve."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from skylore.scaling.bounded import Normal
from skylore.scaling.families import Family
from skylore.scaling.laws import Floats
from skylore.scaling.runs import Runs

__all__ = ["Problem", "grid_points"]


@dataclass(frozen=True)
class Problem:
    """Runs seen through one family, with losses in units of their geometric mean.

    Columns are divided by their value at the geometric mean of the sizes, so that coefficients are
    losses there: the numbers stay near one whatever the units of data and loss.

    Attributes
    ----------
    family, runs
        What is fitted to what.
    lower, upper
        Bounds of the coefficients in these units, shape ``(K,)``.
    unit
        The geometric mean of the losses.
    """

    family: Family
    runs: Runs
    lower: Floats
    upper: Floats
    unit: float

    @staticmethod
    def of(family: Family, runs: Runs, floor_bounds: tuple[float, float]) -> Problem:
        """Set it up."""
        unit = float(np.exp(np.log(runs.loss).mean()))
        lower = np.zeros(len(family.coefficients))
        upper = np.full(len(family.coefficients), np.inf)
        if family.has_floor:
            lower[0], upper[0] = floor_bounds[0] / unit, floor_bounds[1] / unit
        return Problem(family, runs, lower, upper, unit)

    @property
    def logs(self) -> Floats:
        """The log losses in these units, shape ``(R,)``."""
        return np.log(self.runs.loss / self.unit)

    @property
    def limits(self) -> Floats:
        """The ends of ``η``, shape ``(S, 2)``."""
        return self.family.limits(np.log(self.runs.data))

    def columns(self, eta: Floats, D: ArrayLike, N: ArrayLike | None = None) -> Floats:
        """Give ``φ(D, N; η) / φ(reference; η)``, shape ``(G, n, K)``, for ``η`` of ``(G, S)``."""
        labels = np.atleast_1d(np.log(np.asarray(D, dtype=np.float64)))
        size = np.zeros(1) if N is None else np.atleast_1d(np.log(np.asarray(N, np.float64)))
        return self.family.basis(eta, labels, size) / self._reference(eta)

    def _reference(self, eta: Floats) -> Floats:
        size = np.zeros(1) if self.runs.parameters is None else np.log(self.runs.parameters)
        labels = np.log(self.runs.data)
        return self.family.basis(eta, labels.mean(keepdims=True), size.mean(keepdims=True))

    def matrix(self, eta: Floats) -> Floats:
        """Give the columns at the runs, shape ``(G, R, K)``."""
        return self.columns(eta, self.runs.data, self.runs.parameters)

    def scales(self, eta: Floats) -> Floats:
        """Give what turns coefficients into those of the law, shape ``(G, K)``."""
        return self.unit / self._reference(eta)[:, 0, :]

    def normal(self, X: Floats, z: Floats, weights: Floats) -> Normal:
        """Set up ``Σ w (z − X c)²`` for ``X`` of ``(G, R, K)``, ``z`` and ``w`` of ``(G, R)``."""
        weighted = X * weights[..., None]
        A = np.einsum("grk,grl->gkl", weighted, X)
        b = np.einsum("grk,gr->gk", weighted, z)
        return Normal(A, b, np.sum(weights * z**2, axis=-1), self.lower, self.upper)


def grid_points(limits: Floats, counts: tuple[int, ...]) -> Floats:
    """Give the points ``(G, S)`` of a regular grid between the limits ``(S, 2)``."""
    axes = [np.linspace(low, high, n) for (low, high), n in zip(limits, counts, strict=True)]
    return np.array(list(product(*axes)))
