"""Names of survey bands, and which of them is the reddest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["band_names", "reddest_first", "unique_names"]

_BLUE_TO_RED = ("FUV", "NUV", "u", "U", "B", "g", "G", "V", "r", "R", "i", "I", "z", "Z", "y", "Y")
_INFRARED = ("J", "H", "K", "Ks", "W1", "W2", "W3", "W4")
_ORDER = {band: rank for rank, band in enumerate((*_BLUE_TO_RED, *_INFRARED))}
_NO_BAND = {"", "SCI", "PRIMARY", "IMAGE", "COMPRESSED_IMAGE", "DATA"}


def band_names(header: Mapping[str, object], count: int) -> list[str]:
    """Name the bands of one HDU by its header.

    Parameters
    ----------
    header
        Read for ``FILTER``, ``BAND`` and ``EXTNAME`` where there is one band; for ``BANDS`` (as
        the Legacy Surveys write it, ``grz``) and for ``BAND0``, ``BAND1``, … where there are more.
    count
        The number of bands.
    """
    if count == 1:
        for key in ("FILTER", "BAND", "EXTNAME"):
            name = str(header.get(key, "")).strip()
            if name.upper() not in _NO_BAND:
                return [name]
        return ["band"]
    listed = str(header.get("BANDS", "")).strip()
    split = re.split(r"[\s,]+", listed) if re.search(r"[\s,]", listed) else list(listed)
    if len(split) == count:
        return split
    for first in (0, 1):
        numbered = [str(header.get(f"BAND{n}", "")).strip() for n in range(first, first + count)]
        if all(numbered):
            return numbered
    return [f"band {number}" for number in range(1, count + 1)]


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Tell names that repeat apart by a number."""
    unique: list[str] = []
    for name in names:
        candidate, number = name, 2
        while candidate in unique:
            candidate, number = f"{name} ({number})", number + 1
        unique.append(candidate)
    return tuple(unique)


def reddest_first(names: Sequence[str]) -> tuple[str, ...]:
    """Order bands from red to blue.

    Names such as ``g``, ``DES-G``, ``decam_r`` or ``Ks`` are ordered by wavelength. If one is
    unknown, the bands are taken to be stored from blue to red, as most surveys do.
    """
    ranks = [_rank(name) for name in names]
    known = [rank for rank in ranks if rank is not None]
    if len(known) < len(ranks) or len(set(known)) < len(known):
        return tuple(reversed(names))
    return tuple(sorted(names, key=lambda name: -known[list(names).index(name)]))


def _rank(name: str) -> int | None:
    last = re.split(r"[\s._\-:]+", name.strip())[-1]
    if last in _ORDER:
        return _ORDER[last]
    return _ORDER.get(last.lower(), _ORDER.get(last.upper()))
