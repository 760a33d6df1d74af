"""The copies that belong to one version of an archive."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.staging import ROW
from skylore.search.masks.evaluate import Bits, truth_of
from skylore.search.masks.store import BLOCK, Copy, Key, bits, copies_of, open_copy, readable
from skylore.search.masks.tree import Predicate
from skylore.search.masks.zones import possible, runs

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["FOLDER", "Layout", "columns_to_copy"]

FOLDER = "indexes/masks"


def columns_to_copy(archive: Archive) -> list[str]:
    """Name the columns that can be copied."""
    return [field.name for field in archive.schema if readable(field.type)]


class Layout:
    """The copies of a version: which there are, opened when first asked for.

    Parameters
    ----------
    archive
        A local archive, at one version.
    opened
        Copies that other versions have opened, by file: most are the same.
    """

    def __init__(self, archive: Archive, opened: WeakValueDictionary[str, Copy]) -> None:
        self._opened = opened
        self._folder = archive.location.folder / FOLDER
        self.types: dict[str, pa.DataType] = {
            name: archive.schema.field(name).type for name in columns_to_copy(archive)
        } | {ROW: pa.uint64()}
        there = {file.name for file in self._folder.iterdir()} if self._folder.is_dir() else set()
        self._keys: dict[int, dict[str, Key]] = {}
        for key in copies_of(archive.objects, columns_to_copy(archive)):
            # A fragment without any copy has its place, too: the engine answers for it.
            known = self._keys.setdefault(key.fragment, {})
            if not key.file or key.file in there:
                known[key.column] = key
        self._copies: dict[tuple[int, str], Copy] = {}
        self._zones: dict[tuple[str, tuple[int, ...]], NDArray[Any]] = {}
        self._lock = threading.Lock()

    def covered(self, columns: frozenset[str]) -> tuple[list[int], list[int]]:
        """Give the fragments whose columns all have copies, and the others."""
        wanted = columns | {ROW}
        known = [n for n, keys in self._keys.items() if wanted <= keys.keys()]
        covered = set(known)
        return known, [n for n in self._keys if n not in covered]

    def matching(self, node: Predicate, fragments: Sequence[int]) -> list[NDArray[np.uint64]]:
        """Give the ids of the live rows of fragments that satisfy a predicate.

        Raises
        ------
        FileNotFoundError
            A copy was replaced meanwhile.
        """
        counts = [-(-max(self._rows(n), 1) // BLOCK) for n in fragments]
        wanted = possible(node, lambda name: self._all_zones(name, tuple(fragments)), sum(counts))
        ends = np.cumsum(counts)
        found = []
        for number, count, end in zip(fragments, counts, ends.tolist(), strict=True):
            for first, last in runs(wanted[end - count : end]):
                rows = _Rows(self, number, first * BLOCK, min(last * BLOCK, self._rows(number)))
                found.append(_live(rows, truth_of(node, rows).certain))
        return found

    def copy(self, fragment: int, column: str) -> Copy:
        """Open a copy, once."""
        place = (fragment, column)
        if place not in self._copies:
            key = self._keys[fragment][column]
            copy = self._opened.get(key.file) or open_copy(self._folder, key, self.types[column])
            if key.file:
                self._opened[key.file] = copy
            self._copies[place] = copy
        return self._copies[place]

    def _rows(self, fragment: int) -> int:
        return self._keys[fragment][ROW].rows

    def _all_zones(self, column: str, fragments: tuple[int, ...]) -> NDArray[Any]:
        with self._lock:
            if (column, fragments) not in self._zones:
                zones = [self.copy(number, column).zones for number in fragments]
                self._zones[column, fragments] = np.concatenate(zones, axis=1)
            return self._zones[column, fragments]


@dataclass(frozen=True)
class _Rows:
    """A run of rows of a fragment, or some of them."""

    layout: Layout
    fragment: int
    start: int
    end: int
    places: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return self.end - self.start if self.places is None else len(self.places)

    def column(self, name: str) -> tuple[NDArray[Any], Bits | None]:
        copy = self.layout.copy(self.fragment, name)
        values = copy.values[self.start : self.end]
        known = None if copy.known is None else bits(copy.known, self.start, self.end)
        if self.places is not None:
            values, known = values[self.places], None if known is None else known[self.places]
        return values, known

    def take(self, places: NDArray[np.intp]) -> _Rows:
        whole = places if self.places is None else self.places[places]
        return _Rows(self.layout, self.fragment, self.start, self.end, whole)


def _live(rows: _Rows, chosen: Bits) -> NDArray[np.uint64]:
    ids, known = rows.column(ROW)
    found: NDArray[np.uint64] = ids[chosen if known is None else chosen & known]
    return found
