"""A density given by its quantiles: a monotone spline from a standard normal to the values."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["QuantileSpline", "normal_nodes"]

_SMALLEST_SLOPE = 1e-6


def normal_nodes(count: int, reach: float = 4.5) -> Tensor:
    """Give ``count`` evenly spaced standard normal scores from ``−reach`` to ``reach``."""
    return torch.linspace(-reach, reach, count)


class _Place(NamedTuple):
    """The piece that values lie in, and its two ends: all of shape ``(N, M)``."""

    score: Tensor
    width: float
    value: Tensor
    rise: Tensor
    slope: Tensor
    next_slope: Tensor


class QuantileSpline:
    """``x = g(z)`` with ``z ~ N(0, 1)``, of one distribution a row.

    A monotone rational-quadratic spline through the nodes (Gregory & Delbourgo 1982), with
    straight continuations: tails beyond the last nodes are Gaussian. Density, distribution
    function, quantiles and draws are of one and the same distribution.

    Parameters
    ----------
    scores : Tensor, shape (K,)
        Evenly spaced, increasing.
    values : Tensor, shape (N, K)
        At these scores; put into increasing order here, so that the distribution of draws stays
        what it was where a solver's map folds.
    """

    def __init__(self, scores: Tensor, values: Tensor) -> None:
        self._scores = scores
        self._width = float(scores[1] - scores[0])
        ordered = values.sort(dim=1).values
        rises = ordered.diff(dim=1).clamp(min=_SMALLEST_SLOPE * self._width)
        self._values = torch.cat([ordered[:, :1], ordered[:, :1] + rises.cumsum(dim=1)], dim=1)
        secants = rises / self._width
        inner = 2 * secants[:, 1:] * secants[:, :-1] / (secants[:, 1:] + secants[:, :-1])
        self._slopes = torch.cat([secants[:, :1], inner, secants[:, -1:]], dim=1)

    def __len__(self) -> int:
        """Give the number N of distributions."""
        return len(self._values)

    def double(self) -> QuantileSpline:
        """Give the same in double precision, on the CPU."""
        return QuantileSpline(self._scores.double().cpu(), self._values.double().cpu())

    def at_scores(self, scores: Tensor) -> Tensor:
        """Give ``g(z)`` for ``(N, M)`` scores."""
        last = len(self._scores) - 2
        piece = ((scores - self._scores[0]) / self._width).floor().long().clamp(0, last)
        place = self._place(piece)
        share = (scores - place.score) / place.width
        inside = share.clamp(0, 1)
        bend = inside * (1 - inside)
        secant = place.rise / place.width
        above = place.rise * (secant * inside**2 + place.slope * bend)
        below = secant + (place.next_slope + place.slope - 2 * secant) * bend
        beyond = (share - inside) * place.width
        end = torch.where(share > 1, place.next_slope, place.slope)
        return place.value + above / below + beyond * end

    def scores_of(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Give the normal scores of ``(N, M)`` values, and ``log dz/dx`` there."""
        last = len(self._scores) - 2
        piece = torch.searchsorted(self._values.contiguous(), values.contiguous(), right=True)
        place = self._place((piece - 1).clamp(0, last))
        secant = place.rise / place.width
        over = values - place.value
        inside = over.clamp(min=0).minimum(place.rise)
        curve = place.next_slope + place.slope - 2 * secant
        # Of two roots the one within the piece, in the form that does not cancel.
        a = place.rise * (secant - place.slope) + inside * curve
        b = place.rise * place.slope - inside * curve
        c = -secant * inside
        share = 2 * c / (-b - (b * b - 4 * a * c).clamp(min=0).sqrt())
        share = share.clamp(0, 1)
        bend = share * (1 - share)
        top = place.next_slope * share**2 + 2 * secant * bend + place.slope * (1 - share) ** 2
        slope = secant**2 * top / (secant + curve * bend) ** 2
        end = torch.where(over > 0, place.next_slope, place.slope)
        beyond = (over - inside) / end
        return place.score + share * place.width + beyond, -slope.log()

    def log_density(self, values: Tensor) -> Tensor:
        """Give log densities in nats of ``(N, M)`` values."""
        scores, log_slope = self.scores_of(values)
        return -0.5 * scores**2 - 0.5 * math.log(2 * math.pi) + log_slope

    def cdf(self, values: Tensor) -> Tensor:
        """Give the probability at or below each of ``(N, M)`` values."""
        shares: Tensor = torch.special.ndtr(self.scores_of(values)[0])
        return shares

    def quantiles(self, shares: Tensor) -> Tensor:
        """Give the values below which ``(M,)`` shares, between 0 and 1, of each row lie."""
        scores = torch.special.ndtri(shares.to(torch.float64)).to(self._values)
        return self.at_scores(scores.expand(len(self), -1))

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``count`` values of each row, shape ``(N, count)``."""
        drawn = torch.randn(len(self), count, generator=generator)
        return self.at_scores(drawn.to(self._values))

    def _place(self, piece: Tensor) -> _Place:
        value = self._values.gather(1, piece)
        return _Place(
            score=self._scores[piece],
            width=self._width,
            value=value,
            rise=self._values.gather(1, piece + 1) - value,
            slope=self._slopes.gather(1, piece),
            next_slope=self._slopes.gather(1, piece + 1),
        )
