"""Checks of codes against the table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skylore.archive.checking.finding import Finding, Scope, note, problem
from skylore.archive.schema import VECTORS
from skylore.search.codes.codebook import Codebook
from skylore.search.codes.fragments import ArchiveVectors
from skylore.search.codes.manifest import Manifest, folder_of
from skylore.search.codes.segment import Segment, open_segment
from skylore.search.codes.source import VectorSource
from skylore.search.codes.view import owners_of

__all__ = ["CHECKS", "codes"]

AGAIN = "run `skylore index --rebuild`"


def codes(scope: Scope) -> Iterator[Finding]:
    """Codes are whole, belong to rows of the table, and are those of their vectors."""
    for column in (name for name in VECTORS if name in scope.archive.schema.names):
        folder = folder_of(scope.archive.location, column)
        manifest = Manifest.load(folder)
        if manifest is None:
            continue
        source = ArchiveVectors(scope.archive, column)
        if manifest.recipe != source.recipe:
            yield note(codes, f"{column} was made anew since it was indexed; run `skylore index`")
            continue
        try:
            book = Codebook.load(folder / f"{manifest.codebook}.safetensors")
            segments = [open_segment(folder, name) for name in manifest.segments]
        except (OSError, ValueError, KeyError) as error:
            yield problem(codes, f"those of {column} cannot be read ({error}); {AGAIN}")
            continue
        yield from _against_table(scope, source, book, segments)


def _against_table(
    scope: Scope, source: VectorSource, book: Codebook, segments: list[Segment]
) -> Iterator[Finding]:
    parts, column = source.parts(), source.name
    owners = owners_of(segments, parts)
    missing = sum(rows for part, rows in parts.items() if part not in owners)
    if missing:
        yield note(codes, f"{missing} rows have no code of {column} yet; run `skylore index`")
    rng = np.random.default_rng(scope.seed)
    for number, segment in enumerate(segments):
        fresh = {p.fragment for p, owner in owners.items() if owner == number}
        places = [segment.places_of(n) for n, p in enumerate(segment.parts) if p.fragment in fresh]
        if not places:
            continue
        every = np.concatenate(places)
        count = len(every) if scope.deep else min(scope.sample, len(every))
        wrong = _wrong(source, book, segment, rng.choice(every, count, replace=False))
        if wrong:
            yield problem(codes, f"{wrong} of {count} codes of {column} are not theirs; {AGAIN}")


def _wrong(source: VectorSource, book: Codebook, segment: Segment, places: np.ndarray) -> int:
    """Count the codes that differ from those of the stored vectors by more than rounding."""
    wrong = 0
    for part in np.array_split(places, -(-len(places) // 8192)):
        taken = source.take(segment.rows[part])
        place = dict(zip(segment.rows[part].tolist(), part.tolist(), strict=True))
        at = [place[row] for row in taken.rows.tolist()]
        made, _ = book.encode(taken.vectors)
        far = np.abs(made.astype(np.int16) - segment.codes[at]).max(axis=1, initial=0) > 1
        wrong += int(far.sum())
    return wrong


CHECKS = (codes,)
