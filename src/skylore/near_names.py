"""What to say of a name that does not exist: the names near to it, or all of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["hint_of"]

_NEAR, _CUTOFF = 3, 0.5
_MOST = 40


def hint_of(asked: str, names: Iterable[str]) -> str:
    """Suggest what may be meant by a name that is none of ``names``.

    Letter case does not matter. Where nothing is near, all names are listed, forty at most.

    Examples
    --------
    >>> hint_of("redshft", ["u", "g", "Redshift"])
    'did you mean Redshift?'
    >>> hint_of("area", ["u", "g"])
    'there are: u, g'
    """
    by_lower: dict[str, list[str]] = {}
    for name in names:
        by_lower.setdefault(name.lower(), []).append(name)
    close = difflib.get_close_matches(asked.lower(), by_lower, n=_NEAR, cutoff=_CUTOFF)
    meant = [name for lower in close for name in by_lower[lower]]
    if meant:
        return f"did you mean {', '.join(meant)}?"
    every = [name for same in by_lower.values() for name in same]
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return f"there are: {', '.join(every[:_MOST])}{more}" if every else "there are none"
