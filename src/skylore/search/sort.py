"""The order of a listing, as a value."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field

from skylore.search.value import Value

__all__ = ["Sort"]

_DIRECTION = re.compile(r"\s+(asc|desc)\s*$", re.IGNORECASE)


class Sort(Value):
    """By which column objects are listed, smallest first unless ``descending``.

    Objects without a value come last either way; those of equal values are ordered by id.
    """

    column: str = Field(min_length=1)
    descending: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"mag"`` or ``"mag desc"``; names may be in backticks or double quotes.

        Examples
        --------
        >>> Sort.parse("`my mag` desc")
        Sort(column='my mag', descending=True)
        """
        found = _DIRECTION.search(text)
        name = (text[: found.start()] if found else text).strip()
        if len(name) > 2 and name[0] == name[-1] and name[0] in '`"':
            name = name[1:-1]
        return cls(column=name, descending=found is not None and found[1].lower() == "desc")

    def __str__(self) -> str:
        """Write it so that :meth:`parse` reads it back."""
        quoted = f"`{self.column}`" if re.search(r"\W", self.column) else self.column
        return f"{quoted} desc" if self.descending else quoted
