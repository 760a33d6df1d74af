"""What a judge is asked, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["HIGHEST", "LOWEST", "Ask", "Judge", "Question", "Verdict"]

LOWEST, HIGHEST = 1, 10
"""The scale of certainty: certainly not, and certainly."""


@dataclass(frozen=True)
class Question:
    """Whether an image shows what is wanted.

    Attributes
    ----------
    id
        The object.
    image
        Its encoded image.
    wanted
        What the image should show, in words.
    sample
        0 for the first time that this is asked, and so on: a judge answers each afresh.
    """

    id: str | int
    image: bytes = field(repr=False)
    wanted: str
    sample: int = 0


@dataclass(frozen=True)
class Verdict:
    """The answer to a question: a certainty, an error, or neither where it was not asked.

    Attributes
    ----------
    certainty
        From 1, the image certainly does not show it, to 10, it certainly does.
    error
        Why there is none. An error is never turned into a number.
    """

    certainty: float | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        if self.certainty is not None and self.error is not None:
            raise ValueError("a verdict is a certainty or an error, not both")
        if self.certainty is not None and not LOWEST <= self.certainty <= HIGHEST:
            raise ValueError(f"a certainty lies in {LOWEST} to {HIGHEST}, not {self.certainty}")

    @property
    def was_asked(self) -> bool:
        """Whether the judge came to it."""
        return self.certainty is not None or self.error is not None


Ask = Callable[[Sequence[Question]], Iterable[Verdict]]
"""Gives a verdict for each question, in their order: at once, or one after the other."""


class Judge(Protocol):
    """Something or someone who looks at images: a model on a server, a classifier, a person.

    What came of it names the judge by its attribute ``name``, or else by its class.
    """

    def begin(self, most: int) -> AbstractContextManager[Ask]:
        """Make ready for at most so many questions, and give the function that asks them.

        A verdict without certainty and error says that the judge will answer nothing more.
        """
        ...
