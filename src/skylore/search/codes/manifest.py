"""Which codes there are for a column, and what was measured when they were built."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from skylore.archive.location import Location

__all__ = ["BUILDING", "FILE", "Calibration", "Costs", "Manifest", "folder_of"]

FILE = "manifest.json"
BUILDING = "building.json"
"""Codes that will take the place of those in use when all are there."""


class Costs(BaseModel):
    """What work takes on this machine, measured on these codes.

    Attributes
    ----------
    scan, gather, probe
        Nanoseconds a row: all codes in order; chosen codes; codes of chosen lists.
    refine, read
        Microseconds a row read and compared in full, and milliseconds a read.
    start
        Milliseconds that a search takes whatever it does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scan: float = 8.0
    gather: float = 30.0
    probe: float = 15.0
    refine: float = 12.0
    read: float = 1.5
    start: float = 0.5


class Calibration(BaseModel):
    """What recall takes, measured on sampled queries.

    Attributes
    ----------
    recalls
        Shares of the exact answer, ascending.
    counts
        Lengths of answers, ascending.
    margins
        For each recall and each length, how many standard deviations of the codes' errors below
        the last hit candidates are still read in full.
    bias, spread
        Usual mean and standard deviation of the codes' errors (exact less estimate) among the best.
    misses
        For each recall, how many members of lists that are not probed may be expected to be better
        than the last of the best, as a share of an answer of the greatest length in ``counts``.
    leniency
        For each length, how many times that share is enough; nothing where that was not measured.
    tail
        Ascending deviations from a list's mean score, in standard deviations, and the share of its
        members that score higher: two rows of equal length.
    ranks, shares
        Share of all rows that is probed for that many candidates, at the middle of ``recalls``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recalls: tuple[float, ...]
    counts: tuple[int, ...]
    margins: tuple[tuple[float, ...], ...]
    bias: float
    spread: float
    misses: tuple[float, ...]
    leniency: tuple[float, ...] = ()
    tail: tuple[tuple[float, ...], tuple[float, ...]]
    ranks: tuple[int, ...]
    shares: tuple[tuple[float, ...], ...]

    def margin(self, level: int, count: int) -> float:
        """Give the margin for a place in ``recalls`` and a length of answer."""
        return float(np.interp(np.log(count), np.log(self.counts), self.margins[level]))

    def allowance(self, level: int, count: int) -> float:
        """Give how many better members may be left in other lists by an answer of a length."""
        factors = self.leniency or (1.0,) * len(self.counts)
        factor = float(np.interp(np.log(count), np.log(self.counts), factors))
        return self.misses[level] * factor * count


class Manifest(BaseModel):
    """The codes of a column.

    Attributes
    ----------
    column, recipe
        The column, and a digest of how its vectors were made.
    codebook
        Its digest, which names its file.
    segments
        Names of their folders.
    costs, calibration
        As measured; none until all rows were coded once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    recipe: str
    codebook: str
    segments: tuple[str, ...] = ()
    costs: Costs | None = None
    calibration: Calibration | None = None

    def save(self, folder: Path, name: str = FILE) -> None:
        """Put it in the place of the one before, in one step."""
        unfinished = folder / f".{uuid.uuid4().hex}.json"
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / name)

    @classmethod
    def load(cls, folder: Path, name: str = FILE) -> Manifest | None:
        """Read it; None if there is none, or one that this version cannot read."""
        try:
            return cls.model_validate_json((folder / name).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    @staticmethod
    def stamp(folder: Path) -> int:
        """Tell one manifest in a folder from the next; 0 if there is none."""
        try:
            return (folder / FILE).stat().st_mtime_ns
        except FileNotFoundError:
            return 0


def folder_of(location: Location, column: str) -> Path:
    """Give the folder of a column's codes.

    It lies in the archive; for one in an object store, in this machine's cache
    (``XDG_CACHE_HOME``).
    """
    if location.is_local:
        return location.folder / "indexes" / "codes" / column
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(location.root.encode()).hexdigest()[:16]
    return cache / "skylore" / digest / "codes" / column
