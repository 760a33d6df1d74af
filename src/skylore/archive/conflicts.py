"""Writing beside other writers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from lance.commit import CommitConflictError

from skylore.errors import ArchiveBusyError

__all__ = ["retried"]

TRIES = 30
LONGEST_PAUSE = 0.5


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
        except CommitConflictError:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.02 * 2**attempt)))  # noqa: S311 - no secret
        else:
            return
    raise ArchiveBusyError(
        f"other processes wrote to the archive at each of {TRIES} tries; run the same command again"
    )
