"""Evaluation objects that a model was trained on, found by their position."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import ID, POSITION
from skylore.errors import ArchiveNotFoundError, ColumnError, QueryError, SourceError
from skylore.sources.roles import choose_position

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Contamination", "find_contamination", "parse_radius", "read_positions_of"]

_ARCSEC = {"arcsec": 1.0, '"': 1.0, "arcmin": 60.0, "'": 60.0, "deg": 3600.0}
_WIDEST = 3600.0

Positions = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Contamination:
    """Which objects lie where a training object lies.

    Attributes
    ----------
    training
        The table of training objects.
    training_objects, checked
        How many of them there are, and how many objects of the archive were compared.
    radius
        Arcseconds.
    dropped
        Ids of the archive's objects within the radius of a training object.
    """

    training: str
    training_objects: int
    checked: int
    radius: float
    dropped: frozenset[str | int]

    def __str__(self) -> str:
        """Say how many were dropped."""
        return (
            f"{len(self.dropped)} of {self.checked} objects dropped: within {self.radius:g} arcsec "
            f"of one of {self.training_objects} training objects in {self.training}"
        )


def parse_radius(text: str) -> float:
    """Read an angle such as ``1arcsec``, ``0.5 arcmin`` or ``0.001deg`` in arcseconds.

    Raises
    ------
    QueryError
        It is not an angle, not positive, or wider than a degree.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z'\"]+)\s*", text)
    if not match or match[2] not in _ARCSEC:
        raise QueryError(f"{text!r} is not an angle; write 1arcsec, 0.5arcmin or 0.001deg")
    radius = float(match[1]) * _ARCSEC[match[2]]
    if not 0 < radius <= _WIDEST:
        raise QueryError(f"a radius of {text} is not between 0 and 1deg")
    return radius


def find_contamination(
    archive: Archive, training: str | Path, *, radius: float, where: str | None = None
) -> Contamination:
    """Find the objects of an archive that lie within a radius of a training object.

    Parameters
    ----------
    archive
        Whose objects are to be evaluated.
    training
        A table (Parquet, Arrow, FITS, VOTable, ECSV, CSV, TSV) or an archive with ``ra`` and
        ``dec`` in ICRS degrees.
    radius
        Arcseconds.
    where
        Check these objects alone: compiled SQL.

    Raises
    ------
    ColumnError
        An object of the archive has no position: it could be a training object.
    SourceError
        The table cannot be read, is empty, or a row has no position.
    """
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    objects = archive.read([ID, *POSITION], where=where)
    missing = _missing(objects)
    if missing:
        raise ColumnError(
            f"{missing} of {objects.num_rows} objects of {archive} have no position, so nobody "
            "can say whether they were trained on; join positions, or leave them out by a where "
            'such as "ra IS NOT NULL"'
        )
    ra, dec = read_positions_of(training)
    near = np.zeros(objects.num_rows, bool)
    if objects.num_rows:
        own = SkyCoord(*(objects[name].to_numpy() for name in POSITION), unit=u.deg)
        _, separation, _ = own.match_to_catalog_sky(SkyCoord(ra, dec, unit=u.deg))
        near = np.asarray(separation.arcsec <= radius)
    dropped = frozenset(objects[ID].filter(pa.array(near)).to_pylist())
    return Contamination(str(training), len(ra), objects.num_rows, radius, dropped)


def read_positions_of(training: str | Path) -> Positions:
    """Read the positions of a table or an archive, every one of which must be there.

    Raises
    ------
    SourceError
        It cannot be read, is empty, has no columns of positions, or a row has none.
    """
    table = _archived(training) or _tabled(Path(training))
    if table.num_rows == 0:
        raise SourceError(f"{training} is empty; give the objects that the model was trained on")
    missing = _missing(table)
    if missing:
        raise SourceError(
            f"{missing} of {table.num_rows} rows of {training} have no valid position, so nobody "
            "can say whether they are among the evaluated; give positions to all"
        )
    ra, dec = (table[name].to_numpy() for name in POSITION)
    return ra, dec


def _missing(table: pa.Table) -> int:
    ra, dec = (table[name].to_numpy(zero_copy_only=False).astype(float) for name in POSITION)
    return int(np.count_nonzero(~(np.isfinite(ra) & np.isfinite(dec))))


def _archived(training: str | Path) -> pa.Table | None:
    from skylore.archive.table import Archive

    try:
        return Archive.open(training).read(POSITION)
    except ArchiveNotFoundError:
        return None


def _tabled(path: Path) -> pa.Table:
    from skylore.sources.positions import read_positions

    raw = _raw(path)
    ra, dec = choose_position(raw.schema, None, None)
    if ra is None or dec is None:
        names = ", ".join(raw.column_names)
        raise SourceError(f"{path} has no columns ra and dec; it has {names}")
    columns, _ = read_positions(raw, ra, dec)
    return pa.table(columns)


def _raw(path: Path) -> pa.Table:
    from skylore.sources.arrow_files import ARROW_SUFFIXES, PARQUET_SUFFIXES, ArrowFiles
    from skylore.sources.astropy_tables import ASTROPY_SUFFIXES, read_astropy
    from skylore.sources.delimited import DELIMITED_SUFFIXES, read_delimited
    from skylore.sources.walk import has_suffix

    if not path.exists():
        raise SourceError(f"there is nothing at {path}; give the table of training objects")
    if path.is_dir() or has_suffix(path.name, PARQUET_SUFFIXES + ARROW_SUFFIXES):
        files = ArrowFiles(path)
        names = [name for name in choose_position(files.schema, None, None) if name is not None]
        pieces = [piece.table for piece in files.scan(names, 1 << 16)] if names else []
        return pa.concat_tables(pieces) if pieces else files.schema.empty_table()
    if has_suffix(path.name, DELIMITED_SUFFIXES):
        return read_delimited(path, None)[0]
    if has_suffix(path.name, ASTROPY_SUFFIXES):
        return read_astropy(path)[0]
    raise SourceError(f"{path} is no table: give Parquet, Arrow, FITS, VOTable, ECSV, CSV or TSV")
