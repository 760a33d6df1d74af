"""One process a step."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from skylore.archive.location import Location
from skylore.errors import ArchiveBusyError

__all__ = ["locked"]


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
    folder = location.folder / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / f"{step}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveBusyError(
                f"another process is running {step} on {location}; wait for it or stop it"
            ) from error
        yield
