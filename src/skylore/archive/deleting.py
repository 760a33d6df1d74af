"""Taking objects out of an archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.archive.schema import ID
from skylore.errors import ArchiveError

if TYPE_CHECKING:
    from skylore.archive.writing import Writing

__all__ = ["delete"]

INGEST = "ingest"


def delete(
    archive: Writing, *, where: str | None = None, ids: Sequence[str | int] | None = None
) -> int:
    """Remove the objects of a predicate, or of a list; see :meth:`Archive.delete`."""
    if (where is None or not where.strip()) and ids is None:
        raise ArchiveError(
            "nothing says which objects to delete: give a predicate or a list of ids"
        )
    if where is not None and ids is not None:
        raise ArchiveError("give either a predicate or a list of ids, not both")
    with archive.lock(INGEST):
        archive.refresh()
        doomed = _doomed(archive, where, ids)
        if len(doomed):
            # What is set aside is released first, so that no failure outlives its object.
            archive.quarantine.forget(doomed)
            archive.remove(doomed)
    return len(doomed)


def _doomed(archive: Writing, where: str | None, ids: Sequence[str | int] | None) -> pa.Array:
    if ids is None:
        return archive.read([ID], where=where)[ID].combine_chunks()
    try:
        return archive.rows_of(ids)[ID].combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        kind = archive.schema.field(ID).type
        raise ArchiveError(f"the ids of {archive} are of type {kind}: {error}") from error
