"""The codes as they fit one version of their source."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from skylore.search.codes.codebook import Codebook
from skylore.search.codes.coding import code_parts
from skylore.search.codes.fragments import ArchiveVectors
from skylore.search.codes.manifest import Manifest, folder_of
from skylore.search.codes.segment import Part, Segment, open_segment
from skylore.search.codes.source import VectorSource

if TYPE_CHECKING:
    from skylore.archive.reading import Reading
    from skylore.search.row_sets import RowSet

__all__ = ["LiveSegment", "View", "fit", "open_view", "owners_of", "view_of"]

TAIL_ROWS = 262_144
"""So many rows that have no code yet are coded in memory, when first searched."""


@dataclass(frozen=True)
class LiveSegment:
    """A segment, and which of its rows are still as they were coded.

    ``live`` has a flag for each place; None where all are.
    """

    segment: Segment
    live: NDArray[np.bool_] | None = None

    @cached_property
    def count(self) -> int:
        """Number of its live rows."""
        return len(self.segment) if self.live is None else int(np.count_nonzero(self.live))


@dataclass(frozen=True)
class View:
    """All codes that can be trusted at one version of their source.

    Attributes
    ----------
    manifest, codebook
        What they were made with.
    segments
        Those with any live row.
    uncoded
        Rows in parts that no segment covers; more than 0 only where they are too many to be
        coded in memory.
    """

    manifest: Manifest
    codebook: Codebook
    segments: tuple[LiveSegment, ...]
    uncoded: int

    @cached_property
    def rows(self) -> int:
        """Number of the live rows that have codes."""
        return sum(segment.count for segment in self.segments)

    @cached_property
    def passing(self) -> WeakKeyDictionary[RowSet, NDArray[np.float64]]:
        """Members of each list that pass a filter, for the filters that are in use."""
        return WeakKeyDictionary()


def view_of(archive: Reading, column: str) -> View | None:
    """Give the codes of a column for the archive's version; None if it has none that fit."""
    folder = folder_of(archive.location, column)
    stamp = Manifest.stamp(folder)
    if not stamp:
        return None
    return archive.cached_for_version(
        ("codes", column, stamp), lambda: open_view(ArchiveVectors(archive, column), folder)
    )


def open_view(source: VectorSource, folder: Path) -> View | None:
    """Give the codes in a folder as they fit a source now; None if there are none that do."""
    for _ in range(10):
        manifest = Manifest.load(folder)
        if manifest is None or manifest.calibration is None or manifest.recipe != source.recipe:
            return None
        try:
            codebook = Codebook.load(folder / f"{manifest.codebook}.safetensors")
            segments = [open_segment(folder, name) for name in manifest.segments]
        except FileNotFoundError:
            continue  # a build may have replaced them since the manifest was read
        except ValueError:
            return None
        return fit(source, manifest, codebook, segments)
    return None


def fit(
    source: VectorSource, manifest: Manifest, codebook: Codebook, segments: list[Segment]
) -> View:
    """Fit segments to a source as it is now; a part belongs to the last that covers it."""
    parts = source.parts()
    owners = owners_of(segments, parts)
    live = [_live(segment, n, owners, source) for n, segment in enumerate(segments)]
    tail = {part: rows for part, rows in parts.items() if part not in owners}
    uncoded = sum(tail.values())
    if tail and uncoded <= TAIL_ROWS:
        coded = (_in_memory(source, codebook, part) for part in tail)
        live += [LiveSegment(segment) for segment in coded if segment is not None]
        uncoded = 0
    return View(manifest, codebook, tuple(s for s in live if s.count), uncoded)


def owners_of(segments: Sequence[Segment], fragments: Iterable[Part]) -> dict[Part, int]:
    """Give the number of the segment that each fragment, as it is now, takes its codes from."""
    covering: dict[int, list[tuple[int, Part]]] = {}
    for number, segment in enumerate(segments):
        for part in segment.parts:
            covering.setdefault(part.fragment, []).append((number, part))
    owners = {}
    for now in fragments:
        fitting = [n for n, then in covering.get(now.fragment, ()) if then.covers(now)]
        if fitting:
            owners[now] = fitting[-1]
    return owners


def _live(
    segment: Segment, number: int, owners: dict[Part, int], source: VectorSource
) -> LiveSegment:
    mine = {part.fragment: part for part, owner in owners.items() if owner == number}
    whole = True
    live = np.ones(len(segment), np.bool_)
    for place, then in enumerate(segment.parts):
        now = mine.get(then.fragment)
        if now is not None and now.deleted == then.deleted:
            continue
        whole = False
        live[segment.places_of(place)] = False
        if now is not None:
            live[segment.places(source.live(now))] = True
    return LiveSegment(segment, None if whole else live)


def _in_memory(source: VectorSource, codebook: Codebook, part: Part) -> Segment | None:
    key = (source.origin, source.name, codebook.identity, part)
    with _lock:
        if key in _tails:
            _tails.move_to_end(key)
            return _tails[key]
    segment = None
    for made in code_parts(source, [part], codebook):
        segment = replace(made, name="memory") if isinstance(made, Segment) else None
    with _lock:
        _tails[key] = segment
        while sum(len(s) for s in _tails.values() if s is not None) > 4 * TAIL_ROWS:
            _tails.popitem(last=False)
    return segment


_lock = threading.Lock()
_tails: OrderedDict[tuple[str, str, str, Part], Segment | None] = OrderedDict()
"""What was coded in memory lately, for all versions of all sources in this process."""
