"""Decision trees: which questions volunteers are asked, and after which answer."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from skylore.errors import ModelError
from skylore.explaining import explain

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DecisionTree", "Question", "load_tree", "shipped_trees"]

_SHIPPED = files("skylore.morphology").joinpath("trees")

Name = Annotated[str, Field(min_length=1, pattern=r"^\S+$")]


class Question(BaseModel):
    """One question with its possible answers.

    Attributes
    ----------
    name : str
    answers : tuple of str
        At least two, in the order of their columns.
    parent : str or tuple of str, optional
        The column ``question_answer`` of the answer that leads here, or several answers of one
        question of which any does. None for a question that everyone is asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    answers: Annotated[tuple[Name, ...], Field(min_length=2)]
    parent: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for what, names in (("answer", self.answers), ("parent", self.parents)):
            if len(set(names)) < len(names):
                raise ValueError(f"question {self.name!r} names an {what} twice: {names}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The vote-count column of each answer, such as ``smooth-or-featured_smooth``."""
        return tuple(f"{self.name}_{answer}" for answer in self.answers)

    @property
    def parents(self) -> tuple[str, ...]:
        """The columns of the answers that lead here; empty if everyone is asked."""
        if self.parent is None:
            return ()
        return (self.parent,) if isinstance(self.parent, str) else self.parent


class DecisionTree(BaseModel):
    """The questions of a campaign; the order of their answers is the order of all columns.

    Wherever votes, probabilities or concentrations are ``(N, A)``, ``A`` runs over ``columns``;
    wherever losses are ``(N, Q)``, ``Q`` runs over ``questions``.

    Raises
    ------
    pydantic.ValidationError
        If names or columns are not unique, a parent is not a column of the tree, the parents of
        one question belong to different questions, or questions lead back to themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_a_tree(self) -> Self:
        for what, names in (
            ("questions", [question.name for question in self.questions]),
            ("columns", self.columns),
        ):
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"the names of {what} must be unique; repeated: {repeated}")
        owners = self._owners()
        for question in self.questions:
            unknown = sorted(set(question.parents) - set(owners))
            if unknown:
                raise ValueError(f"question {question.name!r} has no such parent: {unknown}")
            if len({owners[parent] for parent in question.parents}) > 1:
                raise ValueError(f"the parents of {question.name!r} answer different questions")
        try:
            tuple(self._graph().static_order())
        except CycleError as error:
            raise ValueError(f"questions lead back to themselves: {error.args[1]}") from error
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The vote-count columns of all answers, question by question."""
        return tuple(column for question in self.questions for column in question.columns)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many answers each question has."""
        return tuple(len(question.answers) for question in self.questions)

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where each question's answers lie among ``columns``."""
        ends = tuple(accumulate(self.sizes))
        return tuple(slice(end - size, end) for size, end in zip(self.sizes, ends, strict=True))

    @property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of the answers that lead to each question, by its name."""
        return MappingProxyType({question.name: question.parents for question in self.questions})

    @property
    def root_first(self) -> tuple[Question, ...]:
        """The questions in an order in which each comes after the one that leads to it."""
        by_name = {question.name: question for question in self.questions}
        return tuple(by_name[name] for name in self._graph().static_order())

    def asked(self, probabilities: Tensor) -> Tensor:
        """Tell how probably a volunteer reaches each question.

        It is the product, along the path from the root, of the probabilities of the answers that
        lead there; where any of several answers does, their probabilities add.

        Parameters
        ----------
        probabilities : Tensor
            ``(N, A)``, of each answer given that its question is asked.

        Returns
        -------
        Tensor
            ``(N, Q)``; differentiable.

        Raises
        ------
        ModelError
            If there is not one column for each answer.
        """
        import torch

        if probabilities.ndim != 2 or probabilities.shape[1] != len(self.columns):
            raise ModelError(
                f"the tree {self.name!r} has {len(self.columns)} answers; probabilities have the "
                f"shape {tuple(probabilities.shape)}: give one column for each answer"
            )
        owners, places = self._owners(), {name: i for i, name in enumerate(self.columns)}
        reached: dict[str, Tensor] = {}
        for question in self.root_first:
            parents = question.parents
            if parents:
                chosen = probabilities[:, [places[parent] for parent in parents]].sum(dim=1)
                reached[question.name] = reached[owners[parents[0]]] * chosen
            else:
                reached[question.name] = torch.ones_like(probabilities[:, 0])
        return torch.stack([reached[question.name] for question in self.questions], dim=1)

    def to_json(self) -> str:
        """Write the tree so that ``load_tree`` can read it."""
        return self.model_dump_json(indent=2, exclude_none=True) + "\n"

    def _owners(self) -> dict[str, str]:
        return {column: question.name for question in self.questions for column in question.columns}

    def _graph(self) -> TopologicalSorter[str]:
        owners = self._owners()
        return TopologicalSorter(
            {q.name: {owners[parent] for parent in q.parents} for q in self.questions}
        )


def shipped_trees() -> tuple[str, ...]:
    """Name the trees that need no file."""
    names = (entry.name for entry in _SHIPPED.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def load_tree(name_or_path: str | Path) -> DecisionTree:
    """Read a tree by its name (``gz2``, ``gz-decals``) or from a JSON file.

    Raises
    ------
    ModelError
        If there is neither such a name nor such a file, or the file does not hold a tree.
    """
    if name_or_path in shipped_trees():
        text = _SHIPPED.joinpath(f"{name_or_path}.json").read_text(encoding="utf-8")
        return DecisionTree.model_validate_json(text)
    path = Path(name_or_path)
    if not path.is_file():
        raise ModelError(
            f"there is no decision tree {str(name_or_path)!r}: give one of "
            f"{', '.join(shipped_trees())}, or the path of a JSON file"
        )
    try:
        return DecisionTree.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(f"{path} does not hold a decision tree: {explain(error)}") from error
