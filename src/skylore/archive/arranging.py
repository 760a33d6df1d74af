"""Rewriting an archive in the order of the sky, so that a region is read from few files."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lance
import numpy as np
import pyarrow as pa
from lance.commit import CommitConflictError
from lance.fragment import RowIdSequence, write_fragments
from numpy.typing import NDArray
from tqdm import tqdm

from skylore.archive.arranging_journal import Journal
from skylore.archive.conflicts import is_conflict
from skylore.archive.disk import full_disk_said
from skylore.archive.info import bytes_in_words
from skylore.archive.schema import PIXEL
from skylore.archive.sky_order import sky_order
from skylore.archive.writing import ROWS_A_FILE
from skylore.errors import ArchiveBusyError, ArchiveError

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["ArrangeReport", "Forecast", "arrange", "forecast"]

LARGEST_BATCH = 8192
COPIES = 4
"""Batches in memory at once: read, decoded, encoded, written."""
SORTING = 32
"""Bytes a row of the archive while cells are sorted."""
PROCESS = 300 << 20
"""Of Python and the engine."""


@dataclass(frozen=True)
class ArrangeReport:
    """What arranging did.

    Attributes
    ----------
    rows, files
        Rows that were written anew, and files of them; none if they were in order.
    seconds
        Duration.
    """

    rows: int
    files: int
    seconds: float

    def __str__(self) -> str:
        """Say it in one line."""
        if not self.files:
            return "arrange: the rows are in the order of the sky already"
        return f"arrange: {self.rows} rows in {self.files} files ({self.seconds:.1f} s)"


@dataclass(frozen=True)
class Forecast:
    """What arranging takes, in bytes: the most memory, and disk beside what is there."""

    rows: int
    memory: int
    disk: int

    def __str__(self) -> str:
        """Say it in one line."""
        memory, disk = bytes_in_words(self.memory), bytes_in_words(self.disk)
        return f"arrange: {self.rows} rows take {memory} of memory, and {disk} of disk once more"

    def refuse_if_too_large(self, archive: Archive, finished: int, files: int) -> None:
        """Raise ArchiveError where the disk has no room for the files that are not there yet."""
        if not archive.location.is_local or not files:
            return
        left = self.disk * (files - finished) // files
        free = shutil.disk_usage(archive.location.folder).free
        if left > free:
            raise ArchiveError(
                f"{archive} needs {bytes_in_words(left)} of disk to be arranged, and "
                f"{bytes_in_words(free)} are free; free some, or remove old versions by `skylore "
                "compact --keep-versions 1`"
            )


def forecast(archive: Archive, memory: int = 1 << 30) -> Forecast:
    """Say what arranging takes, from the sizes of the files."""
    rows = len(archive)
    return Forecast(rows, PROCESS + memory + SORTING * rows, _stored(archive.objects))


def arrange(
    archive: Archive,
    *,
    memory: int = 1 << 30,
    progress: bool = False,
    rows_a_file: int = ROWS_A_FILE,
    say: Callable[[str], None] | None = None,
) -> ArrangeReport:
    """Write all rows anew, by HEALPix cell; those without a position come last.

    Row ids, columns, their metadata and earlier versions stay. All is written beside what is there
    and counts from one commit on. A process that is killed before leaves the archive as it was; the
    next one goes on with the files that were finished, if nobody wrote to the archive meanwhile.
    Until the disk is freed of earlier versions, it takes the space of the rows once more. Indexes
    must be built anew.

    Parameters
    ----------
    archive
        The archive.
    memory
        Bytes for the rows under way; besides, it takes 32 bytes a row of the archive.
    progress
        Whether to draw a bar.
    rows_a_file
        At most.
    say
        Told before it begins what it will take.

    Raises
    ------
    ArchiveError
        The disk has no room for it.
    ArchiveBusyError
        Another process arranges or compacts the archive, or changed rows meanwhile.
    """
    started = time.monotonic()
    with archive.lock("compact"), full_disk_said(archive.location):
        archive.refresh()
        if _in_order(archive):
            return ArrangeReport(0, 0, time.monotonic() - started)
        will = forecast(archive, memory)
        if say is not None:
            say(str(will))
        _, rows = sky_order(archive)
        batch = _batch_rows(archive.objects, len(rows), memory)
        journal = Journal(archive)
        parts = [rows[at : at + rows_a_file] for at in range(0, len(rows), rows_a_file)]
        with tqdm(
            desc="arrange", unit="row", total=len(rows), disable=not progress, file=sys.stderr
        ) as bar:
            found = [journal.find(part) for part in parts]
            will.refuse_if_too_large(archive, sum(each is not None for each in found), len(parts))
            written = []
            for part, finished in zip(parts, found, strict=True):
                written.append(finished or _write(archive.objects, part, batch))
                if finished is None:
                    journal.keep(part, written[-1])
                bar.update(len(part))
        for fragment, part in zip(written, parts, strict=True):
            fragment.row_id_meta = RowIdSequence(pa.array(part)).to_inline_metadata()
        _commit(archive, written)
        journal.clear()
    archive.refresh()
    return ArrangeReport(len(rows), len(written), time.monotonic() - started)


def _in_order(archive: Archive) -> bool:
    last = -1
    scanner = archive.objects.scanner(columns=[PIXEL], scan_in_order=True)
    for batch in scanner.to_batches():
        cells = batch.column(PIXEL).fill_null(np.iinfo(np.int64).max).to_numpy()
        if len(cells) and (cells[0] < last or np.any(cells[1:] < cells[:-1])):
            return False
        last = int(cells[-1]) if len(cells) else last
    return True


def _batch_rows(objects: lance.LanceDataset, rows: int, memory: int) -> int:
    row = max(1, _stored(objects) / max(1, rows))
    return int(np.clip(memory / COPIES / row, 1, LARGEST_BATCH))


def _stored(objects: lance.LanceDataset) -> int:
    files = (file for fragment in objects.get_fragments() for file in fragment.metadata.files)
    return sum(file.file_size_bytes or 0 for file in files)


def _write(
    objects: lance.LanceDataset, rows: NDArray[np.uint64], batch: int
) -> lance.fragment.FragmentMetadata:
    """Write rows into one new file; nothing refers to it yet."""
    reader = pa.RecordBatchReader.from_batches(objects.schema, _batches(objects, rows, batch))
    (fragment,) = write_fragments(
        reader,
        objects,
        mode="append",
        max_rows_per_file=len(rows),
        data_storage_version=objects.data_storage_version,
        enable_stable_row_ids=True,
        storage_options=objects.latest_storage_options(),
    )
    return fragment


def _batches(
    objects: lance.LanceDataset, rows: NDArray[np.uint64], batch: int
) -> Iterator[pa.RecordBatch]:
    names = objects.schema.names
    for start in range(0, len(rows), batch):
        part = pa.array(rows[start : start + batch])
        table = objects._take_rows(part, columns=names)  # noqa: SLF001 - the only read by stable row id that Lance offers
        yield from table.cast(objects.schema).to_batches()


def _commit(archive: Archive, written: list[lance.fragment.FragmentMetadata]) -> None:
    objects = archive.objects
    operation = lance.LanceOperation.Update(
        removed_fragment_ids=[fragment.fragment_id for fragment in objects.get_fragments()],
        new_fragments=written,
        update_mode="rewrite_rows",
    )
    try:
        lance.LanceDataset.commit(
            objects.uri,
            operation,
            read_version=objects.version,
            storage_options=objects.latest_storage_options(),
        )
    except (CommitConflictError, OSError) as error:
        if not is_conflict(error):
            raise
        raise ArchiveBusyError(
            f"rows of {archive} were changed while they were arranged, and nothing was done; "
            "stop the other process, and run it again"
        ) from error
