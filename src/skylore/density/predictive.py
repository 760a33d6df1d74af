"""Densities of one column in its own unit: point masses, integers and Jacobian included."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.density.coding import Coded
from skylore.density.column_spec import ColumnSpec
from skylore.density.spread import Spread
from skylore.density.transforms import Warp
from skylore.errors import ModelError

__all__ = ["Predictive"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predictive:
    """``N`` densities of a numeric column.

    Attributes
    ----------
    spec : ColumnSpec
    spread : Spread
        In the transformed unit.
    """

    spec: ColumnSpec
    spread: Spread

    @property
    def _warp(self) -> Warp:
        if self.spec.warp is None:
            raise ModelError(f'the column "{self.spec.name}" has categories, and no order')
        return self.spec.warp

    @property
    def _integer(self) -> bool:
        return self.spec.kind == "integer"

    def log_prob(self, coded: Coded, column: int) -> Floats:
        """Give the log density of the rows' own values in nats, ``(N,)``; NaN where missing.

        At a point mass, and for integers, it is the log of a probability. Where a measurement
        error is known, the density is that of the noisy value.
        """
        there = coded.present[:, column]
        x = np.where(there, coded.x[:, column], self._warp.inverse(np.zeros(1))[0])
        if self._integer:
            spread = self._log_whole(x)
        else:
            error = torch.from_numpy(coded.error[:, column]) if self.spec.error else None
            z = torch.from_numpy(self._warp.forward(x)).clamp(-1e6, 1e6)
            spread = self.spread.log_density(z, error).numpy() + self._warp.log_slope(x)
            spread = np.where(self._within(x), spread, -math.inf)
        found = self._with_points(spread, coded.atom[:, column])
        return np.where(there, found, np.nan)

    def transformed(self, coded: Coded, column: int) -> Floats:
        """Give the rows' own values on the scale that they are modelled on, ``(N,)``."""
        there = coded.present[:, column]
        x = np.where(there, coded.x[:, column], self._warp.inverse(np.zeros(1))[0])
        found: Floats = self._inside(x).numpy()
        return found

    def log_score(self, coded: Coded, column: int) -> Floats:
        """Give log densities of the rows' own values on that scale; log masses at points."""
        error = torch.from_numpy(coded.error[:, column]) if self.spec.error else None
        z = torch.from_numpy(self.transformed(coded, column))
        spread = self.spread.log_density(z, error).numpy()
        return self._with_points(spread, coded.atom[:, column])

    def cdf(self, at: Floats, error: Floats | None = None) -> Floats:
        """Give the probability of values at or below ``at``, ``(N, Q)``."""
        spread = self._spread_below(at, error)
        for number, value in enumerate(self.spec.atoms):
            mass = self.spread.log_atoms[:, number].exp().numpy()
            spread = spread + np.where(at >= value, mass[:, None], 0.0)
        return spread.clip(0, 1)

    def cdf_before(self, at: Floats, error: Floats | None = None) -> Floats:
        """Give the probability of values below ``at`` but not at it, ``(N, Q)``."""
        if self._integer:
            return self.cdf(at - 1)
        spread = self._spread_below(at, error)
        for number, value in enumerate(self.spec.atoms):
            mass = self.spread.log_atoms[:, number].exp().numpy()
            spread = spread + np.where(at > value, mass[:, None], 0.0)
        return spread.clip(0, 1)

    def quantiles(self, shares: Floats) -> Floats:
        """Give the smallest values whose CDF reaches ``shares`` ``(N, Q)`` or ``(Q,)``."""
        shares = np.broadcast_to(shares, (len(self._rest), shares.shape[-1]))
        wanted = shares.copy()
        at_atom = np.full(shares.shape, np.nan)
        for number, value in enumerate(self.spec.atoms):
            mass = self.spread.log_atoms[:, number].exp().numpy()[:, None]
            point = np.full((len(mass), 1), value)
            right = self.cdf(point)
            inside = (shares > right - mass) & (shares <= right)
            at_atom = np.where(inside, value, at_atom)
            wanted = np.where(shares > right, wanted - mass, wanted)
        rest = self._rest[:, None]
        u = np.clip(wanted / np.maximum(rest, 1e-300), 1e-12, 1 - 1e-12)
        z = self.spread.quantile(torch.from_numpy(u)).numpy()
        found = np.where(np.isnan(at_atom), self._out(z), at_atom)
        return self._settled(found, shares) if self._integer else found

    def mean(self) -> Floats:
        """Give the expectations ``(N,)``."""
        mean = self.spread.expectation(lambda z: self._out(z.numpy(), whole=False))
        total: Floats = mean * self._rest
        for number, value in enumerate(self.spec.atoms):
            total += value * self.spread.log_atoms[:, number].exp().numpy()
        return total

    def draw(self, n: int, seed: int) -> Floats:
        """Draw ``(N, n)`` values."""
        z, atoms = self.spread.draw(n, torch.Generator().manual_seed(seed))
        found = self._out(z.numpy())
        for number, value in enumerate(self.spec.atoms):
            found = np.where(atoms.numpy() == number, value, found)
        return found

    @cached_property
    def _rest(self) -> Floats:
        rest: Floats = self.spread.log_rest.exp().numpy()
        return rest

    def _within(self, x: Floats) -> NDArray[np.bool_]:
        low = -math.inf if self.spec.lower is None else self.spec.lower
        high = math.inf if self.spec.upper is None else self.spec.upper
        return (x >= low) & (x <= high)

    def _with_points(self, spread: Floats, atom: NDArray[np.int64]) -> Floats:
        if not self.spec.atoms:
            return spread
        number = torch.from_numpy(atom).clamp(min=0)[:, None]
        point = self.spread.log_atoms.gather(1, number)[:, 0].numpy()
        both = np.logaddexp(point, spread) if self._integer else point
        return np.where(atom >= 0, both, spread)

    def _log_whole(self, x: Floats) -> Floats:
        low, high = (self._inside(x + step) for step in (-0.5, 0.5))
        found = self.spread.log_between(low, high).numpy()
        possible = (x == np.rint(x)) & self._within(x)
        return np.where(possible, found, -math.inf)

    def _inside(self, x: Floats) -> Tensor:
        return torch.from_numpy(self._warp.forward(x)).clamp(-1e6, 1e6)

    def _spread_below(self, at: Floats, error: Floats | None) -> Floats:
        x = np.floor(at) + 0.5 if self._integer else at
        noise = None if error is None or not self.spec.error else torch.from_numpy(error)
        found: Floats = self.spread.cdf(self._inside(x), noise).numpy()
        return found

    def _out(self, z: Tensor | Floats, *, whole: bool = True) -> Floats:
        x = self._warp.inverse(np.asarray(z))
        x = np.clip(
            x,
            -np.inf if self.spec.lower is None else self.spec.lower,
            np.inf if self.spec.upper is None else self.spec.upper,
        )
        if not (self._integer and whole):
            return x
        # The support of an integer ends half a unit beyond its values.
        low = -np.inf if self.spec.lower is None else np.ceil(self.spec.lower)
        high = np.inf if self.spec.upper is None else np.floor(self.spec.upper)
        return np.clip(np.rint(x), low, high)

    def _settled(self, found: Floats, shares: Floats) -> Floats:
        """Move integers by one where rounding put them on the wrong side."""
        found = np.where(self.cdf(found) < shares - 1e-9, found + 1, found)
        return np.where(self.cdf(found - 1) >= shares - 1e-12, found - 1, found)
