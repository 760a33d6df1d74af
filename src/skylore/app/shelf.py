"""Where several server processes keep what their clients may bring to any of them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from lance.file import LanceFileSession

from skylore.archive.location import Location

__all__ = ["Shelf"]


class Shelf:
    """Small files by name, in a folder or below an object-store prefix.

    In a folder the oldest make room for new ones. On an object store nothing is removed: let a
    rule of the bucket do it.

    Parameters
    ----------
    root
        A path or URL.
    size
        Bytes that a folder may hold.
    """

    def __init__(self, root: str, size: int) -> None:
        self._place = Location(root)
        self._size = size

    def put(self, name: str, data: bytes) -> None:
        """Keep a file, whole or not at all."""
        if self._place.is_local:
            self._put_here(self._place.folder, name, data)
            return
        with tempfile.TemporaryDirectory() as folder:
            draft = Path(folder) / name
            draft.write_bytes(data)
            self._session().upload_file(str(draft), name)

    def get(self, name: str) -> bytes | None:
        """Give a file; None where it is not."""
        if self._place.is_local:
            try:
                return (self._place.folder / name).read_bytes()
            except FileNotFoundError:
                return None
        session = self._session()
        if not session.contains(name):
            return None
        with tempfile.TemporaryDirectory() as folder:
            session.download_file(name, f"{folder}/{name}")
            return (Path(folder) / name).read_bytes()

    def _session(self) -> LanceFileSession:
        return self._place.session()

    def _put_here(self, folder: Path, name: str, data: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, draft = tempfile.mkstemp(dir=folder, suffix=".draft")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(draft).replace(folder / name)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        self._make_room(folder)

    def _make_room(self, folder: Path) -> None:
        found = []
        for file in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process makes room, too
                told = file.stat()
                found.append((told.st_mtime, told.st_size, file))
        total = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if total <= self._size:
                return
            file.unlink(missing_ok=True)
            total -= size
