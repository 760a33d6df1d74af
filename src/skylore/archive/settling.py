"""Taking finished work into the objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from skylore.archive.schema import ID
from skylore.archive.staging import ERROR, ROW, Staging

if TYPE_CHECKING:
    from skylore.archive.writing import Writing

__all__ = ["settle"]


def settle(archive: Writing, step: str, staging: Staging) -> None:
    """Fold what is staged into the objects, and keep the failures.

    Every part can be repeated, so that a process killed in between does no harm.
    """
    if not staging.rows():
        return
    staged = staging.read()
    good = staged.filter(pc.is_null(staged[ERROR]))
    bad = staged.filter(pc.is_valid(staged[ERROR]))
    archive.write(good.drop_columns([ERROR]))
    # Rows that were deleted meanwhile are not among those that are found again.
    archive.quarantine.release(step, archive.take(good[ROW], [ID])[ID])
    found = archive.take(bad[ROW], [ID])
    errors = dict(zip(bad[ROW].to_pylist(), bad[ERROR].to_pylist(), strict=True))
    archive.quarantine.add(
        step,
        [
            {"row": row, "id": name, **errors[row]}
            for name, row in zip(found[ID].to_pylist(), found[ROW].to_pylist(), strict=True)
        ],
    )
    staging.clear()
