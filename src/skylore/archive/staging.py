"""Finished batches of a step, kept apart until they are folded into the objects.

A batch is one atomic append, so that a killed process loses at most the batch it was in. Folding
writes the staged values into their columns, fragment by fragment, in one commit; it can be killed
and repeated, since it gives the same result each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.disk import full_disk_said
from skylore.archive.location import Location
from skylore.archive.step import Values

__all__ = ["ERROR", "ROW", "Staging", "fold"]

ROW = "_rowid"
ERROR = "_error"
_ADDRESS = "_rowaddr"
_FRAGMENT_SHIFT = np.uint64(32)
"""The address of a row begins with the number of its fragment."""
_STAGED_ROW = "_row"
"""Lance keeps the name of row ids to itself."""
_ERROR_TYPE = pa.struct([("kind", pa.string()), ("reason", pa.string()), ("trace", pa.string())])


class Staging:
    """The staged batches of one step."""

    def __init__(self, location: Location, step: str) -> None:
        self._location = location
        self._name = f"staging/{step}"
        self._table: lance.LanceDataset | None = None

    def append(self, rows: pa.ChunkedArray, values: Values) -> int:
        """Keep a finished batch; returns its size in bytes."""
        errors = [
            asdict(values.failures[i]) if i in values.failures else None for i in range(len(rows))
        ]
        table = values.table.append_column(_STAGED_ROW, rows.cast(pa.uint64()))
        table = table.append_column(ERROR, pa.array(errors, _ERROR_TYPE))
        with full_disk_said(self._location):
            self._table = lance.write_dataset(
                table,
                self._location.table(self._name),
                mode=self._mode(),
                storage_options=dict(self._location.storage_options) or None,
            )
        return int(table.nbytes)

    def _mode(self) -> str:
        if self.rows():
            return "append"
        return "create" if self._table is None else "overwrite"

    def rows(self) -> int:
        """Count the staged rows."""
        if self._table is None and self._location.has_table(self._name):
            self._table = self._location.open_table(self._name)
        return self._table.count_rows() if self._table is not None else 0

    def read(self) -> pa.Table:
        """Give what is staged, the last word on each row."""
        table = self._location.open_table(self._name).to_table()
        table = table.rename_columns({_STAGED_ROW: ROW})
        rows = table[ROW].to_numpy()
        _, last = np.unique(rows[::-1], return_index=True)
        return table.take(pa.array(np.sort(len(rows) - 1 - last)))

    def clear(self) -> None:
        """Forget what is staged, in one commit, then free its space."""
        if self.rows():
            table = self._location.open_table(self._name)
            table.truncate_table()
            table.cleanup_old_versions(timedelta(0), delete_unverified=True)
            self._table = table


def fold(objects: lance.LanceDataset, values: pa.Table) -> lance.LanceDataset:
    """Write values into their columns, in one commit.

    Parameters
    ----------
    objects
        The table.
    values
        ``_rowid`` and columns that ``objects`` has already.

    Returns
    -------
    lance.LanceDataset
        The version that holds the values.
    """
    if values.num_rows == 0:
        return objects
    fragments, fields, offsets = [], set(), {}
    for number, places in _by_fragment(objects, values[ROW]):
        fragment = objects.get_fragment(number)
        part = values.take(pa.array(places)).combine_chunks()
        metadata, modified, matched = fragment.update_columns(part, with_offsets=True)
        fragments.append(metadata)
        fields.update(modified)
        offsets[fragment.fragment_id] = matched
    return _commit(objects, fragments, sorted(fields), offsets)


def _by_fragment(
    objects: lance.LanceDataset, rows: pa.ChunkedArray
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Give the fragments that hold rows, and the places of those; rows that are gone are left out.

    Row ids are looked up, so that it costs by the rows, not by the size of the archive.
    """
    wanted = rows.combine_chunks()
    found = objects._take_rows(wanted, columns=[ROW, _ADDRESS])  # noqa: SLF001 - the only way from row ids to fragments that Lance offers
    numbers = (found[_ADDRESS].to_numpy() >> _FRAGMENT_SHIFT).astype(np.int64)
    given = wanted.to_numpy()
    order = np.argsort(given)
    places = order[np.searchsorted(given, found[ROW].to_numpy(), sorter=order)]
    for number in np.unique(numbers).tolist():
        yield number, np.sort(places[numbers == number])


def _commit(
    objects: lance.LanceDataset,
    fragments: list[object],
    fields: list[int],
    offsets: Mapping[int, bytes],
) -> lance.LanceDataset:
    if not fragments:
        return objects
    operation = lance.LanceOperation.Update(
        updated_fragments=fragments,
        fields_modified=fields,
        update_mode="rewrite_columns",
        updated_fragment_offsets=offsets,
    )
    return lance.LanceDataset.commit(
        objects.uri,
        operation,
        read_version=objects.version,
        storage_options=objects.latest_storage_options(),
    )
