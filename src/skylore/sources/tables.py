"""Catalogues: tables of objects without images, to be joined by id or ingested by themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.schema import PIXEL
from skylore.errors import SourceError
from skylore.sources.arrow_files import ARROW_SUFFIXES, PARQUET_SUFFIXES, ArrowFiles
from skylore.sources.astropy_tables import ASTROPY_SUFFIXES, read_astropy
from skylore.sources.base import SourceBatch
from skylore.sources.batching import chunk_wanted
from skylore.sources.catalogue import catalogue_type, plan_catalogue, take_catalogue
from skylore.sources.delimited import DELIMITED_SUFFIXES, read_delimited
from skylore.sources.hats import find_hats, open_hats
from skylore.sources.hdf5_files import HDF5_SUFFIXES, Hdf5Files
from skylore.sources.ids import as_ids, check_unique
from skylore.sources.positions import read_positions
from skylore.sources.remarks import about_columns
from skylore.sources.roles import Roles, choose_roles
from skylore.sources.row_files import RowFiles
from skylore.sources.walk import has_suffix, printable, walk_files

__all__ = ["TABLE_SUFFIXES", "Catalogue", "CatalogueSource", "load_catalogue", "read_catalogue"]

_IN_PIECES = (*PARQUET_SUFFIXES, *ARROW_SUFFIXES, *HDF5_SUFFIXES)
TABLE_SUFFIXES = (*DELIMITED_SUFFIXES, *ASTROPY_SUFFIXES, *_IN_PIECES)

_ROWS = 1 << 16


@dataclass(frozen=True)
class Catalogue:
    """A table of objects, one row each.

    Attributes
    ----------
    table
        ``id`` (string or int64, unique), ``ra`` and ``dec`` where the table has them (float64,
        ICRS degrees), and the catalogue columns.
    roles
        The columns of the file that these come from.
    renamed, left_out
        Columns under another name, and columns not taken, with the reason.
    positions_refused
        How many rows have a position outside the sky, and are kept without one.
    """

    table: pa.Table
    roles: Roles
    renamed: Mapping[str, str]
    left_out: Mapping[str, str]
    positions_refused: int


def read_catalogue(path: str | os.PathLike[str], id_column: str | None = None) -> pa.Table:
    """Read a catalogue's table; see :func:`load_catalogue`."""
    return load_catalogue(path, id_column).table


def load_catalogue(
    path: str | os.PathLike[str],
    id_column: str | None = None,
    *,
    ra_column: str | None = None,
    dec_column: str | None = None,
) -> Catalogue:
    """Read a catalogue whole, into memory.

    Parameters
    ----------
    path
        CSV or TSV (also compressed with gzip), FITS, VOTable, ECSV, Parquet, Arrow or HDF5; or a
        HATS catalogue.
    id_column, ra_column, dec_column
        The columns of ids and positions; guessed if None.

    Raises
    ------
    SourceError
        If the file cannot be read, or has no ids.
    DuplicateIdError
        If an id is in more than one row.
    """
    raw, id_column, left_out = _read_raw(Path(path), id_column)
    roles = choose_roles(
        raw.schema,
        id_column=id_column,
        image_column=None,
        vector_column=None,
        ra_column=ra_column,
        dec_column=dec_column,
        images=False,
    )
    ids = as_ids(raw[roles.id], roles.id)
    check_unique(ids, printable(path))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"id": ids}
    refused = 0
    if roles.ra is not None and roles.dec is not None:
        position, refused = read_positions(raw, roles.ra, roles.dec)
        columns |= position
    plan = plan_catalogue(raw.schema, roles.used)
    columns |= take_catalogue(raw, plan)
    left_out |= plan.left_out
    return Catalogue(pa.table(columns), roles, plan.renamed, left_out, refused)


def _read_raw(path: Path, id_column: str | None) -> tuple[pa.Table, str | None, dict[str, str]]:
    if not path.exists():
        raise SourceError(f"There is nothing at {printable(path)}.")
    if path.is_dir() or has_suffix(path.name, _IN_PIECES):
        return _read_pieces(path), id_column, {}
    if has_suffix(path.name, DELIMITED_SUFFIXES):
        return *read_delimited(path, id_column), {}
    if has_suffix(path.name, ASTROPY_SUFFIXES):
        table, left_out = read_astropy(path)
        return table, id_column, left_out
    raise SourceError(
        f"{printable(path)} is no table: it ends in none of {', '.join(TABLE_SUFFIXES)}."
    )


def _read_pieces(path: Path) -> pa.Table:
    files = _open_files(path)
    # Images and vectors may be far larger than memory, and are not part of a catalogue.
    # The index of HATS follows from positions, and every such catalogue has it by the same name.
    flat = [
        field.name
        for field in files.schema
        if isinstance(catalogue_type(field.type), pa.DataType) and field.name != PIXEL
    ]
    schema = pa.schema([files.schema.field(name) for name in flat])
    tables = [piece.table for piece in files.scan(flat, _ROWS)]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _open_files(path: Path) -> RowFiles:
    hats = find_hats(path)
    if hats is not None:
        return open_hats(hats)
    holds = [path.name] if path.is_file() else walk_files(path)
    if any(has_suffix(file, HDF5_SUFFIXES) for file in holds):
        return Hdf5Files(path)
    return ArrowFiles(path)


class CatalogueSource:
    """Objects without images, from a table in memory.

    Parameters
    ----------
    path, id_column, ra_column, dec_column
        As for :func:`load_catalogue`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        id_column: str | None = None,
        ra_column: str | None = None,
        dec_column: str | None = None,
    ) -> None:
        self._path = Path(path)
        self._columns = (id_column, ra_column, dec_column)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The table, and what became of its columns."""
        id_column, ra_column, dec_column = self._columns
        return load_catalogue(self._path, id_column, ra_column=ra_column, dec_column=dec_column)

    @property
    def name(self) -> str:
        """The path as it was given."""
        return printable(self._path)

    @property
    def settings(self) -> Mapping[str, object]:
        """The kind of source, and the columns of ids and positions."""
        roles = self.catalogue.roles
        columns = {"id_column": roles.id, "ra_column": roles.ra, "dec_column": roles.dec}
        return {"kind": "table", **columns}

    @property
    def remarks(self) -> list[str]:
        """What to tell the user."""
        found = self.catalogue
        return about_columns(found.renamed, found.left_out, found.positions_refused)

    @property
    def rows_a_batch(self) -> int:
        """Large batches: each is a commit and a file of its own."""
        return _ROWS

    def ids(self) -> pa.Array:
        """All ids, in the order of the rows.

        Raises
        ------
        SourceError, DuplicateIdError
            As :func:`load_catalogue`.
        """
        return self.catalogue.table["id"].combine_chunks()

    def batches(self, wanted: NDArray[np.bool_], rows: int) -> Iterator[SourceBatch]:
        """Hand out the wanted rows."""
        table = self.catalogue.table
        for positions in chunk_wanted(wanted, table.num_rows, rows):
            items = pa.array([f"{self._path.name}:{row}" for row in positions], pa.string())
            yield SourceBatch(table.take(pa.array(positions)).append_column("source_item", items))
