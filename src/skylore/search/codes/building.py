"""Building codes: in segments, each complete or not at all, so that a killed build goes on."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from skylore.archive.disk import full_disk_said
from skylore.search.codes.calibration import QUERIES, calibrate, near_and_far
from skylore.search.codes.codebook import Codebook
from skylore.search.codes.coding import Coding, Here, code_parts
from skylore.search.codes.costs import measure_costs
from skylore.search.codes.fragments import ArchiveVectors
from skylore.search.codes.grouping import SMALL, grouped, kept_segments
from skylore.search.codes.manifest import BUILDING, FILE, Manifest, folder_of
from skylore.search.codes.merging import groups_to_merge, merge
from skylore.search.codes.options import TRIED, CodeOptions, Forecast, forecast
from skylore.search.codes.segment import Part, Segment, open_segment, write_segment
from skylore.search.codes.source import VectorSource
from skylore.search.codes.training import train_codebook
from skylore.search.codes.view import fit, owners_of

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["build", "build_codes"]


def build_codes(
    archive: Archive,
    column: str,
    options: CodeOptions | None = None,
    *,
    rebuild: bool = False,
    say: Callable[[str], None] | None = None,
    coding: Coding | None = None,
) -> int:
    """Code the rows of a column that have no code yet; returns how many rows were coded.

    Parameters
    ----------
    archive, column
        What to code.
    options, rebuild, say, coding
        As :func:`build` takes them.

    Raises
    ------
    ArchiveBusyError
        Another process is building.
    ArchiveError
        A vector is not finite.
    """
    folder = folder_of(archive.location, column)
    with archive.lock(f"codes-{column}"), full_disk_said(archive.location):
        source = ArchiveVectors(archive, column)
        return build(source, folder, options, rebuild=rebuild, say=say, coding=coding)


def build(
    source: VectorSource,
    folder: Path,
    options: CodeOptions | None = None,
    *,
    rebuild: bool = False,
    say: Callable[[str], None] | None = None,
    coding: Coding | None = None,
) -> int:
    """Code the rows of a source that have no code in a folder yet; returns how many were coded.

    A killed build loses the segment it was in, and goes on from there when run again. Codes that
    are in use stay so until those that replace them are complete. Nobody else may build into the
    folder meanwhile.

    Parameters
    ----------
    source, folder, options
        What to code, where to, and how.
    rebuild
        Learn and code anew.
    say
        Told what it will take before it starts.
    coding
        Where parts are coded; in this process if None.

    Raises
    ------
    ArchiveError
        A vector is not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options, coding = options or CodeOptions(), coding or Here()
    return _Build(source, folder, options, say, coding).run(rebuild=rebuild)


