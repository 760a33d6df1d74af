"""What a model is asked about one image, one question after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skylore.morphology.tree import Question
from skylore.vlm.asker import Asker, Usage
from skylore.vlm.calls import Call
from skylore.vlm.pictures import Picture
from skylore.vlm.prompts import Prompt
from skylore.vlm.store import Answer
from skylore.vlm.texts import choice, description, one_sentence, sentences

__all__ = ["Written", "answer_column", "write"]

_SAYS_NOTHING = {"no", "none", "cant-tell", "cannot-tell", "dont-know"}
CUT_OFF = "length"


@dataclass(frozen=True)
class Written:
    """What came of it.

    Attributes
    ----------
    caption, variants
        The description, and further texts that say the same.
    answers
        By the names of a tree's questions, of those that were asked.
    """

    caption: str
    variants: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)


def answer_column(question: str) -> str:
    """Name the column of a question's answers."""
    return "answer_" + question.replace("-", "_")


async def write(
    asker: Asker,
    prompt: Prompt,
    summary: Prompt | None,
    picture: Picture,
    *,
    usage: Usage,
    most_sentences: int,
) -> Written:
    """Have an image described, or the questions of a tree answered.

    Parameters
    ----------
    asker
        Whom to ask.
    prompt, summary
        The words; a summary is asked for if there is a prompt for it.
    picture
        The image.
    usage
        Counts what it takes, failed attempts to be understood included.
    most_sentences
        How many sentences of the description become texts of their own.

    Raises
    ------
    RefusedError, UnusableAnswerError, PassingError, HaltedError, ImageError
        As :meth:`skylore.vlm.asker.Asker.ask`.
    """
    if prompt.tree is not None:
        answers = await _walk(asker, prompt, picture, usage)
        caption, parts = _told(prompt.tree.questions, answers), []
    else:
        answers = {}
        caption = await asker.ask(
            Call(prompt, prompt.user, picture),
            lambda a: description(a.text, prompt.most_words, cut_off=a.finish == CUT_OFF),
            usage,
        )
        parts = sentences(caption)
    further = parts[:most_sentences] if len(parts) > 1 else []
    if summary is not None:
        words = summary.user.replace("{{caption}}", caption)

        def read(answer: Answer) -> str:
            return one_sentence(answer.text, summary.most_words)

        further.insert(0, await asker.ask(Call(summary, words), read, usage))
    return Written(caption, tuple(further), answers)


async def _walk(asker: Asker, prompt: Prompt, picture: Picture, usage: Usage) -> dict[str, str]:
    """Ask the questions of a tree, each only after an answer that leads to it."""
    answers: dict[str, str] = {}
    given: set[str] = set()
    for question in prompt.tree.root_first if prompt.tree else ():
        if question.parents and not given.intersection(question.parents):
            continue
        answer = await _choose(asker, prompt, question, picture, usage)
        answers[question.name] = answer
        given.add(f"{question.name}_{answer}")
    return answers


async def _choose(
    asker: Asker, prompt: Prompt, question: Question, picture: Picture, usage: Usage
) -> str:
    wording = prompt.questions.get(question.name, question.name.replace("-", " ") + "?")
    words = prompt.user.replace("{{question}}", wording)
    words = words.replace("{{answers}}", ", ".join(question.answers))
    call = Call(prompt, words, picture, choices=question.answers)
    return await asker.ask(call, lambda a: choice(a.text, question.answers), usage)


def _told(questions: tuple[Question, ...], answers: Mapping[str, str]) -> str:
    """Say the answers in words, without those that deny: they would be found by what is denied."""
    said = []
    for question in questions:
        answer = answers.get(question.name)
        name = question.name.replace("-", " ")
        if answer is None or (answer in _SAYS_NOTHING and question.parents):
            continue
        words = answer.replace("-", " ")
        said.append(name if answer == "yes" else f"{name}: {words}" if question.parents else words)
    text = ", ".join(said)
    return text[:1].upper() + text[1:] + "."
