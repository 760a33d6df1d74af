"""Answers as files and as text."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.errors import QueryError
from skylore.search.flatten import flatten, is_vector
from skylore.search.origin import describe, origin_of

if TYPE_CHECKING:
    from astropy.table import Table

    from skylore.search.results import Results

__all__ = ["FORMATS", "SUFFIXES", "dumps", "to_astropy", "write"]

SUFFIXES = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".fits": "fits",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".json": "json",
    ".html": "html",
}
"""The format of a file by its suffix."""

FORMATS = ("table", "csv", "json", "html", "votable", "fits", "parquet")
"""What :func:`dumps` writes."""


def to_astropy(results: Results) -> Table:
    """Give an answer as an astropy table; see :mod:`skylore.search.astropy_table`."""
    from skylore.search.astropy_table import to_astropy as convert

    return convert(results)


def write(results: Results, path: str | Path) -> None:
    """Write an answer to a file, whole or not at all.

    Parameters
    ----------
    results
        The answer.
    path
        The suffix chooses the format: ``.csv``, ``.parquet``, ``.fits``, ``.vot``, ``.votable``,
        ``.xml``, ``.json`` or ``.html``. A file that is there is replaced.

    Raises
    ------
    QueryError
        The suffix is another, the folder does not exist, or it cannot be written to.
    """
    path = Path(path)
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise QueryError(
            f"cannot tell a format from {path.name!r}; end it in one of {', '.join(SUFFIXES)}"
        )
    if not path.parent.is_dir():
        raise QueryError(f"there is no folder {path.parent}; make it first")
    data = dumps(results, kind)
    _replace(path, data.encode() if isinstance(data, str) else data)


def dumps(results: Results, kind: str, *, width: int | None = None) -> str | bytes:
    """Write an answer as text, or as bytes for ``fits`` and ``parquet``.

    Parameters
    ----------
    results
        The answer.
    kind
        One of :data:`FORMATS`; ``table`` is plain text for a terminal.
    width
        Characters a line of ``table``; None asks the terminal.

    Raises
    ------
    QueryError
        The format is unknown.
    """
    writers: dict[str, Callable[[], str | bytes]] = {
        "table": lambda: _text(results, width),
        "csv": lambda: _csv(results),
        "json": lambda: json.dumps(results.to_json(), ensure_ascii=False, indent=1),
        "html": lambda: _html(results),
        "votable": lambda: _votable(results),
        "fits": lambda: _fits(results),
        "parquet": lambda: _parquet(results),
    }
    if kind not in writers:
        raise QueryError(f"unknown format {kind!r}; use one of {', '.join(FORMATS)}")
    written = writers[kind]()
    if isinstance(written, str) and not written.endswith("\n"):
        return written + "\n"
    return written


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise QueryError(f"cannot write {path}: {error.strerror}") from error


def _text(results: Results, width: int | None) -> str:
    from skylore.search.text_table import to_text

    return to_text(results, width)


def _html(results: Results) -> str:
    from skylore.search.page import page

    return page(describe(results.query), [results])


def _csv(results: Results) -> str:
    """Write RFC 4180: texts in quotes, missing values empty, vectors as JSON."""
    from pyarrow import csv

    flat, _ = flatten(results.table)
    for i, field in enumerate(flat.schema):
        if is_vector(field.type):
            texts = [None if v is None else json.dumps(v) for v in flat[i].to_pylist()]
            flat = flat.set_column(i, field.name, pa.array(texts, pa.string()))
    buffer = io.BytesIO()
    csv.write_csv(flat, buffer)
    return buffer.getvalue().decode()


def _parquet(results: Results) -> bytes:
    """Write the columns as they are, with the query and the plan in the file's metadata."""
    from pyarrow import parquet

    metadata = {f"skylore:{name}": text for name, text in origin_of(results).items()}
    buffer = io.BytesIO()
    parquet.write_table(results.table.replace_schema_metadata(metadata), buffer)
    return buffer.getvalue()


def _fits(results: Results) -> bytes:
    from skylore.search.fits_file import to_fits

    return to_fits(to_astropy(results))


def _votable(results: Results) -> str:
    from skylore.search.votable_file import to_votable

    return to_votable(to_astropy(results))
