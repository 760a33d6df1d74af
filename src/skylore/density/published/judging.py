"""How the published model was split and judged, beside how it should be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skylore.density.published.defects import Defects

__all__ = ["Split", "calibration_ranks", "judged_rows", "split_rows"]

Rows = NDArray[np.intp]


class Split(NamedTuple):
    """Numbers of the rows to learn from, and of those to judge by."""

    training: Rows
    test: Rows


def split_rows(objects: ArrayLike, defects: Defects, *, share: float = 0.1, seed: int = 0) -> Split:
    """Split rows at random; with ``splits_by_row`` without regard to which object they are of.

    Parameters
    ----------
    objects : array_like, shape (N,)
        Which object each row is of; several rows may be of one.
    defects : Defects
    share : float
        Of rows, or of objects, to judge by.
    seed : int
    """
    names = np.asarray(objects)
    groups = (
        np.arange(len(names)) if defects.splits_by_row else np.unique(names, return_inverse=True)[1]
    )
    count = int(groups.max()) + 1
    order = np.random.default_rng(seed).permutation(count)
    held_out = np.isin(groups, order[: round(share * count)])
    return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))


def judged_rows(split: Split, defects: Defects) -> Rows:
    """Give the rows that figures are made of: all, or those never trained on."""
    if defects.judges_training_rows:
        return np.sort(np.concatenate(split))
    return split.test


def calibration_ranks(
    draws: ArrayLike, truth: ArrayLike, defects: Defects, *, seed: int = 0
) -> NDArray[np.float64]:
    """Give one rank a row, between 0 and 1, which calibration would make uniform.

    Parameters
    ----------
    draws : array_like, shape (N, M)
    truth : array_like, shape (N,)
    defects : Defects
        With ``calibrates_means``, the rank is the share of all rows' labels below the mean of the
        row's draws, as published: it never looks at a posterior's width. Otherwise it is the
        randomised probability integral transform of the row's own label.
    seed : int
    """
    from skylore.evaluation.distributions import randomised_pit

    drawn, labels = np.asarray(draws, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if not defects.calibrates_means:
        return randomised_pit(drawn, labels, seed=seed)
    below = np.searchsorted(np.sort(labels), drawn.mean(axis=1), side="left")
    return np.asarray(below / len(labels), dtype=np.float64)
