"""An answer as plain text for a terminal."""

from __future__ import annotations

import math
import shutil
import unicodedata
from typing import TYPE_CHECKING

from skylore.search.flatten import flatten

if TYPE_CHECKING:
    from skylore.search.results import Results

__all__ = ["to_text"]

GAP = "  "
DIGITS = {"score": ".4f", "ra": ".6f", "dec": ".6f"}
"""A position to a few milliarcseconds; other numbers have six significant digits."""
NARROWEST = 12
"""A text column is cut down to so many characters before one is left out."""


def to_text(results: Results, width: int | None = None) -> str:
    """Draw rank, id, score and the other columns, no line wider than the terminal.

    Parameters
    ----------
    results
        The answer.
    width
        Characters a line; None asks the terminal.
    """
    if len(results) == 0:
        return "no hits\n"
    width = width or shutil.get_terminal_size((100, 24)).columns
    table, _ = flatten(results.table)
    columns: list[list[str]] = []
    numeric: list[bool] = []
    for name in table.column_names:
        values = table[name].to_pylist()
        if name in ("rank", "id") or any(v is not None for v in values):
            columns.append([name, *(_shown(v, DIGITS.get(name, ".6g")) for v in values)])
            numeric.append(all(v is None or isinstance(v, int | float) for v in values))
    widths, kept = _fit([max(map(_width, column)) for column in columns], numeric, width)
    lines = [
        GAP.join(
            _padded(column[row], widths[i], right=numeric[i])
            for i, column in enumerate(columns[:kept])
        ).rstrip()
        for row in range(len(columns[0]))
    ]
    left_out = ", ".join(column[0] for column in columns[kept:])
    note = [f"not shown, for want of width: {left_out}"] if left_out else []
    return "\n".join([*lines, *note]) + "\n"


def _fit(natural: list[int], numeric: list[bool], width: int) -> tuple[list[int], int]:
    """Narrow the widest text columns until a line fits; leave out the last ones if it cannot."""
    kept = len(natural)
    while kept > 1:
        widths = natural[:kept]
        spare = width - len(GAP) * (kept - 1) - sum(widths)
        texts = [i for i in range(1, kept) if not numeric[i]]
        while spare < 0 and texts:
            widest = max(texts, key=lambda i: widths[i])
            if widths[widest] <= NARROWEST:
                break
            widths[widest] -= 1
            spare += 1
        if spare >= 0:
            return widths, kept
        kept -= 1
    return [min(natural[0], width)], 1


def _shown(value: object, digits: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:{digits}}" if math.isfinite(value) else "–"
    if isinstance(value, list):
        return f"[{len(value)} numbers]"
    # Control characters of a stored text must not reach the terminal.
    return "".join(c if c.isprintable() else " " for c in str(value))


def _width(text: str) -> int:
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _padded(text: str, width: int, *, right: bool) -> str:
    if _width(text) > width:
        cut, used = "", 0
        for character in text:
            if used + _cells(character) > width - 1:
                break
            cut, used = cut + character, used + _cells(character)
        text = cut + "…"
    blank = " " * (width - _width(text))
    return blank + text if right else text + blank
