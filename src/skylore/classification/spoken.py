"""What classes are called, for captions and for symbols that are drawn from words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from skylore.classification.settings import ClassifierSettings
from skylore.errors import ModelError
from skylore.symbols.library import FAMILIES_BY_WORDS
from skylore.symbols.words import family_of_words

__all__ = ["readable", "spoken_names", "with_symbols"]

_YES_AND_NO = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("1", "0"))


def readable(name: str) -> str:
    """Write the name of a class in words."""
    return name.replace("_", " ").strip()


def spoken_names(column: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Call classes by words: *true* of a column ``is_ring`` is a ring, and *false* is no ring.

    So are *yes* and *no*, and 1 and 0 where the name of the column says what something looks like.
    """
    found = {name.lower(): name for name in classes}
    answers = next((pair for pair in _YES_AND_NO if set(pair) == set(found)), None)
    if answers is None:
        return tuple(classes)
    subject = re.sub(r"^(is|has)[_ ]|[_ ]?(flag|label)$", "", readable(column.lower()))
    if answers == ("1", "0") and not _drawable(subject):
        return tuple(classes)
    said = {found[answers[0]]: subject, found[answers[1]]: f"no {subject}"}
    return tuple(said[name] for name in classes)


def with_symbols(
    settings: ClassifierSettings, spoken: Sequence[str]
) -> tuple[ClassifierSettings, str | None]:
    """Leave symbols out where no word of a class says what it looks like, and say so.

    Returns
    -------
    ClassifierSettings
    str or None
        What is to be told to the user.
    """
    if settings.objective != "tri-modal" or settings.symbols != FAMILIES_BY_WORDS:
        return settings, None
    unknown = [name for name in spoken if not _drawable(name)]
    if not unknown:
        return settings, None
    shown = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
    notice = (
        f"learnt without symbols: no word of {shown} says what it looks like; give drawings with "
        "--symbols, a folder or a JSON file of figures"
    )
    return settings.model_copy(update={"objective": "bimodal"}), notice


def _drawable(name: str) -> bool:
    try:
        family_of_words(name)
    except ModelError:
        return False
    return True
