"""Rows that a step could not do, with the reason, so that nothing fails in silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import lance
import pyarrow as pa

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
        if not self._location.has_table("failures"):
            lance.write_dataset(
                table, self._location.table("failures"), storage_options=self._options
            )
            return len(records)
        merge = self._location.open_table("failures").merge_insert(["step", "id"])
        merge.when_matched_update_all().when_not_matched_insert_all().execute(table)
        return len(records)

    def release(self, step: str, ids: pa.Array | None = None) -> None:
        """Take ids off the list: those that were done after all, or all of the step's."""
        listed = self.read(step)["id"]
        if ids is not None:
            done = pa.compute.is_in(listed, ids.cast(pa.string()))
            listed = listed.filter(done)
        if len(listed):
            names = ", ".join(_quoted(name) for name in listed.to_pylist())
            predicate = f"step = {_quoted(step)} AND id IN ({names})"
            self._location.open_table("failures").delete(predicate)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
