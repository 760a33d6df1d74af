"""How certain a model is: the question, asked several times, and its answer as a number."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from skylore.errors import ModelError
from skylore.search.reranking.judge import HIGHEST, LOWEST, Question
from skylore.vlm.asker import Asker, Usage
from skylore.vlm.calls import Call
from skylore.vlm.pictures import Picture, ViewSettings
from skylore.vlm.prompts import Prompt, load_prompt
from skylore.vlm.store import Answer
from skylore.vlm.texts import choice

__all__ = ["SampledCall", "ask_certainty", "call_of", "load_judging_prompt", "read_certainty"]

SCALE = tuple(str(value) for value in range(LOWEST, HIGHEST + 1))
WANTED = "{{wanted}}"
_NUMBER = re.compile(r'(?:\{\s*"answer"\s*:\s*)?"?(\d{1,2})"?\s*\}?')


@dataclass(frozen=True)
class SampledCall(Call):
    """A question that is asked several times, and answered afresh each time."""

    sample: int = 0

    def key(self, model: str) -> str:
        """Digest the question and its number, so that each answer is kept by itself."""
        asked = super().key(model)
        return hashlib.sha256(f"{asked} sample {self.sample}".encode()).hexdigest()


def load_judging_prompt(path: str | Path | None = None) -> Prompt:
    """Read the prompt of judges: the one that ships, or the user's.

    Raises
    ------
    ModelError
        The file does not hold a prompt of kind ``text`` with ``{{wanted}}`` in its user part.
    """
    shipped = Path(str(files("skylore.search.reranking").joinpath("certainty.md")))
    prompt = load_prompt(shipped if path is None else path)
    if prompt.kind != "text" or WANTED not in prompt.user:
        raise ModelError(
            f"the prompt {prompt.name!r} cannot judge: it must be of kind 'text', and have "
            f"{WANTED} in its user part"
        )
    return prompt


def call_of(question: Question, prompt: Prompt, view: ViewSettings) -> SampledCall:
    """Put a question into the form of a request."""
    words = prompt.user.replace(WANTED, question.wanted)
    picture = Picture(question.image, view)
    return SampledCall(prompt, words, picture, choices=SCALE, sample=question.sample)


def read_certainty(text: str) -> int:
    """Read a certainty: ``{"answer": "7"}``, or a number where a server knows no schemas.

    Raises
    ------
    RefusedError
        It is an apology.
    UnusableAnswerError
        It is no whole number from 1 to 10.
    """
    number = _NUMBER.fullmatch(text.strip())
    return int(number[1] if number and number[1] in SCALE else choice(text, SCALE))


async def ask_certainty(asker: Asker, call: SampledCall, usage: Usage) -> int:
    """Ask once; what it takes is added to ``usage``."""

    def read(answer: Answer) -> int:
        return read_certainty(answer.text)

    return await asker.ask(call, read, usage)
