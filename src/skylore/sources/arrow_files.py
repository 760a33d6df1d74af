"""Reading Parquet and Arrow files in pieces, with bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skylore.errors import SourceError
from skylore.sources.flux_types import flux_fields, is_flux_type, narrowed
from skylore.sources.row_files import Piece, one_line, unified
from skylore.sources.walk import has_suffix, printable, walk_files

__all__ = ["ARROW_SUFFIXES", "PARQUET_SUFFIXES", "ArrowFiles"]

PARQUET_SUFFIXES = (".parquet", ".pq", ".parq")
ARROW_SUFFIXES = (".arrow", ".feather", ".ipc")

_PAGE_BUFFER = 1 << 20
_ID_ROWS = 1 << 16


class ArrowFiles:
    """One Parquet or Arrow file, or all those below a folder, as one sequence of rows.

    Files whose names begin with ``_`` or ``.`` are not data, by the custom of Parquet folders.

    Parameters
    ----------
    path
        The file or folder.
    wanted
        Says of a file, by its path below the folder, whether it is one of them; all are if None.

    Raises
    ------
    SourceError
        If there are no such files, one cannot be read, or their columns disagree.
    """

    def __init__(self, path: Path, wanted: Callable[[str], bool] | None = None) -> None:
        self._root = path if path.is_dir() else path.parent
        self.files = _data_files(path, wanted)
        self._schemas = [_without_extras(self._read_schema(file)) for file in self.files]
        self.schema = unified(self._schemas, self._root)

    def _read_schema(self, file: str) -> pa.Schema:
        with self._reading(file):
            if has_suffix(file, PARQUET_SUFFIXES):
                return pq.read_schema(self._root / file)
            with pa.memory_map(str(self._root / file)) as mapped:
                return _open_arrow(mapped).schema

    @contextmanager
    def _reading(self, file: str) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, EOFError) as error:
            raise SourceError(
                f"{printable(self._root / file)} cannot be read as a Parquet or Arrow file: "
                f"{one_line(error)}"
            ) from error

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """The number of rows of each file."""
        return tuple(self._count(number) for number in range(len(self.files)))

    def _count(self, number: int) -> int:
        file = self.files[number]
        with self._reading(file):
            if has_suffix(file, PARQUET_SUFFIXES):
                return int(pq.read_metadata(self._root / file).num_rows)
        smallest = self._schemas[number].names[:1]
        with self._reading(file):
            pieces = _arrow_pieces(self._root / file, smallest, None, _ID_ROWS)
            return sum(table.num_rows for _, table in pieces)

    def scan(
        self, columns: Sequence[str], rows: int, wanted: NDArray[np.bool_] | None = None
    ) -> Iterator[Piece]:
        """Read columns in pieces of at most ``rows`` rows, in order.

        Parameters
        ----------
        columns
            The columns to read; one that a file lacks is null there.
        rows
            The largest number of rows in a piece.
        wanted
            One flag a row. Pieces without a wanted row may be left out, unread where the format
            allows it; the others come whole.
        """
        target = pa.schema([self.schema.field(name) for name in columns])
        start = 0
        for number, (file, count) in enumerate(zip(self.files, self.counts, strict=True)):
            flags = None if wanted is None else wanted[start : start + count]
            if flags is None or flags.any():
                present = [name for name in columns if name in self._schemas[number].names]
                read = _parquet_pieces if has_suffix(file, PARQUET_SUFFIXES) else _arrow_pieces
                with self._reading(file):
                    for first, table in read(self._root / file, present, flags, rows):
                        rows_read = _conform(table, target)
                        yield Piece(printable(file), first, start + first, rows_read)
            start += count


def _data_files(path: Path, wanted: Callable[[str], bool] | None) -> tuple[str, ...]:
    suffixes = PARQUET_SUFFIXES + ARROW_SUFFIXES
    if not path.exists():
        raise SourceError(f"There is nothing at {printable(path)}.")
    if not path.is_dir():
        if not has_suffix(path.name, suffixes):
            raise SourceError(f"{printable(path)} does not end in {', '.join(suffixes)}.")
        return (path.name,)
    files = [
        file
        for file in walk_files(path)
        if has_suffix(file, suffixes)
        and not Path(file).name.startswith("_")
        and (wanted is None or wanted(file))
    ]
    if not files:
        raise SourceError(f"No file below {printable(path)} ends in {', '.join(suffixes)}.")
    return tuple(files)


def _parquet_pieces(
    path: Path, columns: list[str], flags: NDArray[np.bool_] | None, rows: int
) -> Iterator[tuple[int, pa.Table]]:
    # Without pre-buffering, a row group of any size is read page by page.
    with pq.ParquetFile(
        path, buffer_size=_PAGE_BUFFER, pre_buffer=False, page_checksum_verification=True
    ) as parquet:
        leaves = _leaves(parquet, columns)
        first = 0
        for group in range(parquet.num_row_groups):
            size = parquet.metadata.row_group(group).num_rows
            if flags is None or flags[first : first + size].any():
                done = first
                for batch in parquet.iter_batches(rows, [group], columns=leaves):
                    yield done, pa.Table.from_batches([batch]).select(columns)
                    done += batch.num_rows
            first += size


def _arrow_pieces(
    path: Path, columns: list[str], flags: NDArray[np.bool_] | None, rows: int
) -> Iterator[tuple[int, pa.Table]]:
    with pa.memory_map(str(path)) as mapped:
        names = _open_arrow(mapped).schema.names
        mapped.seek(0)
        options = pa.ipc.IpcReadOptions(included_fields=sorted(names.index(c) for c in columns))
        reader = _open_arrow(mapped, options)
        first = 0
        for batch in _record_batches(reader):
            if flags is None or flags[first : first + batch.num_rows].any():
                table = pa.Table.from_batches([batch]).select(columns)
                for start in range(0, batch.num_rows, rows):
                    yield first + start, table.slice(start, rows)
            first += batch.num_rows


def _open_arrow(
    mapped: pa.MemoryMappedFile, options: pa.ipc.IpcReadOptions | None = None
) -> pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader:
    """Open an Arrow file, or a stream, which Hugging Face datasets writes under the same suffix."""
    magic = mapped.read(6)
    mapped.seek(0)
    opened = pa.ipc.open_file if magic == b"ARROW1" else pa.ipc.open_stream
    return opened(mapped, options=options)


def _record_batches(
    reader: pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader,
) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.ipc.RecordBatchStreamReader):
        yield from reader
        return
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)


def _without_extras(schema: pa.Schema) -> pa.Schema:
    """Leave inverse variances and masks out of columns of flux: they are not read."""
    return pa.schema([f.with_type(narrowed(f.type)) if is_flux_type(f.type) else f for f in schema])


def _leaves(parquet: pq.ParquetFile, columns: list[str]) -> list[str]:
    """Name the columns to read, and of a column of flux only the parts that are drawn."""
    schema = parquet.schema_arrow
    parts = {name: flux_fields(schema.field(name).type) for name in columns}
    if not any(parts.values()):
        return columns
    paths = [parquet.schema.column(number).path for number in range(len(parquet.schema))]
    leaves = [name for name in columns if not parts[name]]
    for path in paths:
        name, _, inside = path.partition(".")
        if parts.get(name) and set(inside.split(".")) & set(parts[name]):
            leaves.append(path)
    return leaves


def _conform(table: pa.Table, target: pa.Schema) -> pa.Table:
    columns = [
        _conformed(table[field.name], field.type)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in target
    ]
    return pa.table(columns, schema=target)


def _conformed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind or not pa.types.is_struct(kind):
        return column.cast(kind)
    parts = [
        pa.StructArray.from_arrays(
            [pc.struct_field(chunk, field.name).cast(field.type) for field in kind],
            fields=list(kind),
            mask=chunk.is_null(),
        )
        for chunk in column.chunks
    ]
    return pa.chunked_array(parts, kind)
