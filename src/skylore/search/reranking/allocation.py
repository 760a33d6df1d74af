r"""Where the next questions are worth most: pure functions of what was answered so far.

A ranking's discounted cumulative gain is a weighted sum over its heads (Abel summation):
``DCG@k = Σ_j w_j Σ_{i in the first j} g_i`` with ``w_j = d_j − d_{j+1}`` and ``w_k = d_k``, where
``d_j = 1/log2(j + 1)``. So a good top ``k`` is ``k`` choices of a subset at once. A further answer
about candidate ``i`` helps with the choice of the first ``j`` as far as it may carry its mean
``μ_i`` across the border ``c_j`` between places ``j`` and ``j + 1``. With ``n_i`` answers of noise
``σ``, one more moves the mean by a normal amount of standard deviation
``s_i = σ/√(n_i (n_i + 1))``, and what is expected from that is
``s_i f(|μ_i − c_j|/s_i)`` with ``f(z) = φ(z) − z Φ(−z)``: the knowledge gradient (Frazier, Powell &
Dayanik 2008, SIAM J. Control Optim. 47, 2410) in the form of linear loss under a flat prior (LL₁;
Chick, Branke & Schmidt 2010, INFORMS J. Comput. 22, 71), with the border of the choice of a subset
(OCBA-m; Chen, He, Fu & Lee 2008, INFORMS J. Comput. 20, 579).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skylore.search.reranking.spending import Spending
from skylore.search.reranking.tally import Tally

__all__ = ["adaptive", "next_questions", "uniform"]

Candidates = NDArray[np.intp]

EXPECTED_NOISE = 1.5
"""Of a judge's answers, on the scale of 1 to 10, before any question was asked twice."""
WEIGHT = 8.0
"""Degrees of freedom that the expectation counts for."""
ROUNDS = 10
SMALLEST_ROUND = 16
AT_ONCE = 2
"""Further answers about one candidate in one round."""
WORTH_ASKING = 1e-4
"""Less than this part of the noise is not worth a question."""


def next_questions(tally: Tally, spending: Spending, left: int) -> Candidates:
    """Choose the candidates to ask about next, at most ``left``; none when it is done.

    Returns
    -------
    (Q,) array
        Indices of candidates, those worth most first; one may stand there more than once.
    """
    way = {"uniform": uniform, "adaptive": adaptive}[spending.policy]
    return way(tally, spending, left) if left > 0 else np.empty(0, np.intp)


def uniform(tally: Tally, spending: Spending, left: int) -> Candidates:
    """Ask about each equally often: all once, then all again, best similarity first."""
    lacking = np.where(tally.can_be_asked, spending.samples - tally.counts, 0)
    rounds = [np.flatnonzero((tally.counts <= n) & (lacking > 0)) for n in range(spending.samples)]
    return np.concatenate(rounds or [np.empty(0, np.intp)])[:left]


def adaptive(tally: Tally, spending: Spending, left: int) -> Candidates:
    """Ask about each once, then where the answer is expected to mend the top ``k`` most."""
    new = np.flatnonzero(tally.can_be_asked & (tally.counts == 0))
    if len(new):
        return new[:left]
    open_ones = tally.can_be_asked & (tally.counts < spending.samples)
    judged = np.flatnonzero(tally.counts > 0)
    chosen = np.flatnonzero(open_ones)
    if len(judged) < 2 or not len(chosen):
        return np.empty(0, np.intp)
    noise = tally.noise(EXPECTED_NOISE, WEIGHT)
    borders, weights = _borders(tally.means[judged], spending.k)
    size = min(left, max(SMALLEST_ROUND, (spending.questions - len(tally)) // ROUNDS))
    gains = np.stack(
        [
            _gain(tally.means[chosen], tally.counts[chosen] + more, noise, borders, weights)
            for more in range(AT_ONCE)
        ]
    )
    room = spending.samples - tally.counts[chosen]
    gains[np.arange(AT_ONCE)[:, None] >= room[None, :]] = 0.0
    best = np.argsort(-gains, axis=None, kind="stable")[:size]
    best = best[gains.ravel()[best] > WORTH_ASKING * noise * weights.sum()]
    asked: Candidates = chosen[best % len(chosen)]
    return asked


def _borders(means: NDArray[np.float64], k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the borders between the first places, each once, and what a right choice is worth."""
    ranked = np.sort(means)[::-1]
    last = min(k, len(ranked) - 1)
    discounts = 1 / np.log2(np.arange(1, last + 1) + 1)
    weights = discounts - np.append(discounts[1:], 0.0)
    borders, place = np.unique((ranked[:last] + ranked[1 : last + 1]) / 2, return_inverse=True)
    return borders, np.bincount(place.ravel(), weights).astype(np.float64)


def _gain(
    means: NDArray[np.float64],
    counts: NDArray[np.int64],
    noise: float,
    borders: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give what one more answer about each candidate is expected to gain, ``(N,)``."""
    from scipy.special import ndtr

    if noise == 0:
        return np.zeros(len(means))
    moves = (noise / np.sqrt(counts * (counts + 1.0)))[:, None]
    z = np.abs(means[:, None] - borders[None, :]) / moves
    expected = moves * (np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) - z * ndtr(-z))
    gain: NDArray[np.float64] = expected @ weights
    return gain
