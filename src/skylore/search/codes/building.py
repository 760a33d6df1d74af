"""Building codes: in segments, each complete or not at all, so that a killed build goes on."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from skylore.search.codes.calibration import QUERIES, calibrate, measure_costs, near_queries
from skylore.search.codes.codebook import Codebook, unit_rows
from skylore.search.codes.fragments import code_parts, fragments_of, recipe_of, to_vectors
from skylore.search.codes.manifest import BUILDING, FILE, Manifest, folder_of
from skylore.search.codes.options import CodeOptions, Forecast, forecast
from skylore.search.codes.segment import Part, Segment, open_segment, write_segment
from skylore.search.codes.view import fit, owners_of

if TYPE_CHECKING:
    from lance import LanceFragment

    from skylore.archive.table import Archive

__all__ = ["build_codes", "sample_of"]

MERGED = 8
"""So many small segments are made into one."""
SMALL = 8
"""Segments of an eighth of the usual rows, or less, are small."""
LEAST_LIVE = 0.75

Fragments = dict[Part, "LanceFragment"]


def build_codes(
    archive: Archive,
    column: str,
    options: CodeOptions | None = None,
    *,
    rebuild: bool = False,
    say: Callable[[str], None] | None = None,
) -> int:
    """Code the rows of a column that have no code yet; returns how many rows were coded.

    A killed build loses the segment it was in, and goes on from there when run again.

    Parameters
    ----------
    archive, column, options
        What to code, and how.
    rebuild
        Learn and code anew.
    say
        Told what it will take before it starts.

    Raises
    ------
    ArchiveBusyError
        Another process is building.
    ArchiveError
        A vector is not finite.
    """
    options = options or CodeOptions()
    folder = folder_of(archive.location, column)
    folder.mkdir(parents=True, exist_ok=True)
    with archive.lock(f"codes-{column}"):
        place, manifest = FILE, Manifest.load(folder)
        if rebuild or manifest is None or not _usable(archive, folder, manifest):
            place, manifest = BUILDING, Manifest.load(folder, BUILDING)
            if manifest is None or not _usable(archive, folder, manifest, options):
                manifest = _begin(archive, column, folder, options)
        manifest, coded = _complete(archive, folder, manifest, place, options, say)
        if manifest.segments and (manifest.calibration is None or manifest.costs is None):
            manifest = _measured(archive, folder, manifest)
        manifest.save(folder)
        (folder / BUILDING).unlink(missing_ok=True)
        _clear(folder, manifest)
    return coded


def _usable(
    archive: Archive, folder: Path, manifest: Manifest, options: CodeOptions | None = None
) -> bool:
    """Whether a manifest is for the column's vectors as they are made now, and can be read."""
    try:
        book = Codebook.load(folder / f"{manifest.codebook}.safetensors")
    except (OSError, ValueError, KeyError, TypeError):
        return False
    asked = min(options.bytes_a_row, book.dimension) if options else book.length
    same = manifest.recipe == recipe_of(archive, manifest.column)
    return same and book.identity == manifest.codebook and book.length == asked


def _begin(archive: Archive, column: str, folder: Path, options: CodeOptions) -> Manifest:
    rows = archive.filled(column)
    sample = unit_rows(sample_of(archive, column, options.sample_for(rows)))
    book = Codebook.train(sample, length=options.bytes_a_row, lists=options.lists_for(rows))
    unfinished = folder / f".{book.identity}.unfinished"
    book.save(unfinished)
    unfinished.replace(folder / f"{book.identity}.safetensors")
    manifest = Manifest(column=column, recipe=recipe_of(archive, column), codebook=book.identity)
    manifest.save(folder, BUILDING)
    return manifest


