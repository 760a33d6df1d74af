"""HATS catalogues: Parquet files partitioned over the sky."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from skylore.errors import SourceError
from skylore.sources.arrow_files import ArrowFiles
from skylore.sources.row_files import RowFiles
from skylore.sources.row_source import RowSource
from skylore.sources.walk import printable

__all__ = ["HatsSource", "HatsTable", "find_hats", "open_hats"]

_COLLECTION = "collection.properties"
_TABLE = ("hats.properties", "properties")
_PARTITION = re.compile(r"(^|/)Norder=\d+/(Dir=\d+/)?Npix=\d+(\.[^/]+|/[^_.][^/]*)$")
_WITH_ROWS = {"object", "source", "nested", "map"}


@dataclass(frozen=True)
class HatsTable:
    """One table of a HATS catalogue.

    Attributes
    ----------
    folder
        Where its properties lie, and its partitions below.
    properties
        What ``hats.properties`` says.
    """

    folder: Path
    properties: Mapping[str, str]

    @property
    def rows(self) -> int | None:
        """How many rows it says to have."""
        said = self.properties.get("hats_nrows", self.properties.get("total_rows", ""))
        return int(said) if said.isdecimal() else None

    @property
    def position(self) -> tuple[str, str] | tuple[None, None]:
        """The columns of right ascension and declination."""
        ra = self.properties.get("hats_col_ra", self.properties.get("hats_col_j2000_ra"))
        dec = self.properties.get("hats_col_dec", self.properties.get("hats_col_j2000_dec"))
        return (ra, dec) if ra and dec else (None, None)


def find_hats(path: Path) -> HatsTable | None:
    """Give the table that a folder holds, of a collection the primary one; None if it is no HATS.

    Raises
    ------
    SourceError
        If a collection's primary table is elsewhere or not there, or the table holds no objects
        but a margin, an index or an association.
    """
    if not path.is_dir():
        return None
    if (path / _COLLECTION).is_file():
        return _primary(path)
    for name in _TABLE:
        properties = _read(path / name)
        if _describes_a_table(properties):
            return _checked(HatsTable(path, properties))
    return None


def _primary(collection: Path) -> HatsTable:
    name = _read(collection / _COLLECTION).get("hats_primary_table_url", "")
    folder = collection / name
    inside = folder.resolve().is_relative_to(collection.resolve())
    if not name or "://" in name or not inside:
        raise SourceError(
            f"The collection {printable(collection)} has its primary table elsewhere "
            f"({name or 'it is not named'}); fetch that table, and ingest it."
        )
    table = find_hats(folder) if folder != collection else None
    if table is None:
        raise SourceError(
            f"The collection {printable(collection)} names {name} as its primary table, and no "
            "hats.properties is there; fetch the table whole."
        )
    return table


def _checked(table: HatsTable) -> HatsTable:
    kind = table.properties.get("dataproduct_type", table.properties.get("catalog_type", "object"))
    if kind not in _WITH_ROWS:
        raise SourceError(
            f"{printable(table.folder)} is the {kind} table of a HATS catalogue, whose rows are no "
            "objects of their own; ingest the catalogue itself."
        )
    return table


def _describes_a_table(properties: Mapping[str, str]) -> bool:
    return any(key.startswith("hats_") or key == "catalog_type" for key in properties)


def _read(path: Path) -> dict[str, str]:
    """Read lines of ``key=value``, as Java writes them; an empty mapping where there is no file."""
    try:
        text = path.read_text("utf-8", "replace") if path.is_file() else ""
    except OSError as error:
        raise SourceError(f"{printable(path)} cannot be read: {error.strerror}.") from error
    lines = (line.strip() for line in text.splitlines())
    pairs = (re.split(r"\s*[=:]\s*", line, maxsplit=1) for line in lines if line[:1] not in "#!")
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def open_hats(table: HatsTable) -> ArrowFiles:
    """Open the partitions; metadata, samples for display and margins beside them are no rows.

    Raises
    ------
    SourceError
        There is none, or one cannot be read.
    """
    try:
        return ArrowFiles(table.folder, lambda file: _PARTITION.search(file) is not None)
    except SourceError as error:
        raise SourceError(f"{error} Partitions lie in Norder=K/Dir=D/Npix=P.parquet.") from error


class HatsSource(RowSource):
    """The primary table of a HATS catalogue or collection; see :class:`RowSource`.

    The columns of the position are those that the catalogue's properties name.
    """

    kind: ClassVar[str] = "hats"

    def _open(self, path: Path) -> RowFiles:
        table = find_hats(path)
        if table is None:
            raise SourceError(
                f"{printable(path)} is no HATS catalogue: it lacks {_TABLE[0]} and {_COLLECTION}."
            )
        self._table = table
        return open_hats(table)

    def _usual_position(self) -> tuple[str, str] | tuple[None, None]:
        ra, dec = self._table.position
        there = ra in self._files.schema.names and dec in self._files.schema.names
        return self._table.position if there else (None, None)

    @property
    def remarks(self) -> list[str]:
        """What to tell the user, of partitions that are missing first."""
        here, said = sum(self._files.counts), self._table.rows
        if said is None or said == here:
            return super().remarks
        return [
            f"the catalogue says to have {said:,} rows, and {here:,} are here",
            *super().remarks,
        ]
