"""Making large segments of many, so that what a wave of lists costs does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from skylore.search.codes.segment import Segment, written_segment

__all__ = ["groups_to_merge", "merge"]

FEWEST = 4
"""Fewer neighbours are left as they are."""
LARGEST = 16
"""Merged segments have at most so many times the usual number of rows."""
BLOCK = 1 << 19
"""Rows that are put into order at a time."""


def groups_to_merge(segments: Sequence[Segment], usual: int) -> list[list[int]]:
    """Choose neighbours by row id whose rows do not interleave; gives their numbers.

    Parameters
    ----------
    segments
        All of whose rows are as they were coded.
    usual
        Rows of a segment as it is built.
    """
    groups: list[list[int]] = []
    held, end = 0, -1
    for number in sorted(range(len(segments)), key=lambda n: segments[n].bounds):
        first, last = segments[number].bounds
        small = len(segments[number]) * 2 < LARGEST * usual
        fits = groups and first > end and held + len(segments[number]) <= LARGEST * usual
        if not small or not fits:
            groups.append([])
            held = 0
        groups[-1].append(number)
        held += len(segments[number])
        end = last if small else 1 << 63
    return [group for group in groups if len(group) >= FEWEST]


def merge(folder: Path, segments: Sequence[Segment]) -> str:
    """Write one segment with the codes of several, whose row ids ascend; returns its name."""
    parts = tuple(part for segment in segments for part in segment.parts)
    with written_segment(folder, parts) as (unfinished, name):
        _fill(unfinished, segments)
    return name


def _fill(folder: Path, segments: Sequence[Segment]) -> None:
    rows = sum(map(len, segments))
    offsets = np.sum([segment.offsets for segment in segments], axis=0)

    def made(array: str, kind: type, *shape: int) -> np.memmap:
        file: np.memmap = open_memmap(folder / f"{array}.npy", "w+", kind, (rows, *shape))
        return file

    codes, ids = made("codes", np.int8, segments[0].codes.shape[1]), made("rows", np.uint64)
    places = [np.empty(len(segment), np.uint32) for segment in segments]
    for first, last in _ranges(offsets):
        spans = [slice(int(s.offsets[first]), int(s.offsets[last])) for s in segments]
        lists = np.concatenate([_lists(s, first, last) for s in segments])
        # Stable, so that within a list rows stay in the order of the segments: of their ids.
        order = np.argsort(lists, kind="stable")
        whole = slice(int(offsets[first]), int(offsets[last]))
        codes[whole] = np.concatenate([s.codes[at] for s, at in zip(segments, spans, strict=True)])[
            order
        ]
        ids[whole] = np.concatenate([s.rows[at] for s, at in zip(segments, spans, strict=True)])[
            order
        ]
        new = np.empty(len(order), np.uint32)
        new[order] = np.arange(whole.start, whole.stop, dtype=np.uint32)
        ends = np.cumsum([at.stop - at.start for at in spans])
        for place, at, end in zip(places, spans, ends.tolist(), strict=True):
            place[at] = new[end - (at.stop - at.start) : end]
    ordered = made("order", np.uint32)
    runs, before, parts = [], 0, 0
    for segment, place in zip(segments, places, strict=True):
        ordered[before : before + len(segment)] = place[segment.order]
        runs.append(segment.runs + np.array([0, 0, before, parts]))
        before, parts = before + len(segment), parts + len(segment.parts)
    for file in (codes, ids, ordered):
        file.flush()
    np.save(folder / "offsets.npy", offsets, allow_pickle=False)
    np.save(folder / "runs.npy", np.concatenate(runs), allow_pickle=False)


def _lists(segment: Segment, first: int, last: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(first, last), np.diff(segment.offsets[first : last + 1]))


def _ranges(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Give ranges of lists with about as many rows as are put into order at a time."""
    first, count = 0, len(offsets) - 1
    while first < count:
        last = int(np.searchsorted(offsets, offsets[first] + BLOCK, "right")) - 1
        last = min(max(last, first + 1), count)
        yield first, last
        first = last