def sample_of(archive: Archive, column: str, count: int, seed: int = 0) -> NDArray[np.float32]:
    """Read some of a column's vectors at random; shape ``(at most count, D)``."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(archive), min(count, len(archive)), replace=False))
    parts = [
        to_vectors(archive.objects.take(part.tolist(), columns=[column])[column].drop_null())
        for part in np.array_split(chosen, -(-len(chosen) // 8192))
    ]
    return np.concatenate(parts)


def _complete(
    archive: Archive,
    folder: Path,
    manifest: Manifest,
    place: str,
    options: CodeOptions,
    say: Callable[[str], None] | None,
) -> tuple[Manifest, int]:
    """Code what has no code; then leave out the segments that nothing is taken from any more."""
    fragments = fragments_of(archive, manifest.column)
    segments = _readable(folder, manifest)
    owners = owners_of(segments, fragments)
    kept = _kept(segments, owners, options)
    earlier, good = set(manifest.segments), {segments[number].name for number in kept}
    left = {part: f for part, f in fragments.items() if owners.get(part) not in kept}
    book = Codebook.load(folder / f"{manifest.codebook}.safetensors")
    coded = 0
    if left:
        for coded, name in _segments(folder, manifest.column, book, left, options, say):
            if name:
                names = (*manifest.segments, name)
                manifest = manifest.model_copy(update={"segments": names})
                manifest.save(folder, place)
    names = tuple(name for name in manifest.segments if name not in earlier or name in good)
    return manifest.model_copy(update={"segments": names}), coded


def _readable(folder: Path, manifest: Manifest) -> list[Segment]:
    segments = []
    for name in manifest.segments:
        try:
            segments.append(open_segment(folder, name))
        except (OSError, ValueError):
            continue  # gone or damaged: its fragments are coded again
    return segments


def _kept(segments: list[Segment], owners: dict[Part, int], options: CodeOptions) -> set[int]:
    """Choose the segments to keep: not those mostly stale, nor many small ones."""
    used = [[p for p in segment.parts if p in owners] for segment in segments]
    kept = {
        number
        for number, segment in enumerate(segments)
        if sum(owners[part] == number for part in used[number]) >= LEAST_LIVE * len(segment.parts)
    }
    small = {n for n in kept if len(segments[n]) * SMALL <= options.segment_rows}
    return kept - small if len(small) >= MERGED else kept


def _segments(
    folder: Path,
    column: str,
    book: Codebook,
    left: Fragments,
    options: CodeOptions,
    say: Callable[[str], None] | None,
) -> Iterator[tuple[int, str]]:
    """Write segments; yields how many rows are coded, and the name of each new segment."""
    total = sum(fragment.count_rows() for fragment in left.values())
    if say:
        say(f"codes of {column}: {_expected(total, column, book, left, options)}")
    coded = 0
    hidden = not options.progress or total < options.segment_rows // SMALL
    with tqdm(total=total, desc=column, unit="row", disable=hidden, file=sys.stderr) as bar:
        for group in _grouped(left, options.segment_rows):
            for made in code_parts(group, column, book):
                if isinstance(made, Segment):
                    yield coded, write_segment(folder, made)
                else:
                    bar.update(made)
                    coded += made
    yield coded, ""


def _expected(
    total: int, column: str, book: Codebook, left: Fragments, options: CodeOptions
) -> Forecast:
    """Code one batch to see how long all will take."""
    first = next(iter(left.values()))
    start = time.perf_counter()
    rows = next((n for n in code_parts({Part(0, ""): first}, column, book)), 0)
    taken = time.perf_counter() - start
    rate = taken / rows if isinstance(rows, int) and rows else None
    return forecast(total, book.dimension, options, seconds_a_row=rate)


def _grouped(left: Fragments, rows: int) -> Iterator[Fragments]:
    group: Fragments = {}
    held = 0
    for part, fragment in left.items():
        group[part] = fragment
        held += fragment.count_rows()
        if held >= rows:
            yield group
            group, held = {}, 0
    if group:
        yield group


def _measured(archive: Archive, folder: Path, manifest: Manifest) -> Manifest:
    rng = np.random.default_rng(0)
    queries = near_queries(sample_of(archive, manifest.column, 4 * QUERIES, 1), QUERIES, rng)
    book = Codebook.load(folder / f"{manifest.codebook}.safetensors")
    segments = [open_segment(folder, name) for name in manifest.segments]
    view = fit(archive, manifest, book, segments)
    calibration = calibrate(archive, view, queries, rng)
    manifest = manifest.model_copy(update={"calibration": calibration})
    view = fit(archive, manifest, book, segments)
    costs = measure_costs(archive, view, queries)
    manifest = manifest.model_copy(update={"costs": costs})
    manifest.save(folder)
    return manifest


def _clear(folder: Path, manifest: Manifest) -> None:
    """Remove what the manifest does not name: replaced segments, and what was never finished."""
    named = {*manifest.segments, f"{manifest.codebook}.safetensors", FILE}
    for path in folder.iterdir():
        if path.name in named:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
