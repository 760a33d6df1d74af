"""Everything that changes the table of objects, each change in one commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import pyarrow as pa

from skylore.archive.columns import without_nan
from skylore.archive.conflicts import retried
from skylore.archive.disk import full_disk_said
from skylore.archive.lock import locked
from skylore.archive.reading import Reading
from skylore.archive.schema import ID
from skylore.archive.staging import fold

__all__ = ["ROWS_A_FILE", "Writing"]

ROWS_A_FILE = 131_072
"""Filling part of a column rewrites that column of a file; this bounds how much."""


class Writing(Reading):
    """The table of objects, to be changed."""

    def append(self, objects: pa.Table) -> None:
        """Add objects, in one commit. Columns that ``objects`` lacks are null.

        Ids must be new: ask :func:`skylore.intake.ingest.ingest` to see to it.
        """
        schema = pa.schema([self.schema.field(name) for name in objects.column_names])
        aligned = without_nan(objects.cast(schema))

        def insert() -> None:
            self._objects.insert(aligned, mode="append", max_rows_per_file=ROWS_A_FILE)

        self._commit(insert)
        self._largest_image = None

    def add_columns(self, fields: Sequence[pa.Field]) -> None:
        """Add empty columns, with the metadata of their fields, where there are none yet."""

        def add() -> None:
            self.refresh()
            new = [field for field in fields if field.name not in self.schema.names]
            if new:
                self._objects.add_columns(pa.schema(new))

        self._commit(add)

    def drop_columns(self, names: Sequence[str]) -> None:
        """Drop columns and the indexes on them."""

        def drop() -> None:
            self.refresh()
            self._objects.drop_columns([name for name in names if name in self.schema.names])

        self._commit(drop)

    def write(self, values: pa.Table) -> None:
        """Write values into existing columns, by ``_rowid``, in one commit."""
        values = without_nan(values)

        def write() -> None:
            self.refresh()
            self._objects = fold(self._objects, values)

        self._commit(write)

    def replace(self, objects: pa.Table) -> None:
        """Put whole rows, with all columns, in the place of those of the same ids.

        The rows keep their row ids, and indexes know of the change.
        """
        schema = pa.schema([self.schema.field(name) for name in objects.column_names])
        aligned = without_nan(objects.cast(schema))

        def merge() -> None:
            self.refresh()
            self._objects.merge_insert(ID).when_matched_update_all().execute(aligned)
            self.refresh()

        self._commit(merge)
        self._largest_image = None

    def remove(self, ids: pa.Array) -> None:
        """Remove objects by id, in one commit."""
        wanted = pa.table({ID: ids.cast(self.schema.field(ID).type)})

        def merge() -> None:
            self.refresh()
            self._objects.merge_insert(ID).when_matched_delete().execute(wanted)
            self.refresh()

        self._commit(merge)

    def lock(self, step: str) -> AbstractContextManager[None]:
        """Keep other processes of this machine from running the same step.

        Raises
        ------
        ArchiveBusyError
            One is running it.
        """
        return locked(self._location, step)

    def _commit(self, write: Callable[[], None]) -> None:
        with full_disk_said(self._location):
            retried(write)
