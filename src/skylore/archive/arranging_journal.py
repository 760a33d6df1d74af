"""What an arranging that was killed had finished, so that the next one goes on from there."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from lance.fragment import FragmentMetadata
from numpy.typing import NDArray

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Journal"]

FOLDER = "staging/arrange"


class Journal:
    """The files that are written, and that no version of the table refers to yet.

    A file counts as finished once its note is there under its name: notes are written beside and
    renamed. They hold for one version of the table; those of another are dropped, and
    ``skylore compact --older-than`` removes the files. On an object store nothing is noted.

    Parameters
    ----------
    archive
        At the version that is arranged.
    """

    def __init__(self, archive: Archive) -> None:
        self._folder: Path | None = None
        if not archive.location.is_local:
            return
        self._data = archive.location.folder / "objects.lance" / "data"
        home = archive.location.folder / FOLDER
        self._folder = home / str(archive.version)
        for other in home.iterdir() if home.is_dir() else ():
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)

    def find(self, rows: NDArray[np.uint64]) -> FragmentMetadata | None:
        """Give the file that holds these rows in this order; None if there is none yet."""
        note = self._note(rows)
        if note is None or not note.exists():
            return None
        told = json.loads(note.read_text(encoding="utf-8"))
        sizes = [(self._data / file["path"], file["file_size_bytes"]) for file in told["files"]]
        if not all(path.exists() and path.stat().st_size == size for path, size in sizes):
            return None
        found: FragmentMetadata = FragmentMetadata.from_json(json.dumps(told))
        return found

    def keep(self, rows: NDArray[np.uint64], fragment: FragmentMetadata) -> None:
        """Note a finished file, which does not know its row ids yet."""
        note = self._note(rows)
        if note is not None:
            note.parent.mkdir(parents=True, exist_ok=True)
            draft = note.with_suffix(".part")
            draft.write_text(json.dumps(fragment.to_json()), encoding="utf-8")
            draft.replace(note)

    def clear(self) -> None:
        """Forget all: the table refers to the files now."""
        if self._folder is not None:
            shutil.rmtree(self._folder.parent, ignore_errors=True)

    def _note(self, rows: NDArray[np.uint64]) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / f"{hashlib.sha256(rows.tobytes()).hexdigest()[:32]}.json"
