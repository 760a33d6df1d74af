"""What services answered, kept on disk so that nothing is asked twice."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skylore.errors import SourceError
from skylore.sources.walk import printable

__all__ = ["CutoutCache", "default_cache"]


def default_cache() -> Path:
    """Give the user's folder for what can be fetched again (XDG Base Directory)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "skylore" / "cutouts"


class CutoutCache:
    """A folder with a file an answer, named by the digest of its URL.

    A file appears whole or not at all, so processes may share the folder and be killed.

    Parameters
    ----------
    folder
        Made if there is none.

    Raises
    ------
    SourceError
        If the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SourceError(
                f"The folder {printable(folder)} for fetched cutouts cannot be made: "
                f"{error.strerror}. Give another with --cutout-cache."
            ) from error

    def answer(self, url: str) -> Path:
        """Say where the answer is kept, if it is."""
        return self._path(url, ".bin")

    def absence(self, url: str) -> str | None:
        """Say why there is no image at this URL, if that is known."""
        try:
            reason = json.loads(self._path(url, ".absent").read_text("utf-8"))["reason"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return str(reason)

    def keep_absence(self, url: str, reason: str) -> None:
        """Remember that there is no image at this URL."""
        with self.draft(url) as draft:
            draft.write_text(json.dumps({"url": url, "reason": reason}), "utf-8")
            draft.replace(self._path(url, ".absent"))

    @contextmanager
    def draft(self, url: str) -> Iterator[Path]:
        """Give a file to write into, to be moved to its place; it is removed otherwise."""
        place = self._path(url, ".bin").parent
        place.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".draft-", dir=place)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _path(self, url: str, suffix: str) -> Path:
        digest = hashlib.sha256(url.encode()).hexdigest()[:40]
        return self._folder / digest[:2] / (digest + suffix)
