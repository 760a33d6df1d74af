"""An archive as Parquet files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skylore.archive.staging import ROW

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["BATCH_ROWS", "ROW_GROUP", "batches_of", "write_parquet", "write_rows"]

BATCH_ROWS = 8192
"""Rows in memory at once."""

ROW_GROUP = 65_536

Progress = Callable[[int], object]


def write_parquet(
    archive: Archive, folder: Path, columns: Sequence[str], most: int, progress: Progress
) -> int:
    """Write all rows, in the order of the archive, into files of at most ``most``."""
    scanner = archive.objects.scanner(
        columns=list(columns), batch_size=min(BATCH_ROWS, most), scan_in_order=True
    )
    batches = iter(scanner.to_batches())
    schema = pa.schema([archive.schema.field(name) for name in columns])
    left: list[pa.RecordBatch] = []
    files = 0
    while (head := _take(left, batches)) is not None:
        first = _up_to(head, left, batches, most)
        write_rows(folder / f"part-{files:05d}.parquet", schema, first, progress)
        files += 1
    return files


def _take(left: list[pa.RecordBatch], batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    while batch := left.pop() if left else next(batches, None):
        if batch.num_rows:
            return batch
    return None


def _up_to(
    head: pa.RecordBatch,
    left: list[pa.RecordBatch],
    batches: Iterator[pa.RecordBatch],
    most: int,
) -> Iterator[pa.Table]:
    batch: pa.RecordBatch | None = head
    while batch is not None:
        if batch.num_rows > most:
            left.append(batch.slice(most))
            batch = batch.slice(0, most)
        yield pa.Table.from_batches([batch])
        most -= batch.num_rows
        batch = _take(left, batches) if most else None


def batches_of(archive: Archive, rows: NDArray[Any], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Read rows by their ids ``(N,)``, some at a time, in the order given."""
    for start in range(0, len(rows), BATCH_ROWS):
        ids = pa.array(rows[start : start + BATCH_ROWS])
        yield archive.take(ids, columns).drop_columns([ROW]).select(list(columns))


def write_rows(
    path: Path, schema: pa.Schema, tables: Iterable[pa.Table], progress: Progress
) -> pq.FileMetaData:
    """Write one file, group by group; returns its metadata."""
    found: list[pq.FileMetaData] = []
    with pq.ParquetWriter(path, schema, compression="zstd", metadata_collector=found) as writer:
        kept: list[pa.Table] = []
        for table in tables:
            kept.append(table)
            if sum(part.num_rows for part in kept) >= ROW_GROUP:
                writer.write_table(pa.concat_tables(kept).cast(schema))
                kept = []
            progress(table.num_rows)
        if kept:
            writer.write_table(pa.concat_tables(kept).cast(schema))
    return found[0]
