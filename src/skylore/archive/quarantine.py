"""Rows that a step could not do, with the reason, so that nothing fails in silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import lance
import pyarrow as pa

from skylore.archive.disk import full_disk_said
from skylore.archive.location import Location

__all__ = ["Quarantine"]

SCHEMA = pa.schema(
    [
        pa.field("step", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("row", pa.uint64()),
        pa.field("kind", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("trace", pa.string()),
        pa.field("time", pa.timestamp("us", tz="UTC")),
    ]
)

_KEY = ["step", "id"]


class Quarantine:
    """The table ``failures`` of an archive: at most one row a step and object."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._options = dict(location.storage_options) or None

    def read(self, step: str | None = None) -> pa.Table:
        """List the failures, of one step or of all."""
        if not self._location.has_table("failures"):
            return SCHEMA.empty_table()
        table = self._location.open_table("failures").to_table()
        return table if step is None else table.filter(pa.compute.equal(table["step"], step))

    def rows(self, step: str) -> pa.Array:
        """Give the row ids set aside by a step."""
        return self.read(step)["row"].drop_null().combine_chunks()

    def add(self, step: str, failures: Iterable[Mapping[str, object]]) -> int:
        """Set rows aside; ``id``, ``row``, ``kind``, ``reason`` and ``trace`` each.

        A row already there gets the new reason. Returns how many there were.
        """
        now = datetime.now(UTC)
        latest = {str(f["id"]): {**f, "id": str(f["id"])} for f in failures}
        if not latest:
            return 0
        records = [{"step": step, "time": now, **failure} for failure in latest.values()]
        table = pa.Table.from_pylist(records, schema=SCHEMA)
        with full_disk_said(self._location):
            self._put(table)
        return len(records)

    def _put(self, table: pa.Table) -> None:
        if not self._location.has_table("failures"):
            lance.write_dataset(
                table, self._location.table("failures"), storage_options=self._options
            )
            return
        merge = self._location.open_table("failures").merge_insert(_KEY)
        merge.when_matched_update_all().when_not_matched_insert_all().execute(table)

    def release(self, step: str, ids: pa.Array | None = None) -> None:
        """Take ids off the list: those that were done after all, or all of the step's."""
        self._remove(self.read(step), ids)

    def forget(self, ids: pa.Array) -> None:
        """Take ids off the lists of all steps."""
        self._remove(self.read(), ids)

    def _remove(self, listed: pa.Table, ids: pa.Array | None) -> None:
        listed = listed.select(_KEY)
        if ids is not None:
            listed = listed.filter(pa.compute.is_in(listed["id"], ids.cast(pa.string())))
        if listed.num_rows:
            table = self._location.open_table("failures")
            table.merge_insert(_KEY).when_matched_delete().execute(listed)
