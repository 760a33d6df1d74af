"""Tables of a report in plain text, and reports in files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from skylore.errors import QueryError

__all__ = ["lay_out", "write_text"]


def lay_out(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the columns of a table, first row first, to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def write_text(path: Path, text: str) -> None:
    """Write a report, whole or not at all.

    Raises
    ------
    QueryError
        The folder does not exist, or cannot be written to.
    """
    if not path.parent.is_dir():
        raise QueryError(f"there is no folder {path.parent}; make it first")
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise QueryError(f"cannot write {path}: {error.strerror}") from error
