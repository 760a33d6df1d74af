"""Judges: they read a caption, and say how it answers the questions of a decision tree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from skylore.errors import ModelError
from skylore.evaluation.captions.paths import Answers
from skylore.morphology.tree import DecisionTree

__all__ = [
    "NOT_MENTIONED",
    "CaptionJudge",
    "Unjudged",
    "answer_schema",
    "answers_from_json",
    "judged",
]

NOT_MENTIONED = "not-mentioned"
"""What a model writes where a caption does not say; ``None`` among answers."""


@dataclass(frozen=True)
class Unjudged:
    """Why a caption has no answers: it is shown, and counts in no score."""

    reason: str


@runtime_checkable
class CaptionJudge(Protocol):
    """Reads captions without seeing images.

    A judge over a language model may ask question after question, as
    :class:`skylore.evaluation.captions.by_model.ModelCaptionJudge` does; or for JSON that fits
    :func:`answer_schema`, and return :func:`answers_from_json` of each reply. A reply that cannot
    be had is :class:`Unjudged`, never an answer.
    """

    @property
    def name(self) -> str:
        """What reports call it: with the model and its revision, if there is one."""
        ...

    def fill(self, tree: DecisionTree, captions: Sequence[str]) -> Sequence[Answers | Unjudged]:
        """Answer the questions of a tree from each caption, in their order.

        Answers to questions that the others do not lead to are ignored.

        Raises
        ------
        ModelError
            Nothing can be judged any more.
        """
        ...


def judged(
    judge: CaptionJudge, tree: DecisionTree, captions: Sequence[str]
) -> list[dict[str, str | None] | Unjudged]:
    """Let a judge answer, and check that its answers are answers.

    Raises
    ------
    ModelError
        There are more or fewer than captions, or one names what the tree does not have.
    """
    found = list(judge.fill(tree, captions))
    if len(found) != len(captions):
        raise ModelError(f"{judge.name} gave {len(found)} answers to {len(captions)} captions")
    return [
        answers if isinstance(answers, Unjudged) else _checked(answers, tree, judge.name)
        for answers in found
    ]


def answer_schema(tree: DecisionTree) -> dict[str, Any]:
    """Describe the answers as a JSON schema for constrained output: one property a question.

    Every question is required, and may be ``not-mentioned``; answers off the path do not count, so
    that the schema can be flat.
    """
    properties = {
        question.name: {"type": "string", "enum": [*question.answers, NOT_MENTIONED]}
        for question in tree.questions
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def answers_from_json(tree: DecisionTree, text: str) -> dict[str, str | None]:
    """Read what a model wrote by :func:`answer_schema`.

    Raises
    ------
    ModelError
        It is not a JSON object, or names a question or an answer that the tree does not have.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ModelError(f"the judge's reply is not JSON: {text[:200]!r}") from error
    if not isinstance(given, dict):
        raise ModelError(f"the judge's reply is not an object of answers: {text[:200]!r}")
    return _checked({q: None if a == NOT_MENTIONED else a for q, a in given.items()}, tree, "reply")


def _checked(answers: Answers, tree: DecisionTree, judge: str) -> dict[str, str | None]:
    known = {question.name: question.answers for question in tree.questions}
    for question, answer in answers.items():
        if question not in known:
            raise ModelError(f"{judge}: the tree {tree.name!r} has no question {question!r}")
        if answer is not None and answer not in known[question]:
            raise ModelError(
                f"{judge}: {answer!r} is no answer to {question!r}; there are "
                f"{', '.join(known[question])}"
            )
    return dict(answers)
