"""Likelihoods of volunteers' votes, for one question or for all of a decision tree.

A question that was not asked, with no votes or with NaN for every answer, costs exactly zero and
has exactly zero gradient. NaN for some answers of a question only is refused: its votes cannot be
counted. Counts may be fractional, as weighted votes are; the factorials are gamma functions.

Everything is worked out in double precision, since the log-gamma functions of large arguments
nearly cancel, and returned in the precision of the model's output, at least single. Gradients
reach concentrations and log probabilities, not votes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from skylore.errors import ModelError
from skylore.morphology.answers import (
    clean_counts,
    double,
    one_question,
    require_columns,
    require_positive,
    require_same_shape,
    result_type,
    spread_to_answers,
    sums_by_question,
)
from skylore.morphology.tree import DecisionTree

__all__ = [
    "dirichlet_multinomial_nll",
    "expected_fractions",
    "fraction_cross_entropy",
    "multinomial_nll",
    "saturated_nll",
    "tree_fraction_cross_entropy",
    "tree_multinomial_nll",
    "tree_nll",
    "tree_saturated_nll",
]

_NORMALISED = 0.02
"""How far probabilities and fractions may sum from 1: bfloat16, and fractions cut to 3 digits."""


def dirichlet_multinomial_nll(counts: Tensor, concentration: Tensor) -> Tensor:
    """Give the negative log likelihood of one question's votes when probabilities vary.

    Votes are multinomial, with probabilities drawn from a Dirichlet distribution (Mosimann 1962;
    as a loss for galaxies, Walmsley et al. 2022, arXiv 2102.08414)::

        log P = ln Γ(α₀) + ln Γ(N+1) − ln Γ(N+α₀) + Σ [ln Γ(k+α) − ln Γ(α) − ln Γ(k+1)]

    with ``N = Σ k`` and ``α₀ = Σ α``. The error is below 1e-8 nats at ``α₀`` and ``N`` to 1e5.

    Parameters
    ----------
    counts : Tensor
        ``(N, A)`` votes for each answer.
    concentration : Tensor
        ``(N, A)``, α > 0.

    Returns
    -------
    Tensor
        ``(N,)``, in nats.

    Raises
    ------
    ModelError
        If shapes differ, a count is negative, infinite or missing beside others, or a
        concentration is not positive and finite.
    """
    return _dirichlet_multinomial(counts, concentration, one_question(counts))[:, 0]


def tree_nll(counts: Tensor, concentration: Tensor, tree: DecisionTree) -> Tensor:
    """Give ``dirichlet_multinomial_nll`` of each question, ``(N, Q)`` from ``(N, A)``.

    Their sum over questions, averaged over galaxies, is the loss of Zoobot (Walmsley et al. 2023).
    """
    require_columns(counts, tree)
    return _dirichlet_multinomial(counts, concentration, tree.sizes)


def multinomial_nll(counts: Tensor, log_probabilities: Tensor) -> Tensor:
    """Give the negative log likelihood of one question's votes at fixed probabilities.

    ``log P = ln Γ(N+1) − Σ ln Γ(k+1) + Σ k ln p``.

    Takes counts and ``log_softmax``, both ``(N, A)``, and gives ``(N,)``, in nats; infinite where
    an answer of probability zero was given. Raises ModelError as ``dirichlet_multinomial_nll``
    does, and if the probabilities do not sum to 1.
    """
    return _multinomial(counts, log_probabilities, one_question(counts))[:, 0]


def tree_multinomial_nll(counts: Tensor, log_probabilities: Tensor, tree: DecisionTree) -> Tensor:
    """Give ``multinomial_nll`` of each question, ``(N, Q)`` from ``(N, A)``."""
    require_columns(counts, tree)
    return _multinomial(counts, log_probabilities, tree.sizes)


def saturated_nll(counts: Tensor) -> Tensor:
    """Give the least that any model can reach: probabilities equal to the vote fractions.

    Every mixture of multinomials, the Dirichlet-multinomial among them, gives the votes of a
    galaxy at most the likelihood of their best multinomial. So the mean of this bounds the
    irreducible loss ``E`` of a scaling law from below. ``(N,)``, in nats, from ``(N, A)``; raises
    ModelError if a count is negative, infinite or missing beside others.
    """
    return _saturated(counts, one_question(counts))[:, 0]


def tree_saturated_nll(counts: Tensor, tree: DecisionTree) -> Tensor:
    """Give ``saturated_nll`` of each question, ``(N, Q)`` from ``(N, A)``."""
    require_columns(counts, tree)
    return _saturated(counts, tree.sizes)


def fraction_cross_entropy(
    fractions: Tensor, log_probabilities: Tensor, effective_counts: Tensor | float = 1.0
) -> Tensor:
    """Give the cross-entropy ``−n Σ f ln p`` of one question's vote fractions without counts.

    With ``n`` votes behind the fractions it differs from ``multinomial_nll`` by a constant.

    Parameters
    ----------
    fractions : Tensor
        ``(N, A)``, of sum 1; all NaN or all zero where the question was not asked.
    log_probabilities : Tensor
        ``(N, A)``, as from ``log_softmax``.
    effective_counts : Tensor or float
        ``(N,)``, or one for all: how many independent votes the fractions are worth.

    Returns
    -------
    Tensor
        ``(N,)``, in nats.

    Raises
    ------
    ModelError
        If shapes differ, fractions or probabilities do not sum to 1, or effective counts are
        negative or not finite.
    """
    sizes = one_question(fractions)
    worth = torch.as_tensor(effective_counts, device=fractions.device)
    return _cross_entropy(fractions, log_probabilities, worth.reshape(-1, 1), sizes)[:, 0]


def tree_fraction_cross_entropy(
    fractions: Tensor,
    log_probabilities: Tensor,
    tree: DecisionTree,
    effective_counts: Tensor | float = 1.0,
) -> Tensor:
    """Give ``fraction_cross_entropy`` of each question, ``(N, Q)`` from ``(N, A)``.

    Effective counts are ``(N, Q)``, ``(Q,)`` or one for all. Where a question is seldom reached,
    ``n × tree.asked(fractions)`` says how many of ``n`` volunteers answered it.
    """
    require_columns(fractions, tree)
    worth = torch.as_tensor(effective_counts, device=fractions.device)
    return _cross_entropy(fractions, log_probabilities, worth, tree.sizes)


def expected_fractions(concentration: Tensor, tree: DecisionTree) -> Tensor:
    """Give the expected vote fraction ``α / Σ α`` of each answer of its question, ``(N, A)``."""
    require_columns(concentration, tree)
    require_positive(concentration)
    precision = sums_by_question(concentration, tree.sizes)
    return concentration / spread_to_answers(precision, tree.sizes)


def _dirichlet_multinomial(counts: Tensor, concentration: Tensor, sizes: Sequence[int]) -> Tensor:
    require_same_shape(counts, concentration)
    require_positive(concentration)
    k, alpha = clean_counts(counts, sizes), double(concentration)
    each = torch.lgamma(k + alpha) - torch.lgamma(alpha) - torch.lgamma(k + 1)
    total, whole = sums_by_question(k, sizes), sums_by_question(alpha, sizes)
    share = torch.lgamma(whole) - torch.lgamma(total + whole) + torch.lgamma(total + 1)
    nll = -(share + sums_by_question(each, sizes))
    return torch.where(total > 0, nll, 0.0).to(concentration.device, result_type(concentration))


def _multinomial(counts: Tensor, log_probabilities: Tensor, sizes: Sequence[int]) -> Tensor:
    require_same_shape(counts, log_probabilities)
    k = clean_counts(counts, sizes)
    nll = _times_log(k, log_probabilities, sizes) - _log_arrangements(k, sizes)
    return nll.to(log_probabilities.device, result_type(log_probabilities))


def _saturated(counts: Tensor, sizes: Sequence[int]) -> Tensor:
    k = clean_counts(counts, sizes)
    total = sums_by_question(k, sizes)
    log_likelihood = sums_by_question(torch.xlogy(k, k), sizes) - torch.xlogy(total, total)
    nll = -(log_likelihood + _log_arrangements(k, sizes))
    return torch.where(total > 0, nll, 0.0).to(counts.device, result_type(counts))


def _cross_entropy(
    fractions: Tensor, log_probabilities: Tensor, worth: Tensor, sizes: Sequence[int]
) -> Tensor:
    require_same_shape(fractions, log_probabilities)
    f, n = clean_counts(fractions, sizes), double(worth)
    total = sums_by_question(f, sizes)
    if not bool(((total == 0) | ((total - 1).abs() <= _NORMALISED)).all()):
        raise ModelError("vote fractions must sum to 1 over the answers of a question, or be 0")
    if not bool((n.isfinite() & (n >= 0)).all()):
        raise ModelError("effective counts must be finite and not negative")
    try:
        n = n.broadcast_to(total.shape)
    except RuntimeError as error:
        raise ModelError(
            f"effective counts {tuple(worth.shape)} do not fit {total.shape[0]} objects by "
            f"{total.shape[1]} questions"
        ) from error
    share = f / spread_to_answers(torch.where(total > 0, total, 1.0), sizes)
    entropy = n * _times_log(share, log_probabilities, sizes)
    return entropy.to(log_probabilities.device, result_type(log_probabilities))


def _times_log(weights: Tensor, log_probabilities: Tensor, sizes: Sequence[int]) -> Tensor:
    """Give ``−Σ w ln p``, in which an answer that nobody gave may have probability zero."""
    log_p = double(log_probabilities)
    if not bool(((sums_by_question(log_p.exp(), sizes) - 1).abs() <= _NORMALISED).all()):
        raise ModelError(
            "log probabilities do not belong to probabilities that sum to 1 over the answers of a "
            "question; take log_softmax of the network's outputs for each question"
        )
    return -sums_by_question(weights * log_p.masked_fill(weights == 0, 0.0), sizes)


def _log_arrangements(k: Tensor, sizes: Sequence[int]) -> Tensor:
    """Give the logarithm of the multinomial coefficient."""
    total = sums_by_question(k, sizes)
    return torch.lgamma(total + 1) - sums_by_question(torch.lgamma(k + 1), sizes)
