"""Columns of an archive as the numbers that a network learns."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray

from skylore.errors import ColumnError, ModelError
from skylore.morphology.answers import by_question
from skylore.morphology.tree import DecisionTree
from skylore.morphology.votes import tree_fraction_cross_entropy, tree_nll

__all__ = ["check_votes", "class_numbers", "floats_of", "texts_of"]


def floats_of(table: pa.Table, name: str) -> NDArray[np.float64]:
    """Give the figures of a column ``(N,)``; NaN where null or not finite.

    Raises
    ------
    ColumnError
        The column does not hold numbers.
    """
    column = _plain(table[name])
    kind = column.type
    of_numbers = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal)
    if not any(is_kind(kind) for is_kind in (*of_numbers, pa.types.is_boolean, pa.types.is_null)):
        raise ColumnError(f"the column {name!r} holds {kind}, not numbers to learn")
    numbers = column.cast(pa.float64(), safe=False).to_numpy()
    return np.where(np.isfinite(numbers), numbers, np.nan)


def texts_of(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Give the classes of a column as texts.

    Raises
    ------
    ColumnError
        The column holds neither text nor booleans nor whole numbers.
    """
    column = _plain(table[name])
    kind = column.type
    texts = (pa.types.is_string, pa.types.is_large_string)
    others = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_null)
    if not any(is_kind(kind) for is_kind in (*texts, *others)):
        raise ColumnError(
            f"the column {name!r} holds {kind}; classes are text, boolean or whole numbers"
        )
    return column.cast(pa.string())


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def class_numbers(table: pa.Table, column: str, classes: tuple[str, ...]) -> NDArray[np.float32]:
    """Give the place of each class among ``classes``, ``(N, 1)``; NaN where null.

    Raises
    ------
    ColumnError
        The column holds no classes.
    ModelError
        A class is not among them.
    """
    texts = texts_of(table, column)
    numbers = pc.index_in(texts, pa.array(classes))
    strange = pc.and_(pc.is_null(numbers), pc.is_valid(texts))
    if pc.any(strange).as_py():
        first = texts.filter(strange)[0].as_py()
        raise ModelError(f"the class {first!r} was not there when the labels were learnt")
    found: NDArray[np.float32] = numbers.cast(pa.float32()).to_numpy()
    # A copy: Arrow's own memory is read-only.
    return found[:, None].copy()


def check_votes(
    votes: NDArray[np.float64],
    tree: DecisionTree,
    kind: Literal["classes", "figures", "votes", "fractions"],
    columns: tuple[str, ...],
) -> None:
    """Refuse at once what the loss would refuse in the middle of training.

    Parameters
    ----------
    votes : ndarray, shape (N, A)
        A column an answer of the tree; NaN where a question was not asked.
    tree : DecisionTree
    kind : str
        ``votes`` are counts, ``fractions`` sum to 1 within a question.
    columns : tuple of str
        Where they are from, for the message.

    Raises
    ------
    ModelError
        Votes are negative, or missing for some answers of a question only; or fractions do not
        sum to 1.
    """
    given = torch.from_numpy(votes)
    even = torch.ones(1, len(tree.columns), dtype=torch.float64)
    try:
        if kind == "fractions":
            parts = [part.log_softmax(dim=1) for part in by_question(even, tree.sizes)]
            tree_fraction_cross_entropy(given, torch.cat(parts, dim=1).expand_as(given), tree)
        else:
            tree_nll(given, even.expand_as(given), tree)
    except ModelError as error:
        raise ModelError(f"the columns {columns[0]!r} to {columns[-1]!r}: {error}") from error
