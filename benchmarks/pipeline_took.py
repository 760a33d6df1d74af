"""What a stage of the pipeline takes: processor seconds, memory, bytes."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import lance
import pyarrow as pa

__all__ = ["Took", "written"]


@dataclass
class Took:
    """What a stage took.

    Attributes
    ----------
    rows
        Objects, or searches.
    seconds
        Of the processor, by part; ours is ``all``.
    disk
        Bytes that it left lying.
    """

    rows: int
    disk: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def per_row(self) -> dict[str, float]:
        """Seconds a row of each part."""
        return {part: seconds / self.rows for part, seconds in self.seconds.items()}

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add what the body takes to a part."""
        start = processor()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + processor() - start


def processor() -> float:
    """Seconds of the processor that this process and its children used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def written(took: Took, table: pa.Table, folder: Path) -> None:
    """Write a table by plain Lance, in one commit."""
    place = folder / "bare.lance"
    shutil.rmtree(place, ignore_errors=True)
    with took.timed("write"):
        lance.write_dataset(table, str(place), data_storage_version="2.1")
