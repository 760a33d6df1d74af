"""One process a step."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from skylore.archive.disk import full_disk_said
from skylore.archive.location import Location
from skylore.errors import ArchiveBusyError, ArchiveError

__all__ = ["locked"]


def _opened(location: Location, step: str) -> IO[str]:
    folder = location.folder / "locks"
    try:
        with full_disk_said(location):
            folder.mkdir(exist_ok=True)
            return (folder / f"{step}.lock").open("w")
    except OSError as error:
        raise ArchiveError(f"cannot write to {location}: {error.strerror}") from error


@contextmanager
def locked(location: Location, step: str) -> Iterator[None]:
    """Hold the step's lock; on an object store there is none.

    Raises
    ------
    ArchiveBusyError
        Another process of this machine is running the step.
    """
    if not location.is_local:
        yield
        return
    with _opened(location, step) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveBusyError(
                f"another process is running {step} on {location}; wait for it or stop it"
            ) from error
        yield
