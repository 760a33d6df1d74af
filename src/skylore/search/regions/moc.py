"""Multi-order coverage maps as values (IVOA recommendation MOC 2.0)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, field_validator

from skylore.archive.sky import ORDER
from skylore.errors import QueryError
from skylore.search.value import Value

if TYPE_CHECKING:
    from mocpy import MOC

__all__ = ["MAX_RANGES", "Moc", "moc_ranges"]

MAX_RANGES = 2_000
"""A scan without masks compares each row with each of them, about 1 ns each."""

_MAX_BYTES = 64 << 20


class Moc(Value):
    """All positions in the cells of a coverage map.

    Attributes
    ----------
    cells
        The map in its ASCII form, order/cells: ``"5/1-3 6/100"``. Another order of the same cells
        is the same map, and is written in one way.
    """

    cells: str = Field(min_length=1, max_length=1 << 20)

    @field_validator("cells")
    @classmethod
    def _normal(cls, cells: str) -> str:
        return _checked(_parsed(cells))

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a map from a file: FITS, JSON or ASCII, by what it holds.

        Raises
        ------
        QueryError
            It cannot be read, is no coverage map of the sky, or has too many cells.
        """
        try:
            return cls(cells=_checked(_loaded(Path(path))))
        except (OSError, ValueError) as error:
            from skylore.explaining import explain

            raise QueryError(
                f"cannot read the coverage map {path}: {explain(error)}; MOC files are FITS, JSON "
                "or ASCII"
            ) from error


def _loaded(path: Path) -> MOC:
    from mocpy import MOC

    if path.stat().st_size > _MAX_BYTES:
        raise ValueError("it is larger than 64 MiB")
    data = path.read_bytes()
    if data.startswith(b"SIMPLE"):
        return MOC.load(path, "fits")
    text = data.decode("utf-8")
    return _parsed(text, "json" if text.lstrip().startswith("{") else "ascii")


def _parsed(text: str, form: str = "ascii") -> MOC:
    from mocpy import MOC

    if form == "ascii":
        text = text.replace(",", " ")
    try:
        return MOC.from_string(text, form)
    except OSError as error:
        raise ValueError(f"not a coverage map: {str(error).splitlines()[0]}") from error


def _checked(moc: MOC) -> str:
    """Write a map in the one way; ValueError if it is empty or too long for a filter."""
    if moc.empty():
        raise ValueError("the coverage map is empty")
    bounds = moc.to_depth29_ranges
    if bounds.max() > 12 * 4**ORDER:
        raise ValueError("the coverage map has cells that the sky has not")
    count = len(bounds)
    if count > MAX_RANGES:
        raise ValueError(
            f"the coverage map has {count} ranges of cells, and a filter takes {MAX_RANGES}; make "
            "it coarser, with degrade_to_order of mocpy for one"
        )
    # An order without cells says how fine the map could have been, and selects nothing.
    return " ".join(part for part in moc.to_string("ascii").split() if not part.endswith("/"))


@lru_cache(maxsize=16)
def moc_ranges(moc: Moc) -> list[tuple[int, int]]:
    """Give the order-29 cells of a map as ranges, both ends included."""
    bounds = _parsed(moc.cells).to_depth29_ranges
    return [(int(first), int(last) - 1) for first, last in bounds]
