"""A judge that needs no model: it counts the words that speak for each answer."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from skylore.errors import ModelError
from skylore.evaluation.captions.paths import Answers
from skylore.morphology.tree import DecisionTree

__all__ = ["Cue", "KeywordJudge"]

_LEXICON = files("skylore.evaluation.captions").joinpath("lexicon.toml")

_NEGATION = re.compile(
    r"\b(?:no|not|non|nor|neither|without|lack(?:s|ing)?|absen(?:t|ce)|devoid|free of|never|"
    r"rather than|instead of|rules? out|unlikely|n't)\b"
)
_DENIED_AFTER = re.compile(r"\w*\s+(?:is|are|was|were)\s+(?:absent|not)\b")
_DOUBT = re.compile(
    r"\b(?:may|might|could|possibl[ey]|perhaps|potential(?:ly)?|hints?|if|unclear|difficult)\b"
)
_OTHERS = re.compile(
    r"\b(?:background|foreground|field objects?|surrounding objects?|point[- ]sources?|"
    r"nearby (?:objects?|sources?))\b"
)
_CLAUSE = re.compile(r"[.;:!?\n]|\bbut\b|\bhowever\b|\balthough\b")
_REACH = 60
"""A negation speaks for what follows it within so many characters of the same clause."""
_DOUBTED = 0.5


@dataclass(frozen=True)
class Cue:
    """Words that speak for an answer.

    Attributes
    ----------
    question, answer
        What they speak for.
    words
        What the text is searched for, in lower case.
    negated
        The answer that they speak for where they are denied; None for none.
    others
        Whether they count in sentences about other objects of the image.
    """

    question: str
    answer: str
    words: re.Pattern[str]
    negated: str | None
    others: bool


@dataclass(frozen=True)
class KeywordJudge:
    """Counts words for each answer, with denial and doubt; the most counted answer wins.

    A baseline for judges that read: it knows the vocabulary of galaxy morphology and nothing of
    grammar beyond a negation before a word. What no word speaks for is not mentioned.
    """

    cues: tuple[Cue, ...]
    name: str = "keywords"

    @classmethod
    def shipped(cls) -> KeywordJudge:
        """Take the words that ship, which are those of the tree of Galaxy Zoo DECaLS."""
        return cls.parse(_LEXICON.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> KeywordJudge:
        """Read a lexicon: a TOML table ``[question.answer]`` with ``words`` and ``negated``.

        Raises
        ------
        ModelError
            It is not one.
        """
        try:
            tables = tomllib.loads(text)
            cues = [
                Cue(
                    question,
                    answer,
                    re.compile("|".join(rf"\b(?:{words})" for words in entry["words"])),
                    entry.get("negated"),
                    bool(entry.get("others", False)),
                )
                for question, answers in tables.items()
                for answer, entry in answers.items()
            ]
        except (tomllib.TOMLDecodeError, re.error, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"the lexicon cannot be read: {error}") from error
        return cls(tuple(cues))

    def fill(self, tree: DecisionTree, captions: Sequence[str]) -> list[Answers]:
        """Answer the questions of a tree from each caption.

        Raises
        ------
        ModelError
            No word of the lexicon speaks for an answer of this tree.
        """
        known = set(tree.columns)
        used = [cue for cue in self.cues if f"{cue.question}_{cue.answer}" in known]
        if not used:
            raise ModelError(f"no word of the lexicon speaks for an answer of {tree.name!r}")
        return [_read(caption.lower().replace("’", "'"), used, tree) for caption in captions]


def _read(text: str, cues: Sequence[Cue], tree: DecisionTree) -> dict[str, str | None]:
    weights: dict[str, dict[str, float]] = {question.name: {} for question in tree.questions}
    for cue in cues:
        for match in cue.words.finditer(text):
            answer, weight = _meant(text, match.start(), match.end(), cue)
            if answer is not None:
                counted = weights[cue.question]
                counted[answer] = counted.get(answer, 0.0) + weight
    return {
        question.name: _most(weights[question.name], question.answers)
        for question in tree.questions
    }


def _meant(text: str, start: int, end: int, cue: Cue) -> tuple[str | None, float]:
    """Say for which answer a word speaks where it stands, and how strongly."""
    clause = _CLAUSE.split(text[max(0, start - _REACH) : start])[-1]
    if not cue.others and _OTHERS.search(clause):
        return None, 0.0
    weight = _DOUBTED if _DOUBT.search(clause) else 1.0
    denied = bool(_NEGATION.search(clause) or _DENIED_AFTER.match(text, end))
    return (cue.negated if denied else cue.answer), weight


def _most(counted: dict[str, float], answers: Sequence[str]) -> str | None:
    """Give the answer with most weight; the tree's order decides between equals."""
    there = [answer for answer in answers if counted.get(answer, 0.0) > 0]
    return max(there, key=lambda answer: counted[answer], default=None)
