"""Which objects a run may train on, and which ones all runs are tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skylore.errors import ModelError

__all__ = ["Split", "nested_order", "split_by_hash"]

FEWEST = 8
"""With fewer objects to choose or to test by, figures say nothing."""

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """Disjoint rows: to train on, to choose the best weights by, and to report on."""

    pool: Rows
    validation: Rows
    test: Rows


def split_by_hash(names: Sequence[str], *, validation: float, test: float, most: int) -> Split:
    """Split objects by the hash of their names, so that equal names stay together.

    Parameters
    ----------
    names : sequence of str, length N
        Of each object's group, or its id.
    validation, test : float
        Shares of the objects.
    most : int
        Objects to test on at most, beyond which precision gains nothing; as many to validate.

    Raises
    ------
    ModelError
        If a part has fewer than eight objects.
    """
    from skylore.morphology.dataset import share_by_hash

    enough = most / max(1, len(names))
    test, validation = min(test, enough), min(validation, enough)
    tested = share_by_hash(names, test)
    chosen = share_by_hash(names, test + validation) & ~tested
    split = Split(*map(np.flatnonzero, (~tested & ~chosen, chosen, tested)))
    for part, rows in (("train on", split.pool), ("choose by", split.validation)):
        _require(part, rows, len(names))
    _require("test on", split.test, len(names))
    return split


def nested_order(names: Sequence[str], order: int) -> Rows:
    """Put objects into an order decided by hashes of its number and their names.

    The first ``D`` of an order are always among its first ``2 D``; objects of one name follow
    each other, in the order given.

    Returns
    -------
    ndarray, shape (N,)
        Positions in ``names``.
    """
    digests = np.array([hashlib.sha256(f"{order}:{name}".encode()).digest()[:16] for name in names])
    return np.argsort(digests, kind="stable").astype(np.intp)


def _require(part: str, rows: Rows, total: int) -> None:
    if len(rows) < FEWEST:
        raise ModelError(
            f"of {total} labelled objects or groups of them, {len(rows)} are left to {part}, and "
            f"it takes {FEWEST}; label more, or change the shares of validation and test"
        )
