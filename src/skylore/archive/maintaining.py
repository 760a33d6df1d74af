"""Keeping an archive in order: deletions, updates, compaction and checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.archive.writing import Writing

if TYPE_CHECKING:
    from skylore.archive.checking.finding import CheckReport
    from skylore.archive.compacting import CompactReport
    from skylore.archive.updating import UpdateReport

__all__ = ["Maintaining"]


class Maintaining(Writing):
    """The table of objects, and what keeps it in order."""

    def delete(self, *, where: str | None = None, ids: Sequence[str | int] | None = None) -> int:
        """Delete the objects that satisfy a predicate, or those of a list, in one commit.

        An object that is still in its source comes back when that is ingested again.

        Parameters
        ----------
        where
            SQL over the columns, trusted: check what users write with
            :func:`skylore.search.predicate.compile_predicate`.
        ids
            Ids; those that do not exist are passed over.

        Returns
        -------
        int
            How many there were.

        Raises
        ------
        ArchiveError
            Neither is given, or both, or the ids are of the wrong type.
        """
        from skylore.archive.deleting import delete

        return delete(self, where=where, ids=ids)

    def update(self, objects: pa.Table) -> UpdateReport:
        """Replace what changed in objects that are here, in one commit.

        What steps made from a changed value is emptied, however far back it was made from it, and
        filled again when the step runs. What is new in ``objects`` is not added.

        Parameters
        ----------
        objects
            ``id``, unique, and the columns to be compared and replaced, null included.

        Raises
        ------
        ColumnError
            A column does not exist.
        ArchiveBusyError
            A step is at work on this archive.
        """
        from skylore.archive.updating import update

        return update(self, objects)

    def compact(
        self,
        *,
        keep_versions: int | None = None,
        older_than: timedelta | None = None,
        memory: int = 1 << 30,
        progress: bool = False,
    ) -> CompactReport:
        """Join small files, and rewrite those of which a tenth is deleted.

        Row ids and indexes stay.

        Readers and writers may be at work: readers stay at the version that they opened, unless
        that is removed.

        Parameters
        ----------
        keep_versions, older_than
            Which versions may be removed: all but the last so many, those older than this, or
            where both are given those that satisfy both. None of them if neither is given.
        memory
            Bytes that it may take.
        progress
            Show a progress bar on stderr.
        """
        from skylore.archive.compacting import compact

        return compact(
            self,
            keep_versions=keep_versions,
            older_than=older_than,
            memory=memory,
            progress=progress,
        )

    def check(self, *, deep: bool = False, progress: bool = False) -> CheckReport:
        """Look for damage: files, ids, positions, values, provenance, models, indexes.

        Parameters
        ----------
        deep
            Read every value and decode every image, not only a sample.
        progress
            Show a progress bar on stderr.
        """
        from skylore.archive.checking.service import check

        return check(self, deep=deep, progress=progress)
