"""Rows that satisfy a predicate, and the copies of columns by which they are found fast."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from skylore.archive.staging import ROW
from skylore.search.masks.layout import FOLDER, Layout, columns_to_copy
from skylore.search.masks.store import Copy, copies_of, copy_column
from skylore.search.masks.translate import translate
from skylore.search.masks.tree import Predicate, columns_of

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["MasksBuilt", "build_masks", "look_for_masks", "masks_missing", "rows_matching"]

CACHE_BYTES = 256 << 20
VERSIONS = 4
"""Of an archive, that are read by turns at most."""
_THREADS = 4
_FRAGMENTS_A_TASK = 16


@dataclass(frozen=True)
class MasksBuilt:
    """What was copied: columns of fragments, their bytes, and stale files that were deleted."""

    copies: int
    size: int
    dropped: int

    def __str__(self) -> str:
        """Say it in a line."""
        return f"filters: {self.copies} columns of fragments copied, {self.size / 1e6:.1f} MB"


def masks_missing(archive: Archive) -> int:
    """Count the columns of fragments that have no copy yet; 0 where the archive is not local."""
    if not archive.location.is_local:
        return 0
    folder = archive.location.folder / FOLDER
    keys = copies_of(archive.objects, columns_to_copy(archive))
    return sum(bool(key.file) and not (folder / key.file).exists() for key in keys)


def build_masks(
    archive: Archive, progress: Callable[[int, int], None] | None = None
) -> MasksBuilt | None:
    """Copy the numbers and booleans of an archive into files that filters scan.

    What is there already stays, so that it can be killed and run again; it holds one column of one
    fragment in memory. A filter reads the copies where there are some and the table elsewhere, and
    answers the same.

    Parameters
    ----------
    archive
        The archive.
    progress
        Told after each copy how many are done, of how many.

    Returns
    -------
    MasksBuilt or None
        None for an archive in an object store, whose columns cannot be mapped into memory.
    """
    if not archive.location.is_local:
        return None
    folder = archive.location.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with archive.lock("masks"):
        keys = [k for k in copies_of(archive.objects, columns_to_copy(archive)) if k.file]
        there = {file.name for file in folder.iterdir()}
        missing = [key for key in keys if key.file not in there]
        size = 0
        for done, key in enumerate(missing, start=1):
            size += copy_column(archive.objects, key, folder)
            if progress is not None:
                progress(done, len(missing))
        stale = there - {key.file for key in keys}
        for name in stale:
            (folder / name).unlink(missing_ok=True)
    archive.cached("masks", _Kept).forget()
    return MasksBuilt(len(missing), size, len(stale))


def look_for_masks(archive: Archive) -> None:
    """Look which copies there are, so that the first filter need not."""
    archive.cached("masks", _Kept).layout(archive)


def rows_matching(archive: Archive, where: str) -> NDArray[np.uint64]:
    """Find the rows that satisfy a predicate.

    Parameters
    ----------
    archive
        The archive, at a version.
    where
        SQL as :func:`skylore.search.filters.predicate_for` writes it, trusted.

    Returns
    -------
    NDArray of uint64
        Stable row ids of live rows, ascending; not to be written to. They are those that Lance
        finds: copies of columns only make it faster.

    Raises
    ------
    ValueError, OSError
        The engine does not take the predicate.
    """
    return archive.cached("masks", _Kept).rows(archive, where)


class _Kept:
    """Answers of late, and the layouts of the last versions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[int, str], NDArray[np.uint64]] = OrderedDict()
        self._bytes = 0
        self._layouts: OrderedDict[int, Layout] = OrderedDict()
        self._opened: WeakValueDictionary[str, Copy] = WeakValueDictionary()

    def forget(self) -> None:
        """Look again for copies."""
        with self._lock:
            self._layouts.clear()

    def rows(self, archive: Archive, where: str) -> NDArray[np.uint64]:
        """Answer, or give the answer of before."""
        key = (archive.version, where)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        found = _find(archive, where, self.layout(archive))
        found.flags.writeable = False
        most = archive.cache_share(CACHE_BYTES)
        with self._lock:
            if key not in self._answers and found.nbytes <= most:
                self._answers[key] = found
                self._bytes += found.nbytes
            while self._bytes > most:
                self._bytes -= self._answers.popitem(last=False)[1].nbytes
        return found

    def layout(self, archive: Archive) -> Layout | None:
        """Give the copies of the archive's version; None where there can be none."""
        if not archive.location.is_local:
            return None
        with self._lock:
            if archive.version not in self._layouts:
                self._layouts[archive.version] = Layout(archive, self._opened)
            self._layouts.move_to_end(archive.version)
            found = self._layouts[archive.version]
            while len(self._layouts) > VERSIONS:
                self._layouts.popitem(last=False)
            return found


def _find(archive: Archive, where: str, layout: Layout | None) -> NDArray[np.uint64]:
    node = translate(where, layout.types) if layout else None
    if layout is None or node is None:
        return _by_engine(archive, where, None)
    covered, others = layout.covered(columns_of(node))
    if not covered:
        return _by_engine(archive, where, None)
    try:
        parts = _by_copies(layout, node, covered)
    except FileNotFoundError:
        return _by_engine(archive, where, None)
    if others:
        parts.append(_by_engine(archive, where, others))
    return _sorted(parts)


def _by_copies(layout: Layout, node: Predicate, covered: list[int]) -> list[NDArray[np.uint64]]:
    size = _FRAGMENTS_A_TASK
    tasks = [covered[at : at + size] for at in range(0, len(covered), size)]
    if len(tasks) == 1:
        return layout.matching(node, covered)
    with ThreadPoolExecutor(min(_THREADS, len(tasks))) as pool:
        found = pool.map(lambda fragments: layout.matching(node, fragments), tasks)
        return [part for parts in found for part in parts]


def _by_engine(archive: Archive, where: str, fragments: Sequence[int] | None) -> NDArray[np.uint64]:
    objects = archive.objects
    chosen = None if fragments is None else [objects.get_fragment(n) for n in fragments]
    scanner = objects.scanner(columns=[], filter=where, fragments=chosen, with_row_id=True)
    return _sorted([scanner.to_table()[ROW].to_numpy()])


def _sorted(parts: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    rows = np.concatenate(parts) if parts else np.empty(0, np.uint64)
    if len(rows) > 1 and not np.all(rows[1:] > rows[:-1]):
        rows = np.sort(rows)
    return rows.astype(np.uint64, copy=False)
