"""Inverting distribution functions: roots of many increasing functions at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["invert"]

_MOST_STEPS = 80
_CLOSE = 1e-10


def invert(
    function: Callable[[Tensor, Tensor], Tensor], wanted: Tensor, low: Tensor, high: Tensor
) -> Tensor:
    """Find where increasing functions take wanted values, by Chandrupatla's method.

    It takes the inverse quadratic step where that is known to be safe, and halves elsewhere
    (Chandrupatla 1997, Adv. Eng. Softw. 28, 145). Rows that are done are no longer evaluated.

    Parameters
    ----------
    function : callable
        Gives the values ``(M, Q)`` of some of the functions, from their numbers ``(M,)`` and places
        ``(M, Q)``.
    wanted : Tensor, shape (N, Q)
    low, high : Tensor, shape (N, Q)
        Places on either side.

    Returns
    -------
    Tensor, shape (N, Q)
        Right to 1e-10, or to 1e-10 of the place where that is larger.
    """
    found = torch.empty_like(wanted)
    rows = torch.arange(len(wanted))
    a, b = low, high
    fa, fb = function(rows, a) - wanted, function(rows, b) - wanted
    share = torch.full_like(a, 0.5)
    for _ in range(_MOST_STEPS):
        x = a + share * (b - a)
        fx = function(rows, x) - wanted[rows]
        same = (fx > 0) == (fa > 0)
        c, fc = torch.where(same, a, b), torch.where(same, fa, fb)
        b, fb = torch.where(same, b, a), torch.where(same, fb, fa)
        a, fa = x, fx
        best = torch.where(fa.abs() < fb.abs(), a, b)
        found[rows] = best
        margin = _CLOSE * (1 + best.abs()) / (b - a).abs().clamp(min=1e-300)
        open_rows = ((margin < 0.5) & (fa != 0) & (fb != 0)).any(dim=1)
        if not open_rows.any():
            break
        share = _next_share((a, b, c), (fa, fb, fc))
        share = share.maximum(margin.clamp(max=0.5)).minimum(1 - margin.clamp(max=0.5))
        rows = rows[open_rows]
        a, b, fa, fb, share = (part[open_rows] for part in (a, b, fa, fb, share))
    return found


def _next_share(places: tuple[Tensor, Tensor, Tensor], values: tuple[Tensor, ...]) -> Tensor:
    (a, b, c), (fa, fb, fc) = places, values
    place, value = (a - b) / (c - b), (fa - fb) / (fc - fb)
    safe = (value**2 < place) & ((1 - value) ** 2 < 1 - place)
    step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    return torch.where(safe & step.isfinite(), step, 0.5)
