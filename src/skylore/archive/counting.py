"""How many rows have a value, told by what the files say of themselves wherever they do."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import lance
import numpy as np
from lance.file import LanceFileSession, LancePageMetadata

__all__ = ["Counts"]

_THREADS = 8
_MOST_FILES = 1 << 16
_LAYER = re.compile(r"Repdef\w+")
_WITHOUT_NULLS = {"RepdefAllValidItem", "RepdefAllValidList", "RepdefEmptyableList"}
"""How the format names the layers of a page that can hold no null."""
_ADDRESS = "_rowaddr"
_FRAGMENT_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class _Part:
    """A column of a fragment, as it is in one version: equal parts have equal counts.

    ``leaf`` is the place of the column in its file.
    """

    fragment: int
    file: str
    deletions: str
    overlays: str
    leaf: int


class Counts:
    """Values in columns, counted fragment by fragment and remembered for all versions.

    A file says of each of its pages whether nulls can be in it. Where none can, or where the column
    is in no file, no value is read: to count images or vectors by reading them takes minutes. What
    was counted by reading is counted again only in fragments that have changed.

    Parameters
    ----------
    uri, storage_options
        Of the table.
    """

    def __init__(self, uri: str, storage_options: dict[str, str] | None = None) -> None:
        self._place = (f"{uri}/data", storage_options)
        self._known: dict[str, dict[_Part, int]] = {}
        self._full: dict[str, frozenset[int]] = {}
        self._lock = threading.Lock()

    def filled(self, objects: lance.LanceDataset, column: str) -> int:
        """Count the live rows of a version that have a value in a column."""
        fragments = {f.fragment_id: f for f in objects.get_fragments()}
        parts = dict(_parts(objects, column, fragments))
        with self._lock:
            known = self._known.get(column, {})
            found = {part: known[part] for part in parts.values() if part in known}
        missing = [part for part in parts.values() if part not in found]
        if missing:
            found |= self._counted(objects, column, missing, fragments)
            with self._lock:
                self._known[column] = found
        return sum(found.values())

    def _counted(
        self,
        objects: lance.LanceDataset,
        column: str,
        missing: list[_Part],
        fragments: dict[int, lance.LanceFragment],
    ) -> dict[_Part, int]:
        self._look_into({part.file for part in missing})
        full = {p for p in missing if p.leaf in self._full[p.file] and not p.overlays}
        rest = [fragments[part.fragment] for part in missing if part not in full]
        read = _read(objects, column, rest)
        return {
            p: fragments[p.fragment].count_rows() if p in full else read[p.fragment]
            for p in missing
        }

    def _look_into(self, names: set[str]) -> None:
        """Learn which columns of files have no nulls; files never change."""
        if len(self._full) > _MOST_FILES:
            self._full.clear()
        new = sorted(names - self._full.keys())
        if not new:
            return
        files = LanceFileSession(self._place[0], storage_options=self._place[1])
        with ThreadPoolExecutor(min(_THREADS, len(new))) as pool:
            found = list(pool.map(lambda name: _full_columns(files, name), new))
        with self._lock:
            self._full.update(zip(new, found, strict=True))


def _parts(
    objects: lance.LanceDataset, column: str, fragments: dict[int, lance.LanceFragment]
) -> Iterator[tuple[int, _Part]]:
    """Give the parts of a column by fragment, without those that hold nothing."""
    field = next(f for f in objects.lance_schema.fields() if f.name() == column)
    while field.children():
        field = field.children()[0]
    leaf = field.id()
    for number, fragment in fragments.items():
        made = fragment.metadata
        deleted = str(made.deletion_file.path(number)) if made.deletion_file else ""
        overlays = repr(made.overlays) if made.overlays else ""
        for file in made.files:
            if leaf in file.fields:
                place = file.column_indices[file.fields.index(leaf)]
                yield number, _Part(number, file.path, deleted, overlays, place)


def _full_columns(files: LanceFileSession, name: str) -> frozenset[int]:
    """Give the columns of which a file says that no row lacks a value."""
    try:
        columns = files.open_reader(name).metadata().columns
    except (OSError, ValueError):
        return frozenset()
    return frozenset(
        place
        for place, column in enumerate(columns)
        if column.pages and all(map(_is_full, column.pages))
    )


def _is_full(page: LancePageMetadata) -> bool:
    layers = set(_LAYER.findall(page.encoding))
    return bool(layers) and layers <= _WITHOUT_NULLS


def _read(
    objects: lance.LanceDataset, column: str, fragments: list[lance.LanceFragment]
) -> Counter[int]:
    """Count by reading, in one scan."""
    counts: Counter[int] = Counter()
    if not fragments:
        return counts
    scanner = objects.scanner(
        columns=[], filter=f"`{column}` IS NOT NULL", fragments=fragments, with_row_address=True
    )
    for batch in scanner.to_batches():
        numbers = batch.column(_ADDRESS).to_numpy() >> _FRAGMENT_SHIFT
        found, times = np.unique(numbers, return_counts=True)
        counts.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
    return counts
