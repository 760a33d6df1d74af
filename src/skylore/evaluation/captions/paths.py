"""Paths through a decision tree: what volunteers answered, and what a judge read in a caption."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from skylore.errors import SourceError
from skylore.morphology.tree import DecisionTree

__all__ = ["Answers", "PathScore", "VolunteerPath", "constant_answers", "score_path", "walk"]

Answers = Mapping[str, str | None]
"""The answer to each question by its name; None, or missing, where a caption does not say."""


@dataclass(frozen=True)
class VolunteerPath:
    """What volunteers agreed on about one object.

    Attributes
    ----------
    id
        The object.
    answers
        The answer to each question on the path, in the order in which they were asked.
    """

    id: str | int
    answers: Mapping[str, str]

    @classmethod
    def parse(cls, name: str | int, text: str, tree: DecisionTree) -> VolunteerPath:
        """Read a JSON list of ``{"question": …, "answer": …}``; other keys are left alone.

        Raises
        ------
        SourceError
            It is not such a list, is empty, asks a question twice, has a question or answer that is
            not in the tree, or one that the path does not lead to.
        """
        try:
            nodes = [(str(node["question"]), str(node["answer"])) for node in json.loads(text)]
        except (ValueError, TypeError, KeyError) as error:
            raise SourceError(
                f"the decision tree of {name!r} cannot be read: it must be a JSON list of "
                "questions and answers"
            ) from error
        answers = dict(nodes)
        if not nodes or len(answers) < len(nodes):
            raise SourceError(f"the decision tree of {name!r} is empty or asks a question twice")
        strange = {f"{q}_{a}" for q, a in nodes} - walk(tree, answers)
        if strange:
            raise SourceError(
                f"the decision tree of {name!r} has {', '.join(sorted(strange))}, to which no path "
                f"of the tree {tree.name!r} leads"
            )
        return cls(name, answers)


@dataclass(frozen=True)
class PathScore:
    """How much of the volunteers' path a judge found in a caption.

    Attributes
    ----------
    matches, total
        Answers that agree, and answers of the volunteers.
    open
        Questions of the volunteers that the judge came to and found no answer to.
    """

    matches: int
    total: int
    open: int

    @property
    def share(self) -> float:
        """Of the volunteers' answers, those that agree: the published score of a galaxy."""
        return self.matches / self.total


def walk(tree: DecisionTree, answers: Answers) -> frozenset[str]:
    """Follow answers from the root, and give the columns ``question_answer`` on the way.

    Answers to questions that the path does not come to do not count, nor do answers that the tree
    does not have.
    """
    reached: set[str] = set()
    for question in tree.root_first:
        answer = answers.get(question.name)
        asked = not question.parents or not reached.isdisjoint(question.parents)
        if asked and answer in question.answers:
            reached.add(f"{question.name}_{answer}")
    return frozenset(reached)


def score_path(tree: DecisionTree, volunteers: VolunteerPath, answers: Answers) -> PathScore:
    """Compare a judge's answers with the volunteers'.

    The score of AION-Search's caption benchmark (Koblischke et al. 2025) is ``|judge ∩ volunteers|
    / |volunteers|`` over the nodes of both paths: a wrong root loses all that hangs on it, what is
    not mentioned counts as wrong, and further wrong nodes cost nothing.
    """
    judged = walk(tree, answers)
    theirs = {f"{question}_{answer}" for question, answer in volunteers.answers.items()}
    parents = tree.parents
    left_open = sum(
        answers.get(question) is None
        and (not parents[question] or not judged.isdisjoint(parents[question]))
        for question in volunteers.answers
    )
    return PathScore(len(theirs & judged), len(theirs), left_open)


def constant_answers(paths: Iterable[VolunteerPath]) -> dict[str, str]:
    """Give the most frequent answer to each question: what one says without an image.

    Ties go to the answer that comes first in the alphabet.
    """
    counts: dict[str, Counter[str]] = {}
    for path in paths:
        for question, answer in path.answers.items():
            counts.setdefault(question, Counter())[answer] += 1
    return {q: min(found, key=lambda a: (-found[a], a)) for q, found in counts.items()}


def without(paths: Sequence[VolunteerPath], left_out: int) -> list[VolunteerPath]:
    """Give all paths but one."""
    return [path for i, path in enumerate(paths) if i != left_out]
