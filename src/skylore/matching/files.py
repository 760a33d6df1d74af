"""Tables of matches as files."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from skylore.errors import QueryError

__all__ = ["SUFFIXES", "write_table"]

SUFFIXES = (".csv", ".parquet", ".fits", ".vot")


def write_table(table: pa.Table, path: str | Path) -> None:
    """Write a table, whole or not at all; the suffix chooses the format.

    Raises
    ------
    QueryError
        The suffix is not one of :data:`SUFFIXES`, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise QueryError(
            f"cannot tell a format from {path.name!r}; end it in {', '.join(SUFFIXES)}"
        )
    partial = path.with_name(f".{path.stem}.{os.getpid()}{suffix}")
    try:
        _write(table, partial, suffix)
        partial.replace(path)
    except OSError as error:
        raise QueryError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _write(table: pa.Table, path: Path, suffix: str) -> None:
    if suffix == ".csv":
        from pyarrow import csv

        csv.write_csv(table, path)
        return
    if suffix == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, path)
        return
    from astropy.table import MaskedColumn, Table

    columns = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        filled = column.fill_null("" if pa.types.is_string(column.type) else 0)
        values = filled.to_numpy(zero_copy_only=False)
        values = values.astype(str) if pa.types.is_string(column.type) else values
        missing = column.is_null().to_numpy(zero_copy_only=False)
        columns[name] = MaskedColumn(values, mask=missing) if missing.any() else values
    Table(columns).write(path, format="fits" if suffix == ".fits" else "votable", overwrite=True)
