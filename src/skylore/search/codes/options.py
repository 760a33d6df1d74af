"""How codes are built, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AT_ONCE", "TRIED", "CodeOptions", "Forecast", "forecast"]

LARGEST_SAMPLE = 1 << 19
AT_ONCE = 1 << 15
"""Vectors of a sample that are held in full at a time; of the others, their projections."""
TRIED = 16_384
"""Rows that are coded twice, to forecast how long all take."""
SAMPLE_A_LIST = 64
FEWEST_LISTS, MOST_LISTS = 16, 16_384
BOOKKEEPING = 12
"""Bytes a row besides its code: row id and place."""
BASE_MEMORY = 350 << 20
"""Of a process that scans the table, what the engine reads ahead included: as measured."""


class CodeOptions(BaseModel):
    """How to build codes.

    Attributes
    ----------
    bytes_a_row
        Length of a code.
    segment_rows
        Rows in a segment, at about which it is closed.
    progress
        Show a progress bar on stderr.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes_a_row: int = Field(128, ge=8, le=1024)
    segment_rows: int = Field(1 << 20, ge=1024)
    progress: bool = True

    def lists_for(self, rows: int) -> int:
        """Give a power of two near the square root of the number of rows."""
        root = 1 << max(0, round(rows**0.5) - 1).bit_length()
        return int(min(max(root, FEWEST_LISTS), MOST_LISTS))

    def sample_for(self, rows: int) -> int:
        """Give how many vectors are read to learn from."""
        return min(rows, LARGEST_SAMPLE, max(SAMPLE_A_LIST * self.lists_for(rows), 65_536))


@dataclass(frozen=True)
class Forecast:
    """What a build takes.

    Attributes
    ----------
    rows
        To be coded.
    memory, disk
        Bytes: the most at any time, and what is left lying.
    seconds
        From the rate at which a sample was coded; None before that was measured.
    """

    rows: int
    memory: int
    disk: int
    seconds: float | None = None

    def __str__(self) -> str:
        """Say it in one line."""
        text = f"{self.rows} rows: {self.disk / 1e6:.0f} MB of disk, {self.memory / 1e6:.0f} MB"
        text += " of memory"
        return text if self.seconds is None else f"{text}, about {self.seconds:.0f} s"


def forecast(
    rows: int, dimension: int, options: CodeOptions, *, seconds_a_row: float | None = None
) -> Forecast:
    """Say what coding so many rows of vectors of a length takes."""
    row = options.bytes_a_row + BOOKKEEPING
    segment = 2 * min(rows, options.segment_rows) * (row + 12)
    sample = options.sample_for(rows)
    sample = 4 * sample * options.bytes_a_row + 12 * min(sample, AT_ONCE) * dimension
    return Forecast(
        rows=rows,
        memory=BASE_MEMORY + max(segment, sample),
        disk=rows * row,
        seconds=None if seconds_a_row is None else rows * seconds_a_row,
    )
