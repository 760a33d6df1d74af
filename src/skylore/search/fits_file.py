"""An answer as a FITS binary table that TOPCAT, STILTS and astropy read alike."""

from __future__ import annotations

import io
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from skylore.archive.schema import ID
from skylore.search.astropy_table import deprecated_units

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["escape", "to_fits", "transliterate"]

SIGNS = str.maketrans(
    {"×": "x", "−": "-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."}
)
META = {
    "query": "SKYQUERY",
    "plan": "SKYPLAN",
    "archive": "SKYARCH",
    "archive_version": "SKYVERS",
    "message": "SKYMSG",
    "skylore_version": "SKYLORE",
    "left_out": "SKYLEFT",
}
"""FITS keywords of a table's metadata."""


def to_fits(table: Table) -> bytes:
    r"""Write a table as the first extension of a FITS file.

    FITS texts are ASCII. Other characters are transliterated (é as e, α as alpha) and where that
    is not possible, and always in ids, written as escapes such as ``\u2609``; a COMMENT says
    which columns that was done to. Descriptions are in ``TCOMMn``, UCDs in ``TUCDn``, the query
    and the plan in ``SKYQUERY`` and ``SKYPLAN`` (long ones over CONTINUE cards). Missing numbers
    are NaN or the column's ``TNULLn``; missing texts are empty.
    """
    plain, changed = _ascii(table)
    with deprecated_units():
        hdu = fits.table_to_hdu(plain)
    header = hdu.header
    for i, name in enumerate(table.colnames, start=1):
        column = table[name]
        if column.description:
            header[f"TCOMM{i}"] = transliterate(column.description)
        if "ucd" in column.meta:
            header[f"TUCD{i}"] = column.meta["ucd"]
    header["EXTNAME"] = "SKYLORE"
    for name, keyword in META.items():
        if name in table.meta:
            header[keyword] = escape(str(table.meta[name]))
    for name in changed:
        header["COMMENT"] = (
            f"Column {transliterate(name)}: characters other than ASCII were transliterated or "
            "escaped; the originals are in a VOTable, Parquet or CSV of the same answer."
        )
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer)
    return buffer.getvalue()


def _ascii(table: Table) -> tuple[Table, list[str]]:
    """Copy a table with ASCII names and texts; and list the columns whose texts changed."""
    plain = Table(table, copy=True)
    plain.meta.clear()
    changed = []
    for name in table.colnames:
        column = plain[name]
        fill = getattr(column, "fill_value", None)
        column.description = None
        column.meta.clear()
        if column.dtype.kind == "U" and not all(str(v).isascii() for v in column):
            _rewrite(plain, name, escape if name == ID else transliterate)
            changed.append(name)
        elif hasattr(column, "mask") and column.dtype.kind in "iu":
            plain[name].fill_value = fill
    _rename(plain)
    return plain, changed


def _rewrite(table: Table, name: str, write: Callable[[str], str]) -> None:
    column = table[name]
    texts = np.array([write(str(v)) for v in np.ma.getdata(column)], dtype=np.str_)
    mask: Any = getattr(column, "mask", None)
    table[name] = texts if mask is None else np.ma.array(texts, mask=mask)


def _rename(table: Table) -> None:
    """Give ASCII names that differ by more than the case of letters, as FITS asks."""
    seen: set[str] = set()
    for name in table.colnames:
        plain = transliterate(name)
        new, number = plain, 1
        while new.lower() in seen:
            number += 1
            new = f"{plain}_{number}"
        seen.add(new.lower())
        if new != name:
            table.rename_column(name, new)


def transliterate(text: str) -> str:
    """Write a text in printable ASCII, as legibly as can be."""
    return "".join(_plain(c) for c in unicodedata.normalize("NFC", text).translate(SIGNS))


def _plain(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    words = unicodedata.name(character, "").split()
    if not base and words[:1] == ["GREEK"] and "LETTER" in words:
        letter = words[words.index("LETTER") + 1].lower()
        base = letter.capitalize() if "CAPITAL" in words else letter
    return base or escape(character)


def escape(text: str) -> str:
    """Write a text in printable ASCII without loss: Python's escapes for what is not."""
    return "".join(
        c
        if c.isascii() and c.isprintable() and c != "\\"
        else c.encode("unicode_escape").decode("ascii")
        for c in text
    )
