"""Finding files below a folder, and naming them so that any table can hold the name."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Collection
from pathlib import Path

from skylore.errors import ImageError, SourceError

__all__ = ["file_id", "has_suffix", "printable", "read_bytes", "walk_files"]

_LARGEST_FILE = 1 << 30


def walk_files(folder: Path) -> list[str]:
    """List the files below a folder, hidden ones left out.

    Linked folders are followed, but no folder is read twice: its real place wins over a link to
    it, so that a loop of links ends and an id does not depend on who links to the file.

    Parameters
    ----------
    folder
        The folder to look into.

    Returns
    -------
    list of str
        Paths relative to ``folder``, in byte order.

    Raises
    ------
    SourceError
        If a folder cannot be listed.
    """
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    real, linked = deque([""]), deque[str]()
    while real or linked:
        relative = real.popleft() if real else linked.popleft()
        for entry in _entries(folder / relative, seen):
            path = f"{relative}/{entry.name}" if relative else entry.name
            if not _is_folder(entry):
                found.append(path)
            elif entry.is_symlink():
                linked.append(path)
            else:
                real.append(path)
    return sorted(found, key=os.fsencode)


def _entries(folder: Path, seen: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    try:
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return []
        seen.add(identity)
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise SourceError(
            f"The folder {printable(folder)} cannot be listed ({error.strerror}); "
            "make it readable or move it away."
        ) from error
    return sorted(visible, key=lambda entry: os.fsencode(entry.name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: listed as a file, and reported when it is read
        return False


def printable(path: str | os.PathLike[str]) -> str:
    r"""Write a path as valid text: bytes that are not UTF-8 become ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def has_suffix(path: str, suffixes: Collection[str]) -> bool:
    """Whether a path ends in one of ``suffixes``, compressed ``.gz`` ones included."""
    lower = path.lower()
    return any(lower.endswith(suffix) for suffix in suffixes)


def file_id(path: str, suffixes: Collection[str]) -> str:
    """Name a file by its path without the suffix, so ``a.png`` and ``a.jpg`` collide."""
    lower = path.lower()
    longest = max((s for s in suffixes if lower.endswith(s)), key=len, default="")
    return printable(path[: len(path) - len(longest)])


def read_bytes(path: Path) -> bytes:
    """Read an ordinary file of at most 1 GiB.

    Raises
    ------
    ImageError
        If it is missing, unreadable, too large, or not an ordinary file (reading from a named
        pipe would never end).
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{printable(path)} is not an ordinary file.")
        if status.st_size > _LARGEST_FILE:
            raise ImageError(
                f"{printable(path)} has {status.st_size:,} bytes; the limit for one object is "
                f"{_LARGEST_FILE:,}. Cut it into objects first."
            )
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{printable(path)} cannot be read: {error.strerror}.") from error
