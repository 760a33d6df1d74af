"""What every text encoder asks of its input, and how long texts are divided."""

from __future__ import annotations

from collections.abc import Callable

from skylore.errors import ModelError

__all__ = ["check_text", "pieces"]


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


def pieces(text: str, *, fits: Callable[[str], bool]) -> list[str]:
    """Divide a text, at a space near its middle, until every piece fits.

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
    middle = len(text) // 2
    cuts = [cut for cut in (text.rfind(" ", 0, middle), text.find(" ", middle)) if cut > 0]
    cut = min(cuts, key=lambda place: abs(place - middle), default=middle)
    return pieces(text[:cut], fits=fits) + pieces(text[cut:], fits=fits)
