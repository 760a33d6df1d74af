"""Joining small files, leaving out deleted rows, and freeing the space of old versions."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from lance.commit import CommitConflictError
from lance.optimize import Compaction, CompactionOptions
from tqdm import tqdm

from skylore.archive.conflicts import is_conflict
from skylore.archive.disk import full_disk_said
from skylore.archive.info import bytes_in_words, bytes_on_disk
from skylore.archive.writing import ROWS_A_FILE, Writing
from skylore.errors import ArchiveBusyError

if TYPE_CHECKING:
    import lance

__all__ = ["CompactReport", "compact"]

ROUNDS = 30
"""Plans made anew, because others wrote to files that were being joined."""
FAILURES = "failures"
LARGEST_BATCH = 8192
COPIES = 4
"""Batches in memory at once: read ahead, decoded, encoded, written."""


@dataclass(frozen=True)
class CompactReport:
    """What a compaction did.

    Attributes
    ----------
    files_before, files_after
        Files of rows, fragments in the language of the format.
    bytes_before, bytes_after
        Size on disk of all versions; None on an object store.
    versions_removed
        Earlier versions that can no longer be opened.
    seconds
        Duration.
    """

    files_before: int
    files_after: int
    bytes_before: int | None
    bytes_after: int | None
    versions_removed: int
    seconds: float

    def __str__(self) -> str:
        """Say it in one line."""
        parts = [f"compact: {self.files_before} files became {self.files_after}"]
        if self.versions_removed:
            parts.append(f"{self.versions_removed} old versions removed")
        if self.bytes_before is not None and self.bytes_after is not None:
            before, after = (bytes_in_words(n) for n in (self.bytes_before, self.bytes_after))
            parts.append(f"{before} on disk became {after}")
        return ", ".join(parts) + f" ({self.seconds:.1f} s)"


def compact(
    archive: Writing,
    *,
    keep_versions: int | None = None,
    older_than: timedelta | None = None,
    memory: int = 1 << 30,
    progress: bool = False,
) -> CompactReport:
    """Join small files, and remove old versions if so asked; see :meth:`Archive.compact`."""
    started, size = time.monotonic(), bytes_on_disk(archive)
    archive.refresh()
    files = len(archive.objects.get_fragments())
    with archive.lock("compact"), full_disk_said(archive.location):
        _join(archive, _batch_rows(archive, memory), progress=progress)
        removed = 0
        if keep_versions is not None or older_than is not None:
            removed = _remove_versions(archive.objects, keep_versions, older_than)
            _tidy_failures(archive, keep_versions, older_than)
    archive.refresh()
    return CompactReport(
        files_before=files,
        files_after=len(archive.objects.get_fragments()),
        bytes_before=size,
        bytes_after=bytes_on_disk(archive),
        versions_removed=removed,
        seconds=time.monotonic() - started,
    )


def _batch_rows(archive: Writing, memory: int) -> int:
    """Give the rows that may be read at once, from what rows of this archive take."""
    rows = max(1, len(archive))
    files = (f for fragment in archive.objects.get_fragments() for f in fragment.metadata.files)
    stored = sum(file.file_size_bytes or 0 for file in files)
    return int(np.clip(memory / COPIES / max(1, stored / rows), 1, LARGEST_BATCH))


def _join(archive: Writing, batch_rows: int, *, progress: bool) -> None:
    """Join files group by group, each group in a commit of its own."""
    options = CompactionOptions(
        target_rows_per_fragment=ROWS_A_FILE, batch_size=batch_rows, num_threads=1
    )
    with tqdm(desc="compact", unit="group", disable=not progress, file=sys.stderr) as bar:
        for _ in range(ROUNDS):
            if _round(archive, options, bar):
                return
    raise ArchiveBusyError(
        f"other processes wrote to the files being joined at each of {ROUNDS} tries; run it again"
    )


def _round(archive: Writing, options: CompactionOptions, bar: tqdm[Any]) -> bool:
    """Do what the latest version needs; False if another writer came between."""
    archive.refresh()
    tasks = Compaction.plan(archive.objects, options).tasks
    bar.total = bar.n + len(tasks)
    bar.refresh()
    for task in tasks:
        result = task.execute(archive.objects)
        try:
            Compaction.commit(archive.objects, [result], options)
        except (CommitConflictError, OSError) as error:
            if not is_conflict(error):
                raise
            return False
        archive.refresh()
        bar.update()
    return True


def _remove_versions(
    table: lance.LanceDataset, keep: int | None, older_than: timedelta | None
) -> int:
    stats = table.cleanup_old_versions(
        older_than, retain_versions=keep, error_if_tagged_old_versions=False
    )
    return int(stats.old_versions)


def _tidy_failures(archive: Writing, keep: int | None, older_than: timedelta | None) -> None:
    if archive.location.has_table(FAILURES):
        table = archive.location.open_table(FAILURES)
        table.optimize.compact_files()
        _remove_versions(table, keep, older_than)
