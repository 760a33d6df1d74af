"""Mixtures of Gaussians and point masses on a line: density, CDF, quantiles, draws, all exact."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.density.inversion import invert

__all__ = ["BROAD_SCALE", "BROAD_SHARE", "Mixture", "average", "mixture_of"]

_FLOOR = 0.01
# Wider, its far ends would be thousands of times beyond all values of a column on a logarithmic
# scale: few draws, but enough of them to make means a fifth too large.
BROAD_SCALE, BROAD_SHARE = 1.5, 2e-3
_TWO_PI = math.log(2 * math.pi)
_REACH = 9.0
_GRID = 65
_NODES, _STEPS = 48, 37
_FEWEST_STEPS, _PLACES, _GOLDEN = 7, 2000, 0.6180339887
_NARROW = 0.02
_FAR = 200.0


@dataclass(frozen=True)
class Mixture:
    """``N`` mixtures over the transformed values of one column.

    A share ``exp(log_rest)`` is spread by Gaussians, cut off at the ends of the support and scaled
    up to a mass of one; the others sit at the point masses.

    Attributes
    ----------
    log_weight, loc, scale : Tensor, shape (N, K)
        Of the Gaussians; weights are scaled for the cut.
    log_atoms : Tensor, shape (N, A)
    log_rest : Tensor, shape (N,)
    lower, upper : float
        The support in ``z``.
    """

    log_weight: Tensor
    loc: Tensor
    scale: Tensor
    log_atoms: Tensor
    log_rest: Tensor
    lower: float
    upper: float

    def log_density(self, z: Tensor, error: Tensor | None = None) -> Tensor:
        """Give the log density ``(N,)`` of the continuous part at ``z``; −∞ off the support.

        Parameters
        ----------
        z : Tensor, shape (N,)
        error : Tensor, shape (N,), optional
            Standard deviation of Gaussian noise in ``z``, by which the mixture is convolved.
        """
        scale = self.scale
        if error is not None:
            scale = (scale**2 + error[:, None] ** 2).sqrt()
        t = (z[:, None] - self.loc) / scale
        terms = self.log_weight - 0.5 * (t * t + _TWO_PI) - scale.log()
        found = self.log_rest + terms.logsumexp(1)
        return found.masked_fill((z < self.lower) | (z > self.upper), -math.inf)

    def log_between(self, low: Tensor, high: Tensor) -> Tensor:
        """Give the log mass ``(N,)`` of the continuous part between two values."""
        low, high = low.clamp(min=self.lower), high.clamp(max=self.upper)
        a = (low[:, None] - self.loc) / self.scale
        b = (high[:, None] - self.loc) / self.scale
        return self.log_rest + (self.log_weight + _log_mass(a, b)).logsumexp(1)

    def cdf(self, z: Tensor, error: Tensor | None = None) -> Tensor:
        """Give the mass of the continuous part at or below ``z``, ``(N, Q)``.

        Parameters
        ----------
        z : Tensor, shape (N, Q)
        error : Tensor, shape (N,), optional
            As in :meth:`log_density`.
        """
        scale = self.scale
        if error is not None:
            scale = (scale**2 + error[:, None] ** 2).sqrt()
        weight = (self.log_weight + self.log_rest[:, None]).exp()
        total = torch.zeros_like(z)
        inside = z.clamp(self.lower, self.upper)
        for k in range(self.loc.shape[1]):
            loc, s = self.loc[:, k, None], scale[:, k, None]
            below = torch.special.ndtr((inside - loc) / s)
            if self.lower > -math.inf:
                below = below - torch.special.ndtr((self.lower - loc) / s)
            total += weight[:, k, None] * below
        return total.clamp(0, 1)

    def quantile(self, u: Tensor) -> Tensor:
        """Invert the CDF of the continuous part alone, ``(N, Q)`` for ``u`` in (0, 1)."""
        start = (self.loc - _REACH * self.scale).amin(1, keepdim=True)
        end = (self.loc + _REACH * self.scale).amax(1, keepdim=True)
        start, end = start.clamp(min=self.lower), end.clamp(max=self.upper)
        wanted = u * self.log_rest.exp()[:, None]
        grid = start + (end - start) * torch.linspace(0, 1, _GRID, dtype=u.dtype)
        cells = torch.searchsorted(self.cdf(grid), wanted.contiguous()).clamp(1, _GRID - 1)
        return invert(
            lambda rows, z: self.rows(rows).cdf(z),
            wanted,
            grid.gather(1, cells - 1),
            grid.gather(1, cells),
        )

    def rows(self, chosen: Tensor) -> Mixture:
        """Take some of the mixtures."""
        return Mixture(
            self.log_weight[chosen],
            self.loc[chosen],
            self.scale[chosen],
            self.log_atoms[chosen],
            self.log_rest[chosen],
            self.lower,
            self.upper,
        )

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``(N, n)`` values, and which point mass each is (−1 for none)."""
        rows = self.loc.shape[0]
        shares = torch.cat([self.log_rest[:, None], self.log_atoms], 1).exp()
        atoms = torch.multinomial(shares, n, replacement=True, generator=generator) - 1
        a = torch.special.ndtr((self.lower - self.loc) / self.scale)
        b = torch.special.ndtr((self.upper - self.loc) / self.scale)
        weight = self.log_weight.exp() * (b - a)
        part = torch.multinomial(weight, n, replacement=True, generator=generator)
        u = torch.rand((rows, n), generator=generator, dtype=self.loc.dtype)
        u = a.gather(1, part) + u * (b - a).gather(1, part)
        t = torch.special.ndtri(u.clamp(1e-15, 1 - 1e-15))
        z = self.loc.gather(1, part) + self.scale.gather(1, part) * t
        return z.clamp(self.lower, self.upper), atoms

    def expectation(self, values: Callable[[Tensor], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Give the mean ``(N,)`` of a function of ``z`` over the continuous part, of mass one.

        By Gauss-Legendre quadrature over the probability of each Gaussian.
        """
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        shares = torch.from_numpy((nodes + 1) / 2)
        a = torch.special.ndtr((self.lower - self.loc) / self.scale)
        b = torch.special.ndtr((self.upper - self.loc) / self.scale)
        total = np.zeros(len(self.log_rest))
        for k in range(self.loc.shape[1]):
            mass = b[:, k] - a[:, k]
            u = (a[:, k, None] + shares * mass[:, None]).clamp(1e-15, 1 - 1e-15)
            z = self.loc[:, k, None] + self.scale[:, k, None] * torch.special.ndtri(u)
            found = values(z.clamp(self.lower, self.upper))
            total += (self.log_weight[:, k].exp() * mass).numpy() * (found @ weights) / 2
        return total

    def places(self) -> Tensor:
        """Give increasing ``z``, ``(N, G)``, between which the density changes little."""
        count = self.loc.shape[1]
        each = min(_STEPS, max(_FEWEST_STEPS, _PLACES // count))
        steps = torch.linspace(-_REACH, _REACH, each, dtype=self.loc.dtype)
        # Few steps of many Gaussians are staggered, so that between them they leave no gap.
        turn = torch.arange(count, dtype=self.loc.dtype) * _GOLDEN % 1 - 0.5
        shift = turn * (steps[1] - steps[0]) if each < _STEPS else 0 * turn
        found = self.loc[:, :, None] + self.scale[:, :, None] * (steps + shift[:, None])
        return found.flatten(1).clamp(self.lower, self.upper).sort(dim=1).values


def mixture_of(raw: Tensor, components: int, atoms: int, support: tuple[float, float]) -> Mixture:
    """Make mixtures of a network's numbers ``(N, 3K + A + 1)``, or ``3K`` without point masses.

    A broad Gaussian with a fixed share of 0.002 keeps every value possible.
    """
    logits, loc, width = raw[:, : 3 * components].chunk(3, dim=1)
    scale = torch.nn.functional.softplus(width) + _FLOOR
    log_weight = logits.log_softmax(1) + math.log1p(-BROAD_SHARE)
    one = torch.ones_like(loc[:, :1])
    log_weight = torch.cat([log_weight, one * math.log(BROAD_SHARE)], 1)
    loc, scale = torch.cat([loc, 0 * one], 1), torch.cat([scale, BROAD_SCALE * one], 1)
    lower, upper = support
    if lower > -math.inf or upper < math.inf:
        # Finite ends, because a gradient through an infinite one is not a number.
        start, end = max(lower, -_FAR), min(upper, _FAR)
        inside = _log_mass((start - loc) / scale, (end - loc) / scale)
        log_weight = log_weight - (log_weight + inside).logsumexp(1, keepdim=True)
    if atoms:
        shares = raw[:, 3 * components :].log_softmax(1)
        log_rest, log_atoms = shares[:, 0], shares[:, 1:]
    else:
        log_rest, log_atoms = 0 * raw[:, 0], raw[:, :0]
    return Mixture(log_weight, loc, scale, log_atoms, log_rest, lower, upper)


def average(members: list[Mixture]) -> Mixture:
    """Average the densities of several members."""
    log_rest = torch.stack([m.log_rest for m in members]).logsumexp(0) - math.log(len(members))
    weights = [
        m.log_weight + (m.log_rest - log_rest)[:, None] - math.log(len(members)) for m in members
    ]
    atoms = torch.stack([m.log_atoms for m in members]).logsumexp(0) - math.log(len(members))
    return Mixture(
        torch.cat(weights, 1),
        torch.cat([m.loc for m in members], 1),
        torch.cat([m.scale for m in members], 1),
        atoms,
        log_rest,
        members[0].lower,
        members[0].upper,
    )


def _log_mass(a: Tensor, b: Tensor) -> Tensor:
    """Give ``log(Φ(b) − Φ(a))``, in the tail where it keeps its digits, for ``a < b``."""
    a, b = a.clamp(-_FAR, _FAR), b.clamp(-_FAR, _FAR)
    swap = (a + b) > 0
    a, b = torch.where(swap, -b, a), torch.where(swap, -a, b)
    high, low = torch.special.log_ndtr(b), torch.special.log_ndtr(a)
    gap = (high - low).clamp(min=1e-12)
    wide = high + torch.log(-torch.expm1(-gap))
    mid = 0.5 * (a + b)
    width = (b - a).clamp(min=1e-30)
    narrow = -0.5 * (mid * mid + _TWO_PI) + width.clamp(max=1).log()
    return torch.where(width < (_NARROW if a.dtype == torch.float32 else 1e-5), narrow, wide)
