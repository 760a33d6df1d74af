"""An archive whose images differ in nothing but length, so that each row's value is known."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from skylore.archive.table import Archive


def make_archive(path: Path, rows: int) -> Archive:
    """Make an archive of ``g0``, ``g1`` …, in two files; image ``i`` has ``10 + i`` bytes."""
    archive = Archive.create(path)
    for start in (0, rows // 2):
        part = range(start, start + rows // 2)
        archive.append(
            pa.table({"id": [f"g{i}" for i in part], "image": [bytes(10 + i) for i in part]})
        )
    return archive


def expected(rows: int) -> dict[str, int]:
    """Give the length that each object's image has."""
    return {f"g{i}": 10 + i for i in range(rows)}


def lengths(archive: Archive) -> dict[str, int]:
    """Read what a step has written."""
    table = archive.read(["id", "length"])
    return dict(zip(table["id"].to_pylist(), table["length"].to_pylist(), strict=True))
