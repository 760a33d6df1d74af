"""Arrays whose columns are answers, grouped by the questions of a tree: checks and sums."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from skylore.errors import ModelError
from skylore.morphology.tree import DecisionTree

__all__ = [
    "by_question",
    "clean_counts",
    "double",
    "one_question",
    "require_columns",
    "require_positive",
    "require_same_shape",
    "result_type",
    "spread_to_answers",
    "sums_by_question",
]


def by_question(of_answers: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    """Cut ``(N, A)`` into one ``(N, a)`` a question."""
    ends = tuple(accumulate(sizes))
    return tuple(of_answers[:, end - size : end] for size, end in zip(sizes, ends, strict=True))


def clean_counts(counts: Tensor, sizes: Sequence[int]) -> Tensor:
    """Check votes ``(N, A)``, and count those of questions that were not asked as zero.

    Raises
    ------
    ModelError
        Votes are negative or infinite, or missing for some answers of a question only.
    """
    k = double(counts)
    missing = k.isnan()
    # Stacked, so that a GPU is waited for once instead of once a question.
    complete = torch.stack([m.all(dim=1) == m.any(dim=1) for m in by_question(missing, sizes)])
    k = k.masked_fill(missing, 0.0)
    if not bool(complete.all() & (k.isfinite() & (k >= 0)).all()):
        raise ModelError(
            "votes must be finite and not negative, and missing (NaN) for all answers of a "
            "question or for none"
        )
    return k


def sums_by_question(each: Tensor, sizes: Sequence[int]) -> Tensor:
    """Add up the answers of each question: ``(N, Q)`` from ``(N, A)``."""
    return torch.stack([part.sum(dim=1) for part in by_question(each, sizes)], dim=1)


def spread_to_answers(of_questions: Tensor, sizes: Sequence[int]) -> Tensor:
    """Repeat the value of each question for its answers: ``(N, A)`` from ``(N, Q)``."""
    return of_questions.repeat_interleave(torch.tensor(sizes, device=of_questions.device), dim=1)


def double(values: Tensor) -> Tensor:
    """Change to double precision, in which a few thousand votes cost nothing."""
    # Apple's GPUs have no double precision.
    return (values.cpu() if values.device.type == "mps" else values).double()


def result_type(values: Tensor) -> torch.dtype:
    """Say in which precision a result goes back: that of the model, at least single."""
    return torch.promote_types(values.dtype, torch.float32)


def one_question(counts: Tensor) -> tuple[int]:
    """Take all columns of votes ``(N, A)`` as the answers of one question.

    Raises
    ------
    ModelError
        They are not of two dimensions, or have no column.
    """
    if counts.ndim != 2 or counts.shape[1] == 0:
        raise ModelError(f"votes must be (N, A), a column for each answer; not {counts.shape}")
    return (counts.shape[1],)


def require_columns(values: Tensor, tree: DecisionTree) -> None:
    """Refuse what is not ``(N, A)``, with a column for each answer of the tree.

    Raises
    ------
    ModelError
        It is not.
    """
    if values.ndim != 2 or values.shape[1] != len(tree.columns):
        raise ModelError(
            f"the tree {tree.name!r} has {len(tree.columns)} answers; got the shape "
            f"{tuple(values.shape)}: give one column for each answer"
        )


def require_same_shape(votes: Tensor, outputs: Tensor) -> None:
    """Refuse votes and outputs that are not both ``(N, A)``.

    Raises
    ------
    ModelError
        Their shapes differ.
    """
    if votes.shape != outputs.shape:
        raise ModelError(
            f"votes {tuple(votes.shape)} and the model's outputs {tuple(outputs.shape)} must have "
            "the same shape"
        )


def require_positive(concentration: Tensor) -> None:
    """Refuse concentrations ``(N, A)`` that no Dirichlet distribution has.

    Raises
    ------
    ModelError
        One is not positive, or not finite.
    """
    if not bool((concentration.isfinite() & (concentration > 0)).all()):
        raise ModelError(
            "concentrations must be positive and finite; if they were, training has diverged: "
            "lower the learning rate"
        )
