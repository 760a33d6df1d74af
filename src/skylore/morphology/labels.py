"""Where labels lie in an archive, and how they become numbers to learn from."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from skylore.errors import ModelError
from skylore.morphology.label_columns import check_votes, class_numbers, floats_of, texts_of
from skylore.morphology.tree import DecisionTree, load_tree

__all__ = [
    "ClassLabels",
    "FigureLabels",
    "LabelSource",
    "LearntLabels",
    "VoteCounts",
    "VoteFractions",
]

_MOST_CLASSES = 1000
_FEWEST_TO_TELL = 8
"""Labelled objects from which on names that hardly repeat are seen to be no classes."""
_ROBUST = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""
_FURTHEST = 5.0
"""Figures beyond so many robust deviations are taken as just so far."""

Weight = Annotated[float, Field(gt=0)]


class LearntLabels(BaseModel):
    """What a label means to a trained network: kept with its weights.

    Attributes
    ----------
    name : str
        Of the objective; unique within a model.
    kind : str
    columns : tuple of str
        In the archive it was trained on.
    classes : tuple of str
        In the order of the outputs, for classes.
    centre, scale : tuple of float
        A figure is ``centre + scale × output``, for figures.
    tree : DecisionTree, optional
        For votes and vote fractions.
    head : str
        How outputs become concentrations, for votes.
    weight : float
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["classes", "figures", "votes", "fractions"]
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    tree: DecisionTree | None = None
    head: Literal["free", "published"] = "free"
    weight: float = 1.0

    def targets(self, table: pa.Table) -> NDArray[np.float32]:
        """Turn the columns into numbers, ``(N, K)``; NaN is missing.

        Raises
        ------
        ColumnError
            A column is of the wrong type.
        ModelError
            A class was not there when the labels were learnt, or votes are negative, missing for
            some answers of a question only, or fractions that do not sum to 1.
        """
        if self.kind == "classes":
            return class_numbers(table, self.columns[0], self.classes)
        numbers = np.stack([floats_of(table, name) for name in self.columns], axis=1)
        if self.kind == "figures":
            standard = (numbers - self.centre) / self.scale
            return np.clip(standard, -_FURTHEST, _FURTHEST).astype(np.float32)
        if self.tree is None:
            raise ValueError(f"the labels {self.name!r} are votes and have no tree")
        check_votes(numbers, self.tree, self.kind, self.columns)
        return numbers.astype(np.float32)


class ClassLabels(BaseModel):
    """A column of classes: text, boolean or whole numbers; null where there is no label."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["classes"] = "classes"
    column: str
    weight: Weight = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def learn(self, table: pa.Table) -> LearntLabels:
        """Take down which classes there are.

        Raises
        ------
        ModelError
            There are fewer than two, or so many that the column is something else.
        """
        named = texts_of(table, self.column).drop_null()
        classes = tuple(sorted(named.unique().to_pylist()))
        if not 2 <= len(classes) <= _MOST_CLASSES:
            raise ModelError(
                f"the column {self.column!r} has {len(classes)} classes; it takes from 2 to "
                f"{_MOST_CLASSES} to learn from"
            )
        if 2 * len(classes) > max(len(named), _FEWEST_TO_TELL):
            raise ModelError(
                f"the column {self.column!r} names {len(classes)} classes of {len(named)} "
                "objects; a class that next to no two objects share cannot be learnt"
            )
        return LearntLabels(
            name=self.column,
            kind="classes",
            columns=self.columns,
            classes=classes,
            weight=self.weight,
        )


class FigureLabels(BaseModel):
    """Columns of measured figures, learnt by regression; null or NaN where not measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["figures"] = "figures"
    columns: tuple[str, ...] = Field(min_length=1)
    weight: Weight = 1.0

    def learn(self, table: pa.Table) -> LearntLabels:
        """Take down median and robust deviation of each column.

        Raises
        ------
        ModelError
            A column is empty or constant.
        """
        numbers = np.stack([floats_of(table, name) for name in self.columns], axis=1)
        empty = np.isnan(numbers).all(axis=0)
        if empty.any():
            raise ModelError(f"the column {self.columns[int(empty.argmax())]!r} has no figures")
        # By extremes: the standard deviation of equal figures is not exactly zero.
        constant = np.nanmin(numbers, axis=0) == np.nanmax(numbers, axis=0)
        if constant.any():
            name = self.columns[int(constant.argmax())]
            raise ModelError(f"the column {name!r} is the same everywhere; leave it out")
        centre = np.nanmedian(numbers, axis=0)
        scale = _ROBUST * np.nanmedian(np.abs(numbers - centre), axis=0)
        # Figures that are zero for most objects have no robust deviation, and are figures still.
        scale = np.where(scale > 0, scale, np.nanstd(numbers, axis=0))
        return LearntLabels(
            name="figures",
            kind="figures",
            columns=self.columns,
            centre=tuple(map(float, centre)),
            scale=tuple(map(float, scale)),
            weight=self.weight,
        )


class _AnswersOfATree(BaseModel):
    """Columns of numbers, one an answer of a decision tree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["votes", "fractions"]
    tree: str
    prefix: str = ""
    weight: Weight = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """One an answer."""
        return tuple(f"{self.prefix}{name}" for name in load_tree(self.tree).columns)

    def learn(self, table: pa.Table) -> LearntLabels:
        """Take down the tree.

        Raises
        ------
        ColumnError
            A column does not hold numbers.
        """
        _require_numbers(table, self.columns)
        tree = load_tree(self.tree)
        return LearntLabels(
            name=f"{self.kind}-{tree.name}",
            kind=self.kind,
            columns=self.columns,
            tree=tree,
            weight=self.weight,
        )


class VoteCounts(_AnswersOfATree):
    """Columns of vote counts, one an answer of a decision tree.

    Attributes
    ----------
    tree : str
        The name of a tree that ships with Skylore, or a JSON file.
    prefix : str
        Before the names of the columns, which are otherwise those of the tree.
    head : {"free", "published"}
        See :mod:`skylore.morphology.concentration`.
    weight : float
    """

    kind: Literal["votes"] = "votes"
    head: Literal["free", "published"] = "free"

    def learn(self, table: pa.Table) -> LearntLabels:
        """Take down the tree and the head; raises as for all answers of a tree."""
        return super().learn(table).model_copy(update={"head": self.head})


class VoteFractions(_AnswersOfATree):
    """Columns of vote fractions whose counts are not known, one an answer of a decision tree."""

    kind: Literal["fractions"] = "fractions"


LabelSource = Annotated[
    ClassLabels | FigureLabels | VoteCounts | VoteFractions, Field(discriminator="kind")
]
"""Labels of any kind."""


def _require_numbers(table: pa.Table, columns: tuple[str, ...]) -> None:
    for name in columns:
        floats_of(table, name)
