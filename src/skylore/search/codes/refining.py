"""From estimates to exact scores, reading no more vectors than the asked recall takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Errors", "Refined", "first_read", "refine"]

Scores = NDArray[np.floating]


@dataclass(frozen=True)
class Errors:
    """What is known of the errors of estimates before any is measured.

    Attributes
    ----------
    margin
        Standard deviations below the last hit to which candidates are read.
    bias, spread
        The least mean and standard deviation (exact less estimate) to reckon with.
    """

    margin: float
    bias: float = -math.inf
    spread: float = 0.0


@dataclass(frozen=True)
class Refined:
    """What was read in full.

    Attributes
    ----------
    scores
        Exact scores of the first candidates, in the order of the candidates.
    short
        Whether candidates that were left out might belong to the answer.
    """

    scores: Scores
    short: bool


def refine(
    estimates: Scores,
    count: int,
    errors: Errors,
    exact: Callable[[int, int], Scores],
    *,
    complete: bool,
) -> Refined:
    """Read candidates in full until those left out are unlikely to be among the best.

    The errors of the estimates are measured on what was read already, for this very query and
    under its filters. With ``s`` the exact score of the ``count``-th best so far, and ``m`` and
    ``d`` mean and standard deviation of the errors (exact less estimate), all candidates that are
    estimated at ``s - m - margin * d`` or higher are read. Neither ``m`` nor ``d`` is taken for
    less than is usual: the first candidates may be copies of each other, with the same error.

    Parameters
    ----------
    estimates
        Of the candidates, descending; shape ``(N,)``.
    count
        How many best are wanted.
    errors
        What the errors usually are, and the margin for the asked recall.
    exact
        Gives the exact scores of the candidates from one place to another.
    complete
        Whether there are no candidates besides these.
    """
    done = min(len(estimates), first_read(count))
    scores = exact(0, done)
    while len(scores) > count:
        found = scores - estimates[:done]
        bias, spread = max(found.mean(), errors.bias), max(found.std(), errors.spread)
        last = np.partition(scores, len(scores) - count)[-count]
        cut = last - bias - errors.margin * spread
        wanted = int(np.searchsorted(-estimates, -cut, "right"))
        if wanted <= done:
            return Refined(scores, short=False)
        if wanted == len(estimates) and not complete:
            return Refined(scores, short=True)
        scores = np.concatenate([scores, exact(done, wanted)])
        done = wanted
    return Refined(scores, short=not complete)


def first_read(count: int) -> int:
    """How many candidates are read before anything is known of their errors."""
    return count + max(16, count // 4)
