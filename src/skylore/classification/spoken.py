"""What classes are called, for captions and for symbols that are drawn from words."""

from __future__ import annotations

from collections.abc import Sequence

from skylore.classification.settings import ClassifierSettings
from skylore.errors import ModelError
from skylore.symbols.library import FAMILIES_BY_WORDS
from skylore.symbols.words import family_of_words

__all__ = ["readable", "spoken_names", "with_symbols"]


def readable(name: str) -> str:
    """Write the name of a class in words."""
    return name.replace("_", " ").strip()


def spoken_names(column: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Call classes by words: *true* of a column ``ring`` is a ring, and *false* is no ring."""
    if set(classes) == {"false", "true"}:
        subject = readable(column.removeprefix("is_").removeprefix("has_"))
        return tuple(subject if name == "true" else f"no {subject}" for name in classes)
    return tuple(classes)


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
