"""Writing beside other writers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from lance.commit import CommitConflictError

from skylore.errors import ArchiveBusyError

__all__ = ["is_conflict", "retried"]

TRIES = 30
LONGEST_PAUSE = 0.5
_SAID = ("commit conflict", "too many concurrent writers")
"""Conflicts that Lance raises as plain errors of input and output."""


def is_conflict(error: Exception) -> bool:
    """Whether a write failed only because another one came between."""
    if isinstance(error, CommitConflictError):
        return True
    text = str(error).lower()
    return isinstance(error, OSError) and any(words in text for words in _SAID)


def retried(write: Callable[[], None]) -> None:
    """Do a write that starts from the latest version, again if another came between.

    Raises
    ------
    ArchiveBusyError
        Others were first every time.
    """
    for attempt in range(TRIES):
        try:
            write()
        except (CommitConflictError, OSError) as error:
            if not is_conflict(error):
                raise
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.02 * 2**attempt)))  # noqa: S311 - no secret
        else:
            return
    raise ArchiveBusyError(
        f"other processes wrote to the archive at each of {TRIES} tries; run the same command again"
    )
