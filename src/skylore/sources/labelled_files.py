"""HDF5 files of pictures with what their layout says: ids, names of classes, and the split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.errors import SourceError
from skylore.sources.hdf5_files import HDF5_SUFFIXES, Hdf5Files
from skylore.sources.labelled_sets import LabelledSet, recognise
from skylore.sources.remarks import NAMED
from skylore.sources.roles import choose_id, is_image_type
from skylore.sources.row_files import Piece
from skylore.sources.walk import file_id, printable

__all__ = ["LabelledFiles"]

ID, CLASS, SPLIT = "id", "class", "split"
_ROWS = 1 << 16


class LabelledFiles:
    """Files of rows, with further columns that their names and layouts tell.

    Where no column is an id, ``id`` is the name of the file and the number of the row. Files of a
    published set (:data:`skylore.sources.labelled_sets.PUBLISHED`) get ``class``, the published
    name of each number, and ``split`` where their names say it. What a file has already is not
    replaced.

    Parameters
    ----------
    files

    Attributes
    ----------
    schema
        Columns of the files and made ones.
    remarks
        What was made or left out.
    """

    def __init__(self, files: Hdf5Files) -> None:
        self._files = files
        self.remarks: list[str] = []
        known = {file: recognise(layout.columns) for file, layout in files.layouts.items()}
        self._sets = {file: found for file, found in known.items() if found is not None}
        self._named = self._sets_with_names()
        self._left_out = self._copies()
        self._made = self._makes()
        kept = [column for column in files.schema if column.name not in self._left_out]
        self.schema = pa.schema([*(pa.field(name, pa.string()) for name in self._made), *kept])

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of rows of each file."""
        return self._files.counts

    def scan(
        self, columns: Sequence[str], rows: int, wanted: NDArray[np.bool_] | None = None
    ) -> Iterator[Piece]:
        """Read columns in pieces of at most ``rows`` rows; see :class:`RowFiles`."""
        needed = [name for name in columns if name not in self._made]
        if CLASS in self._made and CLASS in columns:
            needed += [found.labels for found in self._named.values()]
        needed = list(dict.fromkeys(needed))
        read = self._files.scan(needed, rows, wanted) if needed else self._places(rows, wanted)
        for piece in read:
            arrays = [self._column(name, piece) for name in columns]
            yield replace(piece, table=pa.table(arrays, names=list(columns)))

    def _places(self, rows: int, wanted: NDArray[np.bool_] | None) -> Iterator[Piece]:
        """Go through the rows without reading them."""
        start = 0
        for file, count in zip(self._files.files, self.counts, strict=True):
            for first in range(0, count, rows):
                last = min(first + rows, count)
                if wanted is None or wanted[start + first : start + last].any():
                    numbers = pa.table({"row": np.arange(first, last)})
                    yield Piece(printable(file), first, start + first, numbers)
            start += count

    def _column(self, name: str, piece: Piece) -> pa.ChunkedArray | pa.Array:
        if name not in self._made:
            return piece.table[name]
        count = piece.table.num_rows
        if name == ID:
            stem = file_id(piece.file, HDF5_SUFFIXES)
            return pa.array([f"{stem}-{piece.first + row}" for row in range(count)])
        if name == SPLIT:
            found = self._sets.get(piece.file)
            split = None if found is None else found.split_of(piece.file)
            return pa.array([split] * count, pa.string())
        named = self._named.get(piece.file)
        if named is None:
            return pa.nulls(count, pa.string())
        return pc.take(pa.array(named.classes), piece.table[named.labels].cast(pa.int64()))

    def _makes(self) -> tuple[str, ...]:
        """Say which columns are made, and tell the user."""
        there = set(self._files.schema.names)
        made = []
        if self._lacks_ids():
            made.append(ID)
            self.remarks.append("there is no column of ids: they are the file's name and the row")
        splits = {found.split_of(file) for file, found in self._sets.items()} - {None}
        for found in dict.fromkeys(self._named.values()):
            self.remarks.append(
                f"{found.name}, by its layout: the names of the numbers in {found.labels} are in "
                f"the column {CLASS}{f', the split in {SPLIT}' if found.splits and splits else ''}"
            )
        if self._named and CLASS not in there:
            made.append(CLASS)
        if splits and SPLIT not in there:
            made.append(SPLIT)
        return tuple(made)

    def _lacks_ids(self) -> bool:
        schema = self._files.schema
        try:
            choose_id(schema, None)
        except SourceError:
            return any(is_image_type(column.type) for column in schema)
        return False

    def _sets_with_names(self) -> dict[str, LabelledSet]:
        """Leave out files with numbers that the published set does not have."""
        named = {}
        for file, found in self._sets.items():
            numbers = self._whole(file, found.labels)
            strange = np.unique(numbers[(numbers < 0) | (numbers >= len(found.classes))])
            if len(strange):
                listed = ", ".join(map(str, strange[:NAMED].tolist()))
                self.remarks.append(
                    f"{file} is laid out as {found.name}, but {found.labels} also holds {listed}: "
                    "its classes were not named"
                )
            else:
                named[file] = found
        return named

    def _copies(self) -> set[str]:
        """Find columns that repeat another in every file of the set."""
        pairs = {pair for found in self._sets.values() for pair in found.copies.items()}
        copies = {(name, other) for name, other in pairs if self._is_copy(name, other)}
        self.remarks += [f"{name} is a copy of {other}, and was left out" for name, other in copies]
        return {name for name, _ in copies}

    def _is_copy(self, name: str, other: str) -> bool:
        files = [f for f, layout in self._files.layouts.items() if name in layout.columns]
        return bool(files) and all(
            file in self._sets
            and np.array_equal(
                # Kept in half the digits it is still a copy.
                self._whole(file, name).astype(np.float32),
                self._whole(file, other).astype(np.float32),
                equal_nan=True,
            )
            for file in files
        )

    def _whole(self, file: str, name: str) -> NDArray[Any]:
        """Read one column of one file."""
        place = list(self._files.layouts).index(file)
        wanted = np.repeat(np.arange(len(self.counts)) == place, self.counts)
        pieces = [piece.table[name].to_numpy() for piece in self._files.scan([name], _ROWS, wanted)]
        return np.concatenate(pieces) if pieces else np.empty(0)
