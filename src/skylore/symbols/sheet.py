"""A sheet with the symbols of each class, to look at."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from skylore.symbols.library import Symbols

__all__ = ["draw_sheet"]

GAP = 8
NAME_WIDTH = 26
"""Longest line of a class's name, in letters."""
LINE = 16
GREY = (200, 200, 200)


def draw_sheet(
    symbols: Symbols,
    *,
    classes: Sequence[str] | None = None,
    each: int = 8,
    size: int = 96,
    seed: int = 0,
) -> Image.Image:
    """Draw some symbols of each class in a row, with the name of the class beside them.

    Parameters
    ----------
    symbols : Symbols
    classes : sequence of str, optional
        Only these.
    each : int
        How many of each class.
    size : int
        Side of a symbol in pixels.
    seed : int
        Equal seeds give equal sheets.
    """
    names = classes or symbols.classes
    rng = np.random.default_rng(seed)
    font = ImageFont.load_default(size=13)
    margin = NAME_WIDTH * 8
    height = size + GAP
    sheet = Image.new("RGB", (margin + each * (size + GAP), height * len(names) + GAP))
    pen = ImageDraw.Draw(sheet)
    for row, name in enumerate(names):
        top = GAP + row * height
        lines = _lines(name)
        pen.text((GAP, top + size / 2 - LINE * len(lines) / 2), "\n".join(lines), GREY, font)
        for i in range(each):
            drawing = Image.fromarray(symbols.sample(name, rng, size))
            sheet.paste(drawing, (margin + i * (size + GAP), top))
    return sheet


def _lines(name: str) -> list[str]:
    """Break a name after a space, ``_`` or ``-`` where there is one, into four lines at most."""
    lines = [""]
    for part in re.findall(rf"[^\s_-]{{1,{NAME_WIDTH}}}[\s_-]*|[\s_-]+", name):
        if len(lines[-1]) + len(part.rstrip()) > NAME_WIDTH:
            lines.append("")
        lines[-1] += part
    return lines[:4]
