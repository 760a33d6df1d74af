"""What is said when the disk is full."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from skylore.archive.location import Location
from skylore.errors import ArchiveError

__all__ = ["full_disk_said"]

_SAID = ("no space left", "disk quota exceeded", "file too large")
_NUMBERS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def full_disk_said(location: Location) -> Iterator[None]:
    """Turn the many ways in which a full disk shows itself into one clear error.

    Raises
    ------
    ArchiveError
        There is no space left. The archive is as it was after its last commit.
    """
    try:
        yield
    except OSError as error:
        text = str(error).lower()
        if error.errno not in _NUMBERS and not any(words in text for words in _SAID):
            raise
        raise ArchiveError(
            f"the disk of {location} is full; what was finished is kept. Free some space "
            "and run the same command again"
        ) from error
