"""From what a model wrote to texts that are fit to be embedded, or an error that says why not."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from skylore.vlm.faults import RefusedError, UnusableAnswerError

__all__ = ["choice", "description", "one_sentence", "plain", "sentences"]

_NEGATIONS = re.compile(
    r"\b(?:no|not|none|never|nor|neither|without|lacks?|lacking|absent|absence|devoid|free of"
    r"|missing|cannot|\w+n['’]t)\b",
    re.IGNORECASE,
)
_REFUSALS = re.compile(
    r"^(?:I['’]m sorry|I am sorry|sorry,|I can(?:no|['’])t (?:assist|help|provide|describe|view)"
    r"|I['’]m unable|I am unable|as an AI)",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|cf|approx|ca|vs|etc|[A-Z])\.$")
_FENCE = re.compile(r"\A```[a-z]*\s*(.*?)\s*```\Z", re.DOTALL)
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


def plain(text: str) -> str:
    """Take off Markdown, thoughts of reasoning models and line breaks."""
    lines = _THOUGHTS.sub("", text).splitlines()
    lines = [re.sub(r"^\s*(?:[-*+•]|\d+[.)])\s+", "", line) for line in lines if line.strip()]
    kept = [line for line in lines if not re.match(r"^\s*#{1,6}\s|^\s*\*\*[^*]+\*\*:?\s*$", line)]
    return " ".join(re.sub(r"\*\*|__|`", "", " ".join(kept)).split())


def sentences(text: str) -> list[str]:
    """Split at the ends of sentences, not at abbreviations or figures."""
    found: list[str] = []
    for part in re.split(r"(?<=[.!?])\s+(?=[\"“(]?[A-Z0-9])", text.strip()):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        elif part:
            found.append(part)
    return found


def description(text: str, most_words: int, *, cut_off: bool = False) -> str:
    """Check a description, and keep its first whole sentences within ``most_words``.

    Parameters
    ----------
    text
        What the model wrote.
    most_words
        The bound.
    cut_off
        Whether the model was stopped at its limit of tokens: then the last sentence is dropped.

    Raises
    ------
    RefusedError
        It is an apology.
    UnusableAnswerError
        It holds no words, or no whole sentence within the bound.
    """
    whole = plain(text)
    _refuse_apologies(whole)
    parts = sentences(whole)
    if cut_off and parts and not re.search(r"[.!?][\"”)]?$", parts[-1]):
        parts.pop()
    kept, words = [], 0
    for part in parts:
        words += len(part.split())
        if words > most_words:
            break
        kept.append(part)
    if not re.search(r"\w{2}", " ".join(kept)):
        raise UnusableAnswerError(
            f"That is not a description in whole sentences of at most {most_words} words in all."
        )
    return " ".join(kept)


def one_sentence(text: str, most_words: int) -> str:
    """Check a summary: one sentence, within the bound, without negations.

    Raises
    ------
    RefusedError
        It is an apology.
    UnusableAnswerError
        It is anything else.
    """
    whole = plain(text).strip('"“” ')
    _refuse_apologies(whole)
    if not re.search(r"\w{2}", whole) or len(sentences(whole)) != 1:
        raise UnusableAnswerError("Answer with exactly one sentence.")
    if len(whole.split()) > most_words:
        raise UnusableAnswerError(f"Use at most {most_words} words.")
    if found := _NEGATIONS.search(whole):
        raise UnusableAnswerError(f"Leave out the negation {found[0]!r}: say only what is there.")
    return whole


def choice(text: str, answers: Sequence[str]) -> str:
    """Read ``{"answer": …}``, whatever a server made of the schema that it was given.

    Raises
    ------
    RefusedError
        It is an apology.
    UnusableAnswerError
        It is not such an object, or the answer is not among ``answers``.
    """
    bare = _THOUGHTS.sub("", text).strip()
    fenced = _FENCE.match(bare)
    bare = fenced[1] if fenced else bare
    _refuse_apologies(bare)
    try:
        answer = _Choice.model_validate_json(bare).answer
    except ValidationError as error:
        raise UnusableAnswerError(
            f'Reply with nothing but a JSON object such as {{"answer": {json.dumps(answers[0])}}}.'
        ) from error
    if answer not in answers:
        raise UnusableAnswerError(f"The answer must be one of: {', '.join(answers)}.")
    return answer


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    answer: str


def _refuse_apologies(text: str) -> None:
    if _REFUSALS.match(text) and len(text.split()) < 60:
        raise RefusedError(f"the model refused: {text}")
