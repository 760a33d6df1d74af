"""What a symbol should show, from the words in which a class is named."""

from __future__ import annotations

import difflib
import re
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, TypeAdapter

from skylore.errors import ModelError
from skylore.morphology.tree import DecisionTree
from skylore.symbols.hubble import family_of_type
from skylore.symbols.symbol import Bounds, Family

__all__ = ["family_of_answer", "family_of_words"]

_NEGATION = r"\b(?:not an?|no|not|non|un|without)\s+"
_NUMBERING = re.compile(r"[ta]\d\d")
"""Galaxy Zoo 2 numbers its questions and answers: ``t03_bar_a07_no_bar``."""


class _Rule(BaseModel):
    """Figures of whatever is called by one of some phrases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    any: tuple[str, ...]
    figures: dict[str, Bounds]


@cache
def _rules() -> tuple[_Rule, ...]:
    text = files("skylore.symbols").joinpath("words.json").read_bytes()
    return TypeAdapter(tuple[_Rule, ...]).validate_json(text)


def family_of_words(text: str) -> Family:
    """Give the family of symbols that a text calls for, such as ``unbarred tight spiral``.

    Types on the Hubble sequence are known, such as ``SBc``. Of words, longer phrases are read first
    and their words are used up, so that *no bar* is not a bar. Where phrases say different things
    of one figure, the later rule of the list wins. What is denied and has no rule of its own, such
    as *no lens*, is not drawn.

    Raises
    ------
    ModelError
        None of its words is known.
    """
    typed = family_of_type(text)
    if typed is not None:
        return typed
    rest = _spaced(text)
    called = set()
    denied = False
    for phrase, rule in _phrases():
        words = rf"{re.escape(phrase)}\b"
        without = re.sub(_NEGATION + words, "|", rest)
        denied = denied or without != rest
        rest = re.sub(rf"\b{words}", "|", without)
        if rest != without:
            called.add(rule)
    if not called and not denied:
        raise ModelError(_unknown(text))
    family = Family()
    for rule in sorted(called):
        family = family.joined(Family(figures=_rules()[rule].figures))
    return family


@cache
def _phrases() -> tuple[tuple[str, int], ...]:
    """Give every phrase, longest first, with its rule."""
    phrases = ((phrase, i) for i, rule in enumerate(_rules()) for phrase in rule.any)
    return tuple(sorted(phrases, key=lambda pair: (-pair[0].count(" "), -len(pair[0]))))


def _unknown(text: str) -> str:
    known = [phrase for phrase, _ in _phrases()]
    near = difflib.get_close_matches(_spaced(text), known, n=1, cutoff=0.75)
    hint = f"did you mean {near[0]!r}? If not, " if near else ""
    return (
        f"no symbol is known for {text!r}: {hint}give a folder of drawings, or a JSON file of "
        "figures"
    )


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
