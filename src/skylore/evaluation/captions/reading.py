"""What a language model is asked about one caption, one question after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skylore.errors import ModelError
from skylore.evaluation.captions.judge import NOT_MENTIONED
from skylore.morphology.tree import DecisionTree, Question
from skylore.vlm.asker import Asker, Usage
from skylore.vlm.calls import Call
from skylore.vlm.prompts import Prompt, load_prompt
from skylore.vlm.store import Answer
from skylore.vlm.texts import choice

__all__ = ["Reader", "load_reading_prompt"]

_SHIPPED = Path(__file__).with_name("judge_prompt.md")
_PLACES = ("{{caption}}", "{{question}}", "{{answers}}")
_WORDED = "galaxy-zoo"
"""The prompt whose wording of questions is used where its tree is the one that is asked."""


@dataclass(frozen=True)
class Reader:
    """Answers the questions of a tree from captions.

    Attributes
    ----------
    tree, prompt
        Which questions, and in which words they are put.
    wording
        The question in words, by name.
    """

    tree: DecisionTree
    prompt: Prompt
    wording: Mapping[str, str]

    @classmethod
    def of(cls, tree: DecisionTree, prompt: Prompt) -> Reader:
        """Take the wording of the shipped prompts for their tree, and names for any other."""
        worded = load_prompt(_WORDED)
        return cls(tree, prompt, worded.questions if worded.tree == tree else {})

    def first(self, caption: str) -> Call:
        """Give the first question about a caption."""
        return self._call(self.tree.root_first[0], caption)

    async def read(self, asker: Asker, caption: str, usage: Usage) -> dict[str, str | None]:
        """Ask each question to which the answers before it lead, and no other.

        A question whose parent was not answered in the caption is not asked: it is left out of the
        answers. What the caption does not say is None.

        Raises
        ------
        RefusedError, UnusableAnswerError, PassingError, HaltedError
            As :meth:`skylore.vlm.asker.Asker.ask`.
        """
        answers: dict[str, str | None] = {}
        reached: set[str] = set()
        for question in self.tree.root_first:
            if question.parents and reached.isdisjoint(question.parents):
                continue
            said = await _ask(asker, self._call(question, caption), usage)
            answers[question.name] = None if said == NOT_MENTIONED else said
            reached.add(f"{question.name}_{said}")
        return answers

    def _call(self, question: Question, caption: str) -> Call:
        choices = (*question.answers, NOT_MENTIONED)
        asked = self.wording.get(question.name, question.name.replace("-", " ") + "?")
        filled = {"{{question}}": asked, "{{answers}}": ", ".join(choices), "{{caption}}": caption}
        words = self.prompt.user
        for place, text in filled.items():  # the caption last: it may hold anything
            words = words.replace(place, text)
        return Call(self.prompt, words, choices=choices)


async def _ask(asker: Asker, call: Call, usage: Usage) -> str:
    def read(answer: Answer) -> str:
        return choice(answer.text, call.choices)

    return await asker.ask(call, read, usage)


def load_reading_prompt(path: str | Path | None = None) -> Prompt:
    """Read the prompt of judges of captions: the one that ships, or the user's.

    Raises
    ------
    ModelError
        The file does not hold a prompt of kind ``text`` with ``{{caption}}``, ``{{question}}`` and
        ``{{answers}}`` in its user part.
    """
    prompt = load_prompt(_SHIPPED if path is None else path)
    missing = [place for place in _PLACES if place not in prompt.user]
    if prompt.kind != "text" or missing:
        raise ModelError(
            f"the prompt {prompt.name!r} cannot judge captions: it must be of kind 'text', and "
            f"have {', '.join(_PLACES)} in its user part"
        )
    return prompt
