"""Reading what densities are learnt from: archives, files of rows, and tables in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
from pyarrow import csv as pacsv

from skylore.archive.schema import ID, MADE_LATER, base_schema
from skylore.errors import SkyloreError, SourceError
from skylore.sources.arrow_files import ARROW_SUFFIXES, PARQUET_SUFFIXES, ArrowFiles
from skylore.sources.astropy_tables import ASTROPY_SUFFIXES, read_astropy
from skylore.sources.catalogue import catalogue_type
from skylore.sources.delimited import DELIMITED_SUFFIXES
from skylore.sources.hdf5_files import HDF5_SUFFIXES, Hdf5Files
from skylore.sources.walk import has_suffix, printable

if TYPE_CHECKING:
    from skylore.archive.table import Archive

    Readable: TypeAlias = str | Path | pa.Table | Mapping[str, Any] | Archive

__all__ = ["is_archive", "read_table"]

_NULLS = ["", "nan", "NaN", "NAN", "null", "NULL", "Null", "NA", "N/A", "n/a", "#N/A"]
_OTHER_SIGNS = (";", "|", "\t")
_NOT_CATALOGUE = {*base_schema(pa.string()).names, *MADE_LATER} - {"ra", "dec"}


def read_table(
    source: Readable, columns: Sequence[str] | None = None, *, ids: bool = False
) -> pa.Table:
    """Read columns of plain values; of an archive without ids, images and vectors.

    Parameters
    ----------
    source
        An archive or its path; a CSV, TSV, Parquet, Arrow, FITS, VOTable, ECSV or HDF5 file, or a
        folder of them; an Arrow table, a data frame, or arrays by name.
    columns
        Only these, those that exist.
    ids
        Of an archive, the ids, too.

    Raises
    ------
    SourceError
        Nothing is there, or it cannot be read as a table.
    """
    if isinstance(source, (str, Path)):
        table = _read_path(Path(source), str(source), columns, ids=ids)
    elif isinstance(source, pa.Table):
        table = source
    elif hasattr(source, "objects") and hasattr(source, "fill"):
        table = _read_archive(source, columns, ids=ids)
    elif isinstance(source, Mapping):
        table = pa.table(dict(source))
    elif hasattr(source, "iloc"):
        table = pa.Table.from_pandas(source, preserve_index=False)
    else:
        raise SourceError(f"{type(source).__name__} is no table; give an archive, file or table")
    table = _typed(table)
    flat = [f.name for f in table.schema if _is_flat(f.type)]
    wanted = flat if columns is None else [name for name in flat if name in set(columns)]
    if table.num_rows == 0:
        raise SourceError("the table has no rows")
    return table.select(wanted)


def _typed(table: pa.Table) -> pa.Table:
    """Give columns without any value a type, so that they are told of and not lost."""
    for number, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            empty = pa.nulls(table.num_rows, pa.float64())
            table = table.set_column(number, field.with_type(pa.float64()), empty)
    return table


def _is_flat(kind: pa.DataType) -> bool:
    return pa.types.is_null(kind) or isinstance(catalogue_type(kind), pa.DataType)


def _read_path(path: Path, given: str, columns: Sequence[str] | None, *, ids: bool) -> pa.Table:
    if is_archive(given):
        from skylore.archive.table import Archive

        return _read_archive(Archive.open(given), columns, ids=ids)
    if not path.exists():
        raise SourceError(f"There is nothing at {printable(path)}.")
    name = path.name
    if has_suffix(name, DELIMITED_SUFFIXES):
        return _read_text(path)
    if has_suffix(name, ASTROPY_SUFFIXES):
        return read_astropy(path)[0]
    if has_suffix(name, HDF5_SUFFIXES):
        return _read_pieces(Hdf5Files(path), columns)
    if path.is_dir() or has_suffix(name, (*PARQUET_SUFFIXES, *ARROW_SUFFIXES)):
        return _read_pieces(ArrowFiles(path), columns)
    raise SourceError(f"{printable(path)} is no archive, CSV, Parquet, FITS, VOTable or HDF5 file.")


def is_archive(given: str) -> bool:
    """Tell archives, and what only they can be, from files and folders of rows."""
    if "://" in given:
        return True
    if not Path(given).is_dir():
        return False
    from skylore.archive.table import Archive

    try:
        Archive.open(given)
    except SkyloreError:
        return False
    return True


def _read_archive(archive: Any, columns: Sequence[str] | None, *, ids: bool) -> pa.Table:  # noqa: ANN401 - an Archive, not imported before it is used
    names = [f.name for f in archive.schema if _is_flat(f.type) and f.name not in _NOT_CATALOGUE]
    wanted = [n for n in names if columns is None or n in set(columns)]
    return archive.read([ID, *wanted] if ids else wanted)


def _read_text(path: Path) -> pa.Table:
    tab = has_suffix(path.name, (".tsv", ".tsv.gz"))
    try:
        table = pacsv.read_csv(
            path,
            parse_options=pacsv.ParseOptions(
                delimiter="\t" if tab else ",", newlines_in_values=True
            ),
            convert_options=pacsv.ConvertOptions(null_values=_NULLS, strings_can_be_null=True),
        )
    except (pa.ArrowException, OSError) as error:
        shown = "".join(c if c.isascii() and c.isprintable() else " " for c in str(error))
        reason = " ".join(shown.split())[:200]
        raise SourceError(f"{printable(path)} cannot be read as a table: {reason}") from error
    names = [name.strip().removeprefix("#").strip() for name in table.column_names]
    other = next((sign for sign in _OTHER_SIGNS if len(names) == 1 and sign in names[0]), None)
    if other:
        raise SourceError(
            f"{printable(path)} is one column {names[0][:60]!r}; put commas between its columns "
            f"instead of {other!r}, or tabs in a .tsv file"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f'{printable(path)}: several columns are called "{twice[0]}"')
    return table.rename_columns(names)


def _read_pieces(files: ArrowFiles | Hdf5Files, columns: Sequence[str] | None) -> pa.Table:
    flat = [
        f.name
        for f in files.schema
        if _is_flat(f.type) and (columns is None or f.name in set(columns))
    ]
    pieces = [piece.table for piece in files.scan(flat, 1 << 16)]
    empty = pa.schema([files.schema.field(name) for name in flat]).empty_table()
    return pa.concat_tables(pieces) if pieces else empty
