"""What a symbol should show, from the words in which a class is named."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, TypeAdapter

from skylore.errors import ModelError
from skylore.morphology.tree import DecisionTree
from skylore.symbols.symbol import Family

__all__ = ["family_of_answer", "family_of_words"]

_NUMBERING = re.compile(r"[ta]\d\d")
"""Galaxy Zoo 2 numbers its questions and answers: ``t03_bar_a07_no_bar``."""


class _Rule(BaseModel):
    """Figures of whatever is called by one of some phrases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    any: tuple[str, ...]
    figures: dict[str, float | tuple[float, float]]


@cache
def _rules() -> tuple[_Rule, ...]:
    text = files("skylore.symbols").joinpath("words.json").read_bytes()
    return TypeAdapter(tuple[_Rule, ...]).validate_json(text)


def family_of_words(text: str) -> Family:
    """Give the family of symbols that a text calls for, such as ``unbarred tight spiral``.

    Longer phrases are read first and their words are used up, so that *no bar* is not a bar. Where
    phrases say different things of one figure, the later rule of the list wins.

    Raises
    ------
    ModelError
        None of its words is known.
    """
    rest = _spaced(text)
    phrases = sorted(
        ((phrase, i) for i, rule in enumerate(_rules()) for phrase in rule.any),
        key=lambda pair: (-pair[0].count(" "), -len(pair[0])),
    )
    called = set()
    for phrase, rule in phrases:
        found = re.sub(rf"\b{re.escape(phrase)}\b", "|", rest)
        if found != rest:
            rest = found
            called.add(rule)
    if not called:
        raise ModelError(
            f"no symbol is known for {text!r}: give a folder of drawings, or a JSON file of figures"
        )
    family = Family()
    for rule in sorted(called):
        family = family.joined(Family(figures=_rules()[rule].figures))
    return family


def family_of_answer(tree: DecisionTree, question: str, answer: str) -> Family:
    """Give the family of an answer of a decision tree, with what the answers above it say.

    Raises
    ------
    ModelError
        The tree has no such answer, or nothing can be drawn for it.
    """
    asked = next((q for q in tree.questions if q.name == question), None)
    if asked is None or answer not in asked.answers:
        raise ModelError(f"the tree {tree.name!r} has no answer {answer!r} to {question!r}")
    above = Family()
    if len(asked.parents) == 1:
        parent = next(q for q in tree.questions if asked.parents[0] in q.columns)
        above = family_of_answer(tree, parent.name, asked.parents[0][len(parent.name) + 1 :])
    return above.joined(family_of_words(_said(question, answer)))


def _said(question: str, answer: str) -> str:
    """Say an answer in words: *bar*, *no* becomes *no bar*."""
    subject = re.sub(r"^(has|is) ", "", _spaced(question))
    given = _spaced(answer)
    if given == "yes":
        return subject
    if given in ("no", "none"):
        return f"no {subject}"
    first, _, rest = subject.partition(" ")
    repeated = " " in given and given.endswith(f" {first}")
    return f"{given} {rest if repeated else subject}".strip()


def _spaced(name: str) -> str:
    parts = re.split(r"[\s_\-/,.()]+", name.lower().replace("'", ""))
    return " ".join(part for part in parts if part and not _NUMBERING.fullmatch(part))
