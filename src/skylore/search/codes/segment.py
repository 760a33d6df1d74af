"""An immutable part of the codes: those of some fragments of the table, memory-mapped."""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Coded",
    "Part",
    "Segment",
    "lay_out",
    "open_segment",
    "write_segment",
    "written_segment",
]

ARRAYS = ("codes", "rows", "order", "offsets", "runs")

_one_at_a_time = threading.Lock()
"""NumPy reads headers as syntax trees, whose depth CPython counts for all threads together up to
3.12, and gives up with a SystemError where two count at once."""


@dataclass(frozen=True)
class Part:
    """A fragment of the table as it was coded.

    Attributes
    ----------
    fragment, file
        Its number, and the file of the vector column.
    deleted
        How many of its rows were deleted already, and have no code.
    """

    fragment: int
    file: str
    deleted: int = 0

    def covers(self, now: Part) -> bool:
        """Whether every row that the fragment has now had a code then."""
        return (self.fragment, self.file) == (now.fragment, now.file) and (
            self.deleted <= now.deleted
        )


@dataclass(frozen=True)
class Segment:
    """Codes in the order of their lists.

    Attributes
    ----------
    name
        Of its folder.
    parts
        The fragments that it covers.
    codes
        Shape ``(N, C)``.
    rows
        Row ids, shape ``(N,)``.
    order
        Place of the n-th row by ascending row id, shape ``(N,)``.
    offsets
        List ``l`` lies at ``offsets[l]:offsets[l + 1]``.
    runs
        First row id, length, number of rows before, and part of each run of consecutive row ids;
        shape ``(R, 4)``.
    """

    name: str
    parts: tuple[Part, ...]
    codes: NDArray[np.int8]
    rows: NDArray[np.uint64]
    order: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    runs: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest row id."""
        first, last = self.runs[0], self.runs[-1]
        return int(first[0]), int(last[0] + last[1] - 1)

    def places(self, rows: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """Give the places of those of the rows that are here."""
        signed = rows.astype(np.int64)
        run = np.maximum(np.searchsorted(self.runs[:, 0], signed, "right") - 1, 0)
        beyond = signed - self.runs[run, 0]
        here = (beyond >= 0) & (beyond < self.runs[run, 1])
        places: NDArray[np.uint32] = self.order[(self.runs[run, 2] + beyond)[here]]
        return places

    def places_of(self, part: int) -> NDArray[np.uint32]:
        """Give the places of the rows of one fragment."""
        runs = self.runs[self.runs[:, 3] == part]
        if not len(runs):
            return np.empty(0, np.uint32)
        return np.concatenate([self.order[at : at + n] for _, n, at, _ in runs.tolist()])


class Coded(NamedTuple):
    """Rows that were coded: code, list, row id, and number of the fragment of each."""

    codes: NDArray[np.int8]
    lists: NDArray[np.int32]
    rows: NDArray[np.uint64]
    fragments: NDArray[np.int32]


def lay_out(parts: tuple[Part, ...], coded: Coded, count: int) -> Segment:
    """Order codes by list, of which there are ``count``, and by row id within a list."""
    codes, lists, rows, part_of_row = coded
    order = np.lexsort((rows, lists))
    by_row = np.argsort(rows, kind="stable")
    place = np.empty(len(rows), np.uint32)
    place[order] = np.arange(len(rows), dtype=np.uint32)
    sorted_rows, sorted_parts = rows[by_row].astype(np.int64), part_of_row[by_row]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (np.diff(sorted_rows) != 1) | (np.diff(sorted_parts) != 0)
    begin = np.flatnonzero(new)
    runs = np.stack(
        [
            sorted_rows[begin],
            np.diff(np.append(begin, len(rows))),
            begin,
            sorted_parts[begin].astype(np.int64),
        ],
        axis=1,
    )
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(lists, minlength=count), out=offsets[1:])
    return Segment(
        name="", parts=parts, codes=codes[order], rows=rows[order], order=place[by_row],
        offsets=offsets, runs=runs,
    )  # fmt: skip


def write_segment(folder: Path, segment: Segment) -> str:
    """Write a segment below ``folder``, complete or not at all; returns its name."""
    with written_segment(folder, segment.parts) as (unfinished, name):
        for array in ARRAYS:
            with (unfinished / f"{array}.npy").open("wb") as file:
                np.save(file, getattr(segment, array), allow_pickle=False)
    return name


@contextmanager
def written_segment(folder: Path, parts: tuple[Part, ...]) -> Iterator[tuple[Path, str]]:
    """Give an empty folder for the arrays of a segment, and the name it has when they are there."""
    name = uuid.uuid4().hex[:16]
    unfinished = folder / f".{name}.unfinished"
    unfinished.mkdir(parents=True)
    try:
        yield unfinished, name
        with (unfinished / "parts.json").open("w", encoding="utf-8") as text:
            json.dump([[part.fragment, part.file, part.deleted] for part in parts], text)
        for path in unfinished.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        unfinished.rename(folder / name)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def open_segment(folder: Path, name: str) -> Segment:
    """Map a segment; FileNotFoundError if it has gone, ValueError if it is damaged."""
    with _one_at_a_time:
        arrays = {
            array: np.load(folder / name / f"{array}.npy", mmap_mode="r", allow_pickle=False)
            for array in ARRAYS
        }
    text = (folder / name / "parts.json").read_text(encoding="utf-8")
    parts = tuple(Part(*values) for values in json.loads(text))
    segment = Segment(name=name, parts=parts, **{k: v.view(np.ndarray) for k, v in arrays.items()})
    rows = {len(segment.rows), len(segment.order), int(segment.offsets[-1]), len(segment.codes)}
    if len(rows) != 1:
        raise ValueError(f"the parts of the codes in {folder / name} do not fit together")
    return segment
