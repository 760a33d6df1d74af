"""Comma- and tab-separated text."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pacsv

from skylore.errors import SourceError
from skylore.sources.roles import choose_id
from skylore.sources.walk import has_suffix, printable

__all__ = ["DELIMITED_SUFFIXES", "read_delimited"]

DELIMITED_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")

_NULLS = ["", "nan", "NaN", "NAN", "null", "NULL", "Null", "NA", "N/A", "n/a", "#N/A"]
_CANONICAL_INTEGER = r"^(0|-?[1-9][0-9]{0,18})$"
_BLOCK = 1 << 22


def read_delimited(path: Path, id_column: str | None) -> tuple[pa.Table, str]:
    """Read a table of text whole.

    Types are inferred from all rows. ``nan``, ``null``, ``NA`` and nothing at all are missing
    values. Ids are whole numbers only if each is written the one way that a whole number has:
    with a leading zero among them, all stay text.

    Parameters
    ----------
    path
        A ``.csv`` or ``.tsv`` file, or one compressed with gzip. Its first row names the columns.
    id_column
        The column of ids; guessed if None.

    Returns
    -------
    table
        ``(N, C)``.
    id_column
        The column of ids.

    Raises
    ------
    SourceError
        If the file is empty or damaged, not UTF-8, or its rows differ in length.
    """
    delimiter = "\t" if has_suffix(path.name, (".tsv", ".tsv.gz")) else ","
    with _reading(path):
        header = _header(path, delimiter)
        names = _clean_names(header)
        chosen = choose_id(pa.schema([(name, pa.string()) for name in names]), id_column)
        table = pacsv.read_csv(
            path,
            # A single thread can say in which row a fault lies.
            read_options=pacsv.ReadOptions(use_threads=False, block_size=_BLOCK),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types={header[names.index(chosen)]: pa.string()},
                null_values=_NULLS,
                strings_can_be_null=True,
            ),
        ).rename_columns(names)
        _check_utf8(table, path)
    position = names.index(chosen)
    return table.set_column(position, chosen, _whole_or_text(table[chosen])), chosen


def _header(path: Path, delimiter: str) -> list[str]:
    with _open(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        header = next((row for row in csv.reader(text, delimiter=delimiter) if row), None)
    if header is None:
        raise SourceError(f"{printable(path)} is empty; its first row should name the columns.")
    return header


def _open(path: Path) -> gzip.GzipFile | IO[bytes]:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _clean_names(header: list[str]) -> list[str]:
    """Strip blanks, and the hash sign with which some programs mark the header."""
    return [name.strip() for name in [header[0].strip().removeprefix("#"), *header[1:]]]


def _check_utf8(table: pa.Table, path: Path) -> None:
    if any(pa.types.is_binary(field.type) for field in table.schema):
        raise _not_utf8(path)


def _not_utf8(path: Path) -> SourceError:
    return SourceError(
        f"{printable(path)} is not UTF-8 text{_first_bad_line(path)}; convert it, for example "
        "with iconv."
    )


def _first_bad_line(path: Path) -> str:
    with _open(path) as raw:
        for number, line in enumerate(raw, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return f", line {number:,}"
    return ""


def _whole_or_text(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    present = ids.drop_null()
    if (
        not len(present)
        or not pc.all(pc.match_substring_regex(present, _CANONICAL_INTEGER)).as_py()
    ):
        return ids
    try:
        return ids.cast(pa.int64())
    except pa.ArrowInvalid:  # nineteen digits may exceed int64, and then stay text
        return ids


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except (pa.ArrowException, OSError, EOFError, csv.Error) as error:
        reason = re.sub(r"\s+", " ", str(error))[:300]
        raise SourceError(
            f"{printable(path)} cannot be read as a table of text: {reason}"
        ) from error
