"""Cross-matching a list of positions with an archive."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import ID, PIXEL, POSITION
from skylore.errors import ColumnError, QueryError, SourceError
from skylore.matching.candidates import candidates
from skylore.matching.pairs import Pairs, join, nearest_of, pairs_within, tree_of
from skylore.search.regions.polygon import directions
from skylore.sources.roles import why_no_position

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.intake.join import JoinReport

__all__ = ["LARGEST", "Match", "join_matched", "match_file", "match_positions", "parse_angle"]

LARGEST = 3600.0
"""Arcseconds; what lies farther is no match but a neighbourhood."""

_UNITS = {"": 1.0, "arcsec": 1.0, '"': 1.0, "mas": 1e-3, "arcmin": 60.0, "'": 60.0, "deg": 3600.0}

Which = Literal["nearest", "all"]


@dataclass(frozen=True)
class Match:
    """Which objects lie where a list says.

    Attributes
    ----------
    table
        ``row`` in the list from 0, ``list_id``, ``id`` of the object, ``separation_arcsec``; in
        the order of the list, the nearest first.
    positions
        How many the list has.
    unmatched
        Rows of the list with a position and no object near it.
    nowhere
        Rows of the list without a position.
    radius
        Arcseconds.
    list_ids
        The ids of the list.
    """

    table: pa.Table
    positions: int
    unmatched: pa.Array
    nowhere: int
    radius: float
    list_ids: pa.Array

    def __str__(self) -> str:
        """Say it in one line."""
        here = self.positions - self.nowhere - len(self.unmatched)
        rest = f", {len(self.unmatched)} have none"
        rest += f", {self.nowhere} have no position" if self.nowhere else ""
        return (
            f"match: {here} of {self.positions} rows have an object within {self.radius:g} "
            f"arcsec{rest}"
        )

    def with_unmatched(self) -> pa.Table:
        """Give the table with a row of nulls for each position that has no object."""
        missing = pa.table({"row": self.unmatched})
        missing = missing.append_column("list_id", self.list_ids.take(self.unmatched))
        both = pa.concat_tables([self.table, missing], promote_options="default")
        return both.sort_by([("row", "ascending"), ("separation_arcsec", "ascending")])


def parse_angle(text: str) -> float:
    """Read an angle such as ``1arcsec``, ``0.5"`` or ``2 arcmin`` in arcseconds.

    Raises
    ------
    QueryError
        It is not an angle.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(\w*|\"|')\s*", text)
    if match is None or match[2] not in _UNITS:
        raise QueryError(f"{text!r} is not an angle; write 1arcsec, 500mas, 2arcmin or 0.1deg")
    return float(match[1]) * _UNITS[match[2]]


def match_positions(
    archive: Archive,
    positions: pa.Table,
    radius: float = 1.0,
    *,
    which: Which = "nearest",
    progress: Callable[[int], None] | None = None,
) -> Match:
    """Find the objects within a radius of each position of a list.

    The list lies in memory, about 100 bytes a row; the archive is read in chunks, and of it only
    what lies near a position.

    Parameters
    ----------
    archive
        The archive.
    positions
        ``id``, ``ra`` and ``dec``; ICRS degrees; null, or not on the sky, where unknown.
    radius
        Arcseconds, included; at most one degree.
    which
        The ``nearest`` object of each position, or ``all``.
    progress
        Told after each chunk how many of its rows were compared.

    Raises
    ------
    SourceError
        The list has no positions.
    ColumnError
        The archive has none.
    QueryError
        The radius is out of range.
    """
    if not 0 < radius <= LARGEST:
        raise QueryError(f"the radius is {radius:g} arcsec; it is above 0 and at most {LARGEST:g}")
    if not set(POSITION) <= set(positions.column_names):
        why = why_no_position(positions.schema)
        raise SourceError(f"the list has no positions: {why}. Its columns are {_names(positions)}")
    if len(archive) and not archive.filled(PIXEL):
        raise ColumnError(f"{archive} has no positions to match with")
    ra, dec = (positions[n].to_numpy(zero_copy_only=False).astype(float) for n in POSITION)
    known = np.flatnonzero(np.isfinite(ra) & (np.abs(dec) <= 90))
    found = Pairs(known[:0], np.empty(0, np.uint64), np.empty(0))
    if len(known):
        tree = tree_of(directions(ra[known], dec[known]))
        for rows, vectors in candidates(archive, ra[known], dec[known], radius / 3600):
            found = join([found, *pairs_within(tree, vectors, rows, radius)])
            found = nearest_of(found) if which == "nearest" else found
            if progress is not None:
                progress(len(rows))
    found = Pairs(known[found.listed], found.rows, found.separation)
    return _match(archive, positions, found, known, radius)


def _match(
    archive: Archive, positions: pa.Table, pairs: Pairs, known: NDArray[np.intp], radius: float
) -> Match:
    ids = positions[ID].combine_chunks()
    objects = archive.take(pa.array(pairs.rows), [ID])[ID]
    table = pa.table(
        {
            "row": pairs.listed,
            "list_id": ids.take(pa.array(pairs.listed)),
            "id": objects,
            "separation_arcsec": pairs.separation,
        }
    )
    unmatched = np.setdiff1d(known, pairs.listed)
    return Match(table, len(ids), pa.array(unmatched), len(ids) - len(known), radius, ids)


def _names(table: pa.Table) -> str:
    return ", ".join(table.column_names)


def match_file(
    archive: Archive,
    path: str | Path,
    radius: float = 1.0,
    *,
    which: Which = "nearest",
    id_column: str | None = None,
) -> tuple[Match, pa.Table]:
    """Match the positions of a file; returns the match, and the file's table.

    Parameters
    ----------
    archive, radius, which
        As :func:`match_positions` takes them.
    path
        A catalogue that :func:`skylore.sources.tables.load_catalogue` reads.
    id_column
        Its column of ids; guessed if None.

    Raises
    ------
    SourceError
        It cannot be read, or has no ids or positions.
    """
    from skylore.sources.tables import load_catalogue

    positions = load_catalogue(path, id_column).table
    return match_positions(archive, positions, radius, which=which), positions


def join_matched(archive: Archive, match: Match, positions: pa.Table, source: str) -> JoinReport:
    """Write the columns of a list to the objects that match it.

    Of several rows of the list that match one object, the nearest is taken. Besides the columns
    of the list, each object gets ``match_id`` and ``match_separation`` (arcseconds).

    Raises
    ------
    SourceError
        Nothing matches.
    ColumnError
        A column is there already with another type, or from elsewhere.
    """
    from skylore.intake.join import join_catalogue

    if not match.table.num_rows:
        raise SourceError(f"no position of {source} has an object within {match.radius:g} arcsec")
    nearest = match.table.sort_by([("separation_arcsec", "ascending"), ("row", "ascending")])
    first = np.sort(np.unique(_codes(nearest["id"]), return_index=True)[1])
    nearest = nearest.take(pa.array(first))
    joined = positions.take(nearest["row"]).drop_columns([ID, *POSITION])
    joined = joined.append_column("match_id", nearest["list_id"])
    joined = joined.append_column("match_separation", nearest["separation_arcsec"])
    return join_catalogue(archive, joined.append_column(ID, nearest["id"]), source)


def _codes(ids: pa.ChunkedArray) -> NDArray[np.int32]:
    codes: NDArray[np.int32] = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    return codes
