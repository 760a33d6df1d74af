"""Galaxy Zoo 2's published fractions, turned back into votes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skylore.errors import ColumnError, ModelError
from skylore.morphology.tree import DecisionTree, load_tree

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["counts_from_fractions", "gz2_counts"]

Matrix = NDArray[np.float64]

_CUT = 0.02
"""How far published fractions may sum from 1: each is cut to three digits."""


def gz2_counts(table: pa.Table, *, whole: bool = False) -> Matrix:
    """Turn a table with Galaxy Zoo 2's columns into votes.

    Parameters
    ----------
    table : pyarrow.Table
        With ``total_classifications`` and, for each column of the tree ``gz2``, that name and
        ``_weighted_fraction`` (Willett et al. 2013; Hart et al. 2016).
    whole : bool
        Round, as ``counts_from_fractions`` does.

    Returns
    -------
    ndarray
        ``(N, 37)`` votes, in the order of the tree's columns.

    Raises
    ------
    ColumnError
        If a column is missing.
    ModelError
        If the fractions are not fractions.
    """
    tree = load_tree("gz2")
    names = [f"{column}_weighted_fraction" for column in tree.columns]
    missing = [n for n in ("total_classifications", *names) if n not in table.column_names]
    if missing:
        raise ColumnError(
            f"the table lacks {len(missing)} of Galaxy Zoo 2's columns, such as {missing[0]!r}; "
            "keep their published names"
        )
    fractions = np.stack([_numbers(table, name) for name in names], axis=1)
    return counts_from_fractions(
        fractions, _numbers(table, "total_classifications"), tree, whole=whole
    )


def counts_from_fractions(
    fractions: Matrix, classifications: Matrix, tree: DecisionTree, *, whole: bool = False
) -> Matrix:
    """Multiply down a tree: as many are asked a question as gave the answers that lead to it.

    Fractions are weighted by the volunteers' consistency, so the votes are too. Fractions of a
    question are first brought to sum 1; with fractions that are all zero or NaN it had no votes.

    Parameters
    ----------
    fractions : ndarray
        ``(N, A)`` of each answer, given that its question is asked.
    classifications : ndarray
        ``(N,)`` volunteers who saw the object.
    tree : DecisionTree
    whole : bool
        Give whole votes. They are shared out from the root by largest remainders, so that the
        votes of a question still sum to those of the answers that lead to it.

    Returns
    -------
    ndarray
        ``(N, A)`` votes.

    Raises
    ------
    ModelError
        If shapes do not fit, the fractions of a question do not sum to 1 or are partly missing,
        or classifications are not numbers from 0.
    """
    _require(fractions, classifications, tree)
    places = {column: i for i, column in enumerate(tree.columns)}
    counts = np.zeros(fractions.shape)
    for question in tree.root_first:
        asked = classifications.astype(np.float64)
        if question.parents:
            asked = counts[:, [places[name] for name in question.parents]].sum(axis=1)
        own = [places[name] for name in question.columns]
        votes = asked[:, None] * _shares(fractions[:, own], question.name)
        counts[:, own] = _largest_remainders(votes) if whole else votes
    return counts


def _shares(fractions: Matrix, question: str) -> Matrix:
    missing = np.isnan(fractions)
    if (missing.any(axis=1) != missing.all(axis=1)).any():
        raise ModelError(f"{question!r} has fractions for some answers only; fill in or drop them")
    known = np.where(missing, 0.0, fractions)
    total = known.sum(axis=1, keepdims=True)
    wrong = (known < 0).any(axis=1) | ((total > 0) & (np.abs(total - 1) > _CUT))[:, 0]
    if wrong.any():
        row = int(wrong.argmax())
        raise ModelError(
            f"the fractions of {question!r} in row {row} are {known[row].tolist()}; they must be "
            "from 0 to 1 and sum to 1, or be all zero where nobody was asked"
        )
    shares: Matrix = np.divide(known, total, out=np.zeros_like(known), where=total > 0)
    return shares


def _largest_remainders(votes: Matrix) -> Matrix:
    least = np.floor(votes)
    left = np.rint(votes.sum(axis=1)) - least.sum(axis=1)
    by_remainder = np.argsort(least - votes, axis=1, kind="stable")
    place = np.argsort(by_remainder, axis=1, kind="stable")
    shared: Matrix = least + (place < left[:, None])
    return shared


def _require(fractions: Matrix, classifications: Matrix, tree: DecisionTree) -> None:
    if fractions.ndim != 2 or fractions.shape[1] != len(tree.columns):
        raise ModelError(
            f"the tree {tree.name!r} has {len(tree.columns)} answers; fractions have the shape "
            f"{fractions.shape}: give one column for each answer"
        )
    if classifications.shape != fractions.shape[:1]:
        raise ModelError(
            f"{len(fractions)} rows of fractions need as many classifications, not the shape "
            f"{classifications.shape}"
        )
    if not (np.isfinite(classifications) & (classifications >= 0)).all():
        raise ModelError("numbers of classifications must be finite and not negative")


def _numbers(table: pa.Table, name: str) -> Matrix:
    numbers: Matrix = table[name].to_numpy().astype(np.float64)
    return numbers
