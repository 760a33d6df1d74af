"""What a symbol should show, from a type on the Hubble sequence such as ``SAB(rs)bc`` or ``E5``."""

from __future__ import annotations

import re

from skylore.symbols.symbol import Bounds, Family

__all__ = ["family_of_type"]

_TYPE = re.compile(
    r"""
    (?P<outer>\(R'?[12]?'?\))?
    (?:
        [cd]?E(?P<flatness>[0-7])? (?:\+|-)? | cD
      | S(?P<bar>AB|A|B)? (?:\([rs]+\))? (?P<stage>0|ab|a|bc|b|cd|c|dm|d|m)? (?:[+-]|/a|\^[0+-]\^?)?
      | (?P<irregular>Irr?I{0,2}|I(?:AB|A|B)?(?:\([rs]+\))?(?:m|0))
    )
    (?P<doubt>:|\?|p|pec)*
    """,
    re.VERBOSE,
)
_BARS: dict[str | None, dict[str, Bounds]] = {
    "B": {"bar": (0.4, 0.5)},
    "AB": {"bar": (0.34, 0.38)},
}
_STAGES: dict[str | None, dict[str, Bounds]] = {
    "a": {"pitch": (8, 12), "bulge": (0.27, 0.33), "arms": 2},
    "ab": {"pitch": (10, 14), "bulge": (0.23, 0.28), "arms": 2},
    "b": {"pitch": (13, 18), "bulge": (0.19, 0.24), "arms": 2},
    "bc": {"pitch": (16, 21), "bulge": (0.15, 0.2), "arms": (2, 3)},
    "c": {"pitch": (19, 26), "bulge": (0.11, 0.15), "arms": (2, 3)},
    "cd": {"pitch": (23, 30), "bulge": (0.07, 0.11), "arms": (2, 3), "clumps": (2, 4)},
    "d": {"pitch": (27, 34), "bulge": (0.04, 0.07), "arms": (2, 3), "clumps": (3, 6)},
    "dm": {"pitch": (28, 36), "bulge": 0.04, "arms": 2, "clumps": (4, 7), "lopsidedness": 0.15},
    "m": {"pitch": (30, 38), "arms": 1, "clumps": (5, 8), "lopsidedness": (0.2, 0.3)},
    None: {"pitch": (12, 30), "bulge": (0.12, 0.2), "arms": (2, 3)},
}
"""Arms open and bulges shrink along the sequence (Hubble 1926; de Vaucouleurs 1959)."""
_DISC: dict[str, Bounds] = {"shading": 0.0, "axis_ratio": (0.75, 1.0)}
_LENTICULAR: dict[str, Bounds] = {"shading": 0.7, "axis_ratio": (0.4, 0.8), "bulge": (0.3, 0.4)}
_IRREGULAR: dict[str, Bounds] = {
    "shading": 0.4,
    "axis_ratio": (0.6, 0.95),
    "lopsidedness": (0.35, 0.5),
    "clumps": (5, 8),
}


def family_of_type(name: str) -> Family | None:
    """Give the family of symbols of a Hubble type, or None where the text is none.

    Letters are read as astronomers write them: ``SBc`` is barred, ``Sbc`` lies between b and c.
    """
    found = _TYPE.fullmatch(name.strip())
    if found is None:
        return None
    if found["irregular"]:
        return Family(figures=_IRREGULAR)
    spiral = name.removeprefix(found["outer"] or "").startswith("S")
    figures = _disc(found["bar"], found["stage"]) if spiral else _ball(found["flatness"])
    outer: dict[str, Bounds] = {"ring": (0.88, 0.95)} if found["outer"] else {}
    return Family(figures=figures | outer)


def _disc(bar: str | None, stage: str | None) -> dict[str, Bounds]:
    kind = _LENTICULAR if stage == "0" else _DISC | _STAGES[stage]
    barred = _BARS.get(bar, {})
    # Arms leave the ends of a bar, which has two.
    return kind | barred | ({"arms": 2} if barred and kind.get("arms") == (2, 3) else {})


def _ball(flatness: str | None) -> dict[str, Bounds]:
    """Give an ellipse of type En, whose axis ratio is 1 − n / 10."""
    if flatness is None:
        return {"shading": 1.0, "axis_ratio": (0.6, 0.95)}
    ratio = 1 - int(flatness) / 10
    return {"shading": 1.0, "axis_ratio": (ratio - 0.03, min(1.0, ratio + 0.03))}
