"""Tables that astropy reads: FITS, VOTable and ECSV."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from skylore.errors import SourceError
from skylore.sources.walk import has_suffix, printable

__all__ = ["ASTROPY_SUFFIXES", "FITS_SUFFIXES", "read_astropy"]

FITS_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fits.fz")
ASTROPY_SUFFIXES = (*FITS_SUFFIXES, ".ecsv", ".vot", ".votable", ".xml")


def read_astropy(path: Path) -> tuple[pa.Table, dict[str, str]]:
    """Read a table whole: the first one of a FITS file or VOTable, or an ECSV file.

    Returns
    -------
    table
        The columns with one plain value a row; masked values are null.
    left_out
        The others, with the reason.

    Raises
    ------
    SourceError
        If the file is damaged or holds no table.
    """
    columns: dict[str, pa.Array] = {}
    fields: list[pa.Field] = []
    left_out: dict[str, str] = {}
    table = _read(path)
    for name in table.colnames:
        values = table[name]
        if not hasattr(values, "dtype") or getattr(values, "ndim", 0) != 1:
            left_out[name] = "holds more than one plain value a row"
            continue
        if values.dtype.kind not in "biufSU":
            left_out[name] = f"neither a number nor text ({values.dtype})"
            continue
        columns[name] = _to_arrow(values, name, path)
        unit = getattr(values, "unit", None)
        kept = {"unit": str(unit)} if unit is not None and str(unit) else None
        fields.append(pa.field(name, columns[name].type, metadata=kept))
    return pa.table(columns, schema=pa.schema(fields)), left_out


def _read(path: Path) -> Any:  # noqa: ANN401 - astropy has no types
    from astropy.table import Table

    kind = "fits" if has_suffix(path.name, FITS_SUFFIXES) else "votable"
    kind = "ascii.ecsv" if has_suffix(path.name, (".ecsv",)) else kind
    options = {"hdu": _first_table(path)} if kind == "fits" else {}
    try:
        # Astropy warns of units and of details of the standards; what matters here it raises.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Table.read(path, format=kind, **options)
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise SourceError(f"{printable(path)} cannot be read as a table: {reason}") from error


def _first_table(path: Path) -> int:
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False, lazy_load_hdus=False) as hdus:
                tables = [n for n, hdu in enumerate(hdus) if isinstance(hdu, _table_classes())]
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise SourceError(f"{printable(path)} cannot be read as FITS: {reason}") from error
    if not tables:
        raise SourceError(
            f"{printable(path)} holds no table; for images use the mosaic or FITS source."
        )
    return tables[0]


def _table_classes() -> tuple[type, ...]:
    from astropy.io import fits

    return (fits.BinTableHDU, fits.TableHDU)


def _to_arrow(values: Any, name: str, path: Path) -> pa.Array:  # noqa: ANN401 - astropy has no types
    mask = np.ma.getmaskarray(values) if hasattr(values, "mask") else np.zeros(len(values), bool)
    plain = np.asarray(getattr(values, "value", values))
    if plain.dtype.kind == "S":
        try:
            plain = np.char.decode(plain, "utf-8")
        except UnicodeDecodeError as error:
            raise SourceError(f'{printable(path)}: column "{name}" is not UTF-8 text.') from error
    native = plain.astype(plain.dtype.newbyteorder("="))
    return pa.array(native.tolist() if native.dtype.kind == "U" else native, mask=mask)
