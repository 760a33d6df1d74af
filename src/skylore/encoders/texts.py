"""What every text encoder asks of its input, and how long texts are divided and joined again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.encoders.base import Vectors
from skylore.encoders.vectors import unit_rows
from skylore.errors import ModelError

__all__ = ["PIECES", "check_text", "encode_whole", "pieces"]

PIECES = "pieces-2"
"""Names the way long texts are divided, for the revisions of encoders that divide so."""

_SENTENCE_END = re.compile(r"[.!?;:][\"')\]]*\s+|\n+")


def check_text(text: str, number: int) -> None:
    """Refuse what has nothing to encode.

    Raises
    ------
    ModelError
        If the text is not a string, holds no words, or is not valid Unicode.
    """
    if not isinstance(text, str):
        raise ModelError(f"text number {number} is a {type(text).__name__}, not a string")
    if not text.strip():
        raise ModelError(
            f"text number {number} is empty: it has no words to encode. Leave such rows out."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ModelError(f"text number {number} is not valid Unicode: {error}") from error


def encode_whole(
    texts: Sequence[str],
    *,
    encode: Callable[[list[str]], NDArray[Any]],
    size: Callable[[str], int],
    limit: int | None,
    encoder: str,
) -> Vectors:
    """Encode texts of any length by an encoder of a limited one, cutting nothing off.

    A text beyond the limit is divided into pieces within it; the vector of the text is the mean
    of its pieces' unit vectors, weighted by their sizes, at unit length.

    Parameters
    ----------
    texts : sequence of str
    encode : callable
        Gives a row for each of many texts within the limit; called once, or never without texts.
    size : callable
        Length of a text in what the limit counts, such as tokens.
    limit : int, optional
        The greatest size that is encoded whole; by default there is none.
    encoder : str
        Its name, for error messages.

    Returns
    -------
    ndarray, shape (N, D), float32
        Unit rows.

    Raises
    ------
    ModelError
        If a text is empty or is not text, or a row has no direction.
    """
    parts: list[str] = []
    owners: list[int] = []
    for row, text in enumerate(texts):
        check_text(text, row)
        divided = pieces(text, fits=lambda part: limit is None or size(part) <= limit)
        parts += divided
        owners += [row] * len(divided)
    unit = unit_rows(encode(parts), encoder=encoder)
    if len(parts) == len(texts):
        return unit
    sums = np.zeros((len(texts), unit.shape[1]), dtype=np.float64)
    np.add.at(sums, owners, unit * np.array([size(part) for part in parts])[:, None])
    return unit_rows(sums, encoder=encoder)


def pieces(text: str, *, fits: Callable[[str], bool]) -> list[str]:
    """Divide a text near its middle until every piece fits: at sentences, else between words.

    Parameters
    ----------
    text : str
    fits : callable
        Whether a piece is within the encoder's limit.

    Returns
    -------
    list of str
        In order; the text itself if it fits. Nothing but blanks at the cuts is lost.
    """
    text = text.strip()
    if len(text) < 2 or fits(text):
        return [text]
    cut = _cut_near_middle(text)
    return pieces(text[:cut], fits=fits) + pieces(text[cut:], fits=fits)


def _cut_near_middle(text: str) -> int:
    """Choose the end of a sentence in the middle half, else a space, else the middle."""
    middle = len(text) // 2
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    near = [end for end in ends if len(text) // 4 <= end <= len(text) - len(text) // 4]
    spaces = (text.rfind(" ", 0, middle), text.find(" ", middle))
    cuts = [end for end in near if 0 < end < len(text)] or [cut for cut in spaces if cut > 0]
    return min(cuts, key=lambda place: abs(place - middle), default=middle)
