"""Vectors of an archive, read slowly, by processes that leave their numbers in a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from skylore.search.codes.fragments import ArchiveVectors
from skylore.search.codes.segment import Part
from skylore.search.codes.source import Rows, Vectors


class SlowVectors:
    """Does what ``source`` does, but takes ``seconds`` a part, and not for ``deadly`` ones."""

    def __init__(
        self, source: ArchiveVectors, folder: Path, *, seconds: float = 0.0, deadly: int = -1
    ) -> None:
        self.source, self.folder, self.seconds, self.deadly = source, folder, seconds, deadly
        self.owner = os.getpid()

    def __getattr__(self, name: str) -> object:
        if name == "source":  # while it is unpickled
            raise AttributeError(name)
        return getattr(self.source, name)

    def read(self, part: Part) -> Iterator[tuple[Rows, Vectors]]:
        if os.getpid() != self.owner:
            (self.folder / str(os.getpid())).touch()
            time.sleep(self.seconds)
            if part.fragment == self.deadly:
                os._exit(9)
        yield from self.source.read(part)
