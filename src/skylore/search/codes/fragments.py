"""A column of an archive as a source of vectors: its parts are the fragments of the table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.schema import ID
from skylore.archive.staging import ROW
from skylore.search.codes.segment import Part
from skylore.search.codes.source import Rows, Taken, Vectors

if TYPE_CHECKING:
    from lance import LanceFragment

    from skylore.archive.location import Location
    from skylore.archive.reading import Reading

__all__ = ["ArchiveVectors", "to_vectors"]

BATCH = 4096
READ_AT_ONCE = 8192
AHEAD, BUFFER = 2, 64 << 20
"""Batches and bytes that the engine may read ahead: its own choice is a gigabyte and more."""


class ArchiveVectors:
    """A column of an archive, at the archive's version; a :class:`VectorSource`."""

    def __init__(self, archive: Reading, column: str) -> None:
        self._archive, self._column = archive, column

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to other processes as the place, to be opened there at the same version."""
        archive = self._archive
        return _reopened, (archive.location, archive.version, self._column)

    @property
    def name(self) -> str:
        """The column."""
        return self._column

    @property
    def origin(self) -> str:
        """Where the archive lies."""
        return self._archive.location.root

    @property
    def recipe(self) -> str:
        """How the column was made, and its type."""
        made = self._archive.columns[self._column].provenance
        return f"{self._archive.schema.field(self._column).type}:{made.recipe if made else ''}"

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self._archive.schema.field(self._column).type.list_size)

    @property
    def rows(self) -> int:
        """Number of objects that have a vector."""
        return self._archive.filled(self._column)

    @cached_property
    def _fragments(self) -> dict[Part, LanceFragment]:
        field = self._archive.objects.lance_schema.field(self._column).id()
        found = {}
        for fragment in self._archive.objects.get_fragments():
            files = [file.path for file in fragment.data_files() if field in file.fields]
            if files:
                found[Part(fragment.fragment_id, files[0], fragment.num_deletions)] = fragment
        return found

    def parts(self) -> dict[Part, int]:
        """Give the fragments that hold values, with their numbers of rows."""
        return dict(self._counts)

    @cached_property
    def _counts(self) -> dict[Part, int]:
        return {part: fragment.count_rows() for part, fragment in self._fragments.items()}

    def read(self, part: Part) -> Iterator[tuple[Rows, Vectors]]:
        """Read the live rows of a fragment that have a vector, batch by batch."""
        name = self._column
        fragment = self._fragments[part]
        scanner = fragment.scanner(
            columns=[name],
            with_row_id=True,
            batch_size=BATCH,
            batch_readahead=AHEAD,
            io_buffer_size=BUFFER,
        )
        for batch in scanner.to_batches():
            there = batch.filter(pc.is_valid(batch[name])) if batch[name].null_count else batch
            if there.num_rows:
                yield there[ROW].to_numpy(), to_vectors(there[name])

    def live(self, part: Part) -> Rows:
        """Give the row ids that a fragment holds now."""
        scanner = self._fragments[part].scanner(columns=[], with_row_id=True)
        rows: Rows = scanner.to_table()[ROW].to_numpy()
        return rows

    def sample(self, count: int, seed: int) -> Vectors:
        """Read objects at random, those that have a vector."""
        rng = np.random.default_rng(seed)
        total, name = len(self._archive), self._column
        chosen = np.sort(rng.choice(total, min(count, total), replace=False))
        # Filled in place: such samples are the most that a build holds in memory.
        vectors, held = np.empty((len(chosen), self.dimension), np.float32), 0
        for part in np.array_split(chosen, -(-len(chosen) // READ_AT_ONCE)):
            taken = self._archive.objects.take(part.tolist(), columns=[name])[name].drop_null()
            vectors[held : held + len(taken)] = to_vectors(taken)
            held += len(taken)
        return vectors[:held]

    def take(self, rows: Rows) -> Taken:
        """Read objects by row id."""
        table = self._archive.take(pa.array(rows), [self._column, ID])
        if table[self._column].null_count:
            table = table.filter(table[self._column].is_valid())
        ids = table[ID].combine_chunks()
        return Taken(table[ROW].to_numpy(), ids, to_vectors(table[self._column]))


def _reopened(location: Location, version: int, column: str) -> ArchiveVectors:
    from skylore.archive.reading import OBJECTS, Reading

    return ArchiveVectors(Reading(location, location.open_table(OBJECTS, version)), column)


def to_vectors(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float32]:
    """Give a column of vectors without nulls as an array of shape ``(N, D)``."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = whole.flatten().to_numpy(zero_copy_only=False)
    vectors: NDArray[np.float32] = values.reshape(-1, whole.type.list_size)
    return vectors.astype(np.float32, copy=False)
