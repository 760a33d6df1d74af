"""Why a row could not be done, in a form that outlives its process."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Self

__all__ = ["Reason"]

FRAMES = 4
LENGTH = 1000


@dataclass(frozen=True)
class Reason:
    """The kind of an error, its message, and the innermost frames of its traceback."""

    kind: str
    reason: str
    trace: str

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Summarise an error."""
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
        return cls(
            kind=type(error).__name__,
            reason=(" ".join(str(error).split()) or type(error).__name__)[:LENGTH],
            trace=" < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames)),
        )

    def __str__(self) -> str:
        """Give kind and message."""
        return f"{self.kind}: {self.reason}"