class _Build:
    def __init__(
        self,
        source: VectorSource,
        folder: Path,
        options: CodeOptions,
        say: Callable[[str], None] | None,
        coding: Coding,
    ) -> None:
        self._source, self._folder, self._options = source, folder, options
        self._say, self._coding = say, coding

    def run(self, *, rebuild: bool) -> int:
        place, manifest = FILE, Manifest.load(self._folder)
        if rebuild or manifest is None or not self._fits(manifest):
            place, manifest = BUILDING, Manifest.load(self._folder, BUILDING)
            if manifest is None or not self._fits(manifest, self._options.bytes_a_row):
                manifest = self._begin()
        manifest, coded = self._complete(manifest, place)
        manifest = self._merged(manifest, place)
        if manifest.segments and (manifest.calibration is None or manifest.costs is None):
            manifest = self._measured(manifest)
        manifest.save(self._folder)
        self._clear(manifest)
        return coded

    def _fits(self, manifest: Manifest, length: int | None = None) -> bool:
        """Whether a manifest is for the column's vectors as they are made now, and readable."""
        try:
            book = self._codebook(manifest)
        except (OSError, ValueError, KeyError, TypeError):
            return False
        asked = book.length if length is None else min(length, book.dimension)
        same = manifest.recipe == self._source.recipe
        return same and book.identity == manifest.codebook and book.length == asked

    def _codebook(self, manifest: Manifest) -> Codebook:
        return Codebook.load(self._folder / f"{manifest.codebook}.safetensors")

    def _begin(self) -> Manifest:
        book = train_codebook(self._source, self._options)
        unfinished = self._folder / f".{book.identity}.unfinished"
        book.save(unfinished)
        unfinished.replace(self._folder / f"{book.identity}.safetensors")
        source = self._source
        manifest = Manifest(column=source.name, recipe=source.recipe, codebook=book.identity)
        manifest.save(self._folder, BUILDING)
        return manifest

    def _complete(self, manifest: Manifest, place: str) -> tuple[Manifest, int]:
        """Code what has no code; then leave out the segments that nothing is taken from."""
        parts = self._source.parts()
        segments = self._readable(manifest)
        owners = owners_of(segments, parts)
        kept = kept_segments(segments, owners, self._options)
        earlier, good = set(manifest.segments), {segments[number].name for number in kept}
        left = {part: rows for part, rows in parts.items() if owners.get(part) not in kept}
        coded, new = 0, dict[str, tuple[int, int]]()
        for segment in self._segments(self._codebook(manifest), left):
            name = write_segment(self._folder, segment)
            coded += len(segment)
            new[name] = segment.bounds
            manifest = manifest.model_copy(update={"segments": (*manifest.segments, name)})
            manifest.save(self._folder, place)
        # By row id, since a cluster finishes them in any order, and recall is measured in this one.
        names = (
            *(name for name in manifest.segments if name in earlier and name in good),
            *sorted(new, key=new.__getitem__),
        )
        return manifest.model_copy(update={"segments": names}), coded

    def _merged(self, manifest: Manifest, place: str) -> Manifest:
        """Make large segments of neighbours that nothing has changed since; one by one."""
        segments = self._readable(manifest)
        owners = owners_of(segments, self._source.parts())
        whole = [
            segment
            for number, segment in enumerate(segments)
            if all(owners.get(part) == number for part in segment.parts)
        ]
        for group in groups_to_merge(whole, self._options.segment_rows):
            merged = [whole[number] for number in group]
            name, gone = merge(self._folder, merged), {segment.name for segment in merged}
            left = tuple(name for name in manifest.segments if name not in gone)
            manifest = manifest.model_copy(update={"segments": (*left, name)})
            manifest.save(self._folder, place)
            for replaced in gone:
                shutil.rmtree(self._folder / replaced, ignore_errors=True)
        return manifest

    def _readable(self, manifest: Manifest) -> list[Segment]:
        segments = []
        for name in manifest.segments:
            try:
                segments.append(open_segment(self._folder, name))
            except (OSError, ValueError):
                continue  # gone or damaged: its parts are coded again
        return segments

    def _segments(self, book: Codebook, left: dict[Part, int]) -> Iterator[Segment]:
        total, name = sum(left.values()), self._source.name
        if self._say and total:
            self._say(f"codes of {name}: {self._expected(total, book, left)}")
        hidden = not self._options.progress or total < self._options.segment_rows // SMALL
        with tqdm(
            total=total, desc=f"index {name}", unit="row", disable=hidden, file=sys.stderr
        ) as bar:
            groups = grouped(left, self._options.segment_rows)
            for made in self._coding(self._source, groups, book):
                if isinstance(made, Segment):
                    yield made
                else:
                    bar.update(made)

    def _expected(self, total: int, book: Codebook, left: dict[Part, int]) -> Forecast:
        """Code a few batches to see how long all will take."""
        first = next(iter(left))
        rows, start = 0, time.perf_counter()
        for made in code_parts(self._source, [first], book):
            if isinstance(made, Segment) or rows > TRIED:
                break
            if not rows:
                start = time.perf_counter()
            rows += made
        rate = (time.perf_counter() - start) / rows / self._coding.at_once if rows else None
        return forecast(total, book.dimension, self._options, seconds_a_row=rate)

    def _measured(self, manifest: Manifest) -> Manifest:
        rng = np.random.default_rng(0)
        sample = self._source.sample(4 * QUERIES, seed=1)
        queries = near_and_far(sample, QUERIES, rng)
        book, segments = self._codebook(manifest), self._readable(manifest)
        view = fit(self._source, manifest, book, segments)
        calibration = calibrate(self._source, view, queries, rng)
        manifest = manifest.model_copy(update={"calibration": calibration})
        view = fit(self._source, manifest, book, segments)
        costs = measure_costs(self._source, view, queries)
        return manifest.model_copy(update={"costs": costs})

    def _clear(self, manifest: Manifest) -> None:
        """Remove what the manifest does not name: what was replaced or never finished."""
        named = {*manifest.segments, f"{manifest.codebook}.safetensors", FILE}
        for path in self._folder.iterdir():
            if path.name not in named and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name not in named:
                path.unlink(missing_ok=True)
