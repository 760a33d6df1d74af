"""Distributions that a diffusion head gives, as the rest of the emulator takes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.density.diffusion.quantiles import QuantileSpline
from skylore.density.mixture import BROAD_SCALE, BROAD_SHARE

__all__ = ["SplineSpread"]

_HALVINGS = 40
_EDGES = 257
_REACH = 8.0
_NODES = 48
_SMALLEST = 1e-300


@dataclass(frozen=True)
class SplineSpread:
    """``N`` averages of monotone flows from a normal distribution, cut off at the support's ends.

    A broad Gaussian with a fixed share of 0.002 keeps every value possible, as in the mixture head.
    See :class:`skylore.density.spread.Spread` for the methods.

    Attributes
    ----------
    splines : tuple of QuantileSpline
        Of the members, in double precision.
    shares : Tensor, shape (N, M)
        Of the members; they sum to one.
    log_atoms : Tensor, shape (N, A)
    log_rest : Tensor, shape (N,)
    lower, upper : float
    """

    splines: tuple[QuantileSpline, ...]
    shares: Tensor
    log_atoms: Tensor
    log_rest: Tensor
    lower: float
    upper: float

    def log_density(self, z: Tensor, error: Tensor | None = None) -> Tensor:
        """Give the log density ``(N,)`` of the spread part at ``z``; −∞ off the support."""
        known = torch.zeros_like(z) if error is None else error
        sharp = self._sharp_log_density(z)
        found = torch.where(known > 0, self._noisy(z[:, None], known, _uniform), sharp)
        scale = (BROAD_SCALE**2 + known**2).sqrt()
        broad = -0.5 * (z / scale) ** 2 - scale.log() - 0.5 * math.log(2 * math.pi)
        both = _mixed(found, broad) + self.log_rest - self._inside.log()
        return both.masked_fill((z < self.lower) | (z > self.upper), -math.inf)

    def log_between(self, low: Tensor, high: Tensor) -> Tensor:
        """Give the log mass ``(N,)`` of the spread part between two values."""
        a, b = low.clamp(min=self.lower)[:, None], high.clamp(max=self.upper)[:, None]
        total = BROAD_SHARE * _mass(a / BROAD_SCALE, b / BROAD_SCALE)
        for spline, share in self._members:
            mass = _mass(spline.scores_of(a)[0], spline.scores_of(b)[0])
            total = total + (1 - BROAD_SHARE) * share * mass
        return self.log_rest + (total[:, 0] / self._inside).clamp(min=_SMALLEST).log()

    def cdf(self, z: Tensor, error: Tensor | None = None) -> Tensor:
        """Give the mass of the spread part at or below ``z``, ``(N, Q)``."""
        at = z.clamp(self.lower, self.upper)
        below = self._below(at)
        if error is not None and bool((error > 0).any()):
            scale = (BROAD_SCALE**2 + error[:, None] ** 2).sqrt()
            noisy = torch.stack(
                [self._noisy(column[:, None], error, _ramp) for column in at.unbind(1)], 1
            ).exp()
            noisy = (1 - BROAD_SHARE) * noisy + BROAD_SHARE * torch.special.ndtr(at / scale)
            below = torch.where(error[:, None] > 0, noisy, below)
        share = (below - self._before[:, None]) / self._inside[:, None]
        return (self.log_rest.exp()[:, None] * share).clamp(0, 1)

    def quantile(self, u: Tensor) -> Tensor:
        """Invert the CDF of the spread part alone, ``(N, Q)`` for ``u`` in (0, 1)."""
        wanted = self._before[:, None] + u * self._inside[:, None]
        score = torch.special.ndtri(wanted.clamp(1e-16, 1 - 1e-16))
        ends = torch.stack([BROAD_SCALE * score, *(s.at_scores(score) for s in self.splines)])
        low, high = ends.amin(0), ends.amax(0)
        for _ in range(_HALVINGS):
            mid = 0.5 * (low + high)
            under = self._below(mid) < wanted
            low, high = torch.where(under, mid, low), torch.where(under, high, mid)
        return (0.5 * (low + high)).clamp(self.lower, self.upper)

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``(N, n)`` values, and which point mass each is (−1 for none)."""
        rows = len(self.shares)
        masses = torch.cat([self.log_rest[:, None], self.log_atoms], 1).exp()
        atoms = torch.multinomial(masses, n, replacement=True, generator=generator) - 1
        starts, widths, weights = self._pieces
        part = torch.multinomial(weights, n, replacement=True, generator=generator)
        u = torch.rand((rows, n), generator=generator, dtype=self.shares.dtype)
        u = starts.gather(1, part) + u * widths.gather(1, part)
        score = torch.special.ndtri(u.clamp(1e-15, 1 - 1e-15))
        drawn = BROAD_SCALE * score
        for number, spline in enumerate(self.splines, start=1):
            drawn = torch.where(part == number, spline.at_scores(score), drawn)
        return drawn.clamp(self.lower, self.upper), atoms

    def expectation(self, values: Callable[[Tensor], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Give the mean ``(N,)`` of a function of ``z``, by Gauss-Legendre over probability."""
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        places = torch.from_numpy((nodes + 1) / 2)
        starts, widths, share = self._pieces
        share = share / share.sum(1, keepdim=True)
        total = np.zeros(len(self.shares))
        for number in range(len(self.splines) + 1):
            u = starts[:, number, None] + places * widths[:, number, None]
            score = torch.special.ndtri(u.clamp(1e-15, 1 - 1e-15))
            spline = self.splines[number - 1] if number else None
            z = BROAD_SCALE * score if spline is None else spline.at_scores(score)
            found = values(z.clamp(self.lower, self.upper))
            total += share[:, number].numpy() * (found @ weights) / 2
        return total

    def places(self) -> Tensor:
        """Give increasing ``z``, ``(N, G)``, between which the density changes little."""
        rows = len(self.shares)
        scores = torch.linspace(-_REACH, _REACH, _EDGES, dtype=self.shares.dtype)
        parts = [s.at_scores(scores.expand(rows, -1)) for s in self.splines]
        broad = (BROAD_SCALE * scores[:: _EDGES // 32]).expand(rows, -1)
        both = torch.cat([*parts, broad], 1).clamp(self.lower, self.upper)
        return both.sort(dim=1).values

    @property
    def _members(self) -> list[tuple[QuantileSpline, Tensor]]:
        return [(spline, self.shares[:, m, None]) for m, spline in enumerate(self.splines)]

    @cached_property
    def _pieces(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where each part begins within the support, how much of it is inside, and its weight."""
        ends = [torch.full_like(self.shares[:, :1], end) for end in (self.lower, self.upper)]
        scores = [torch.cat([e / BROAD_SCALE, *(self._scores(e))], 1) for e in ends]
        starts, stops = (torch.special.ndtr(s) for s in scores)
        broad = torch.full_like(self.shares[:, :1], BROAD_SHARE)
        share = torch.cat([broad, (1 - BROAD_SHARE) * self.shares], 1)
        widths = stops - starts
        return starts, widths, share * widths

    def _scores(self, at: Tensor) -> list[Tensor]:
        if math.isinf(float(at[0, 0])):
            return [at for _ in self.splines]
        return [spline.scores_of(at)[0] for spline in self.splines]

    @cached_property
    def _before(self) -> Tensor:
        if self.lower == -math.inf:
            return torch.zeros_like(self.log_rest)
        return self._below(torch.full_like(self.shares[:, :1], self.lower))[:, 0]

    @cached_property
    def _inside(self) -> Tensor:
        if self.upper == math.inf:
            return (1 - self._before).clamp(min=_SMALLEST)
        top = self._below(torch.full_like(self.shares[:, :1], self.upper))[:, 0]
        return (top - self._before).clamp(min=_SMALLEST)

    def _below(self, z: Tensor) -> Tensor:
        total: Tensor = BROAD_SHARE * torch.special.ndtr(z / BROAD_SCALE)
        for spline, share in self._members:
            total = total + (1 - BROAD_SHARE) * share * spline.cdf(z)
        return total

    def _sharp_log_density(self, z: Tensor) -> Tensor:
        logs = [s.log_density(z[:, None])[:, 0] + w[:, 0].log() for s, w in self._members]
        found: Tensor = torch.stack(logs).logsumexp(0)
        return found

    def _noisy(
        self, z: Tensor, error: Tensor, kernel: Callable[[Tensor, Tensor, Tensor], Tensor]
    ) -> Tensor:
        """Convolve with noise: each flow as a fine histogram, of which every bin is exact."""
        scores = torch.linspace(-_REACH, _REACH, _EDGES, dtype=z.dtype)
        mass = _mass(scores[:-1], scores[1:])
        noise = error.clamp(min=1e-12)[:, None]
        total = torch.zeros_like(z[:, 0])
        for spline, share in self._members:
            edges = spline.at_scores(scores.expand(len(z), -1))
            total = total + share[:, 0] * (mass * kernel(z, edges, noise)).sum(1)
        found: Tensor = total.clamp(min=_SMALLEST).log()
        return found


def _uniform(z: Tensor, edges: Tensor, noise: Tensor) -> Tensor:
    """Give the densities of noisy values that are uniform between edges, ``(N, B)``."""
    below = torch.special.ndtr((z - edges) / noise)
    found: Tensor = (below[:, :-1] - below[:, 1:]) / edges.diff(dim=1)
    return found


def _ramp(z: Tensor, edges: Tensor, noise: Tensor) -> Tensor:
    """Give the distribution functions of noisy values that are uniform between edges."""
    t = (z - edges) / noise
    area = noise * (t * torch.special.ndtr(t) + (-0.5 * t * t).exp() / math.sqrt(2 * math.pi))
    found: Tensor = ((area[:, :-1] - area[:, 1:]) / edges.diff(dim=1)).clamp(0, 1)
    return found


def _mixed(spread: Tensor, broad: Tensor) -> Tensor:
    return torch.logaddexp(spread + math.log1p(-BROAD_SHARE), broad + math.log(BROAD_SHARE))


def _mass(low: Tensor, high: Tensor) -> Tensor:
    """Give ``Φ(high) − Φ(low)`` from the tail where it keeps its digits."""
    swap = (low + high) > 0
    a, b = torch.where(swap, -high, low), torch.where(swap, -low, high)
    found: Tensor = torch.special.ndtr(b) - torch.special.ndtr(a)
    return found
