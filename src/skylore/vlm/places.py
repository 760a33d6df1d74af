"""Where answers of models are kept: beside the archive, so that they outlive it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["kept_answers"]


def kept_answers(archive: Archive, kind: Literal["answers", "judgements"]) -> Path:
    """Give the file in which answers about an archive are kept.

    Parameters
    ----------
    archive
        An archive in a folder has the file beside it; for one in an object store it is in the
        user's cache folder.
    kind
        ``answers`` are those that become columns, and whose budget holds for the archive in all;
        ``judgements`` those of single searches.
    """
    location = archive.location
    if location.is_local:
        return location.folder.parent / f"{location.folder.name}.{kind}.sqlite"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(str(location).encode()).hexdigest()[:16]
    return cache / "skylore" / f"{name}.{kind}.sqlite"
