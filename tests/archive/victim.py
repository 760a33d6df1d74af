"""A process to be killed: ``python -m archive.victim WHAT ARCHIVE LOG FIRST``.

It changes the archive until it is killed, and writes down each thing after it is done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa

from skylore import pipeline
from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.schema import PIXEL
from skylore.archive.sky import cells_of
from skylore.archive.table import Archive

A_BATCH = 20
WIDTH = 16


def name_of(number: int) -> str:
    return f"g{number}"


def image_of(name: str) -> bytes:
    """Give bytes that follow from the id."""
    return name.encode() * 20


def objects(names: list[str]) -> pa.Table:
    """Make objects that follow from their ids."""
    numbers = np.array([int(name[1:]) for name in names])
    vectors = np.stack([np.random.default_rng(n).normal(size=WIDTH) for n in numbers])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    flat = pa.array(vectors.astype(np.float16).ravel())
    table = pa.table(
        {
            "id": names,
            "ra": numbers * 0.37 % 360,
            "dec": numbers * 0.11 % 180 - 90,
            "payload": [image_of(name) for name in names],
            "image_vector": pa.FixedSizeListArray.from_arrays(flat, WIDTH),
        }
    )
    return table.append_column(PIXEL, cells_of(table))


def create(path: Path, rows: int) -> Archive:
    """Make an archive with objects 0 … rows."""
    archive = Archive.create(path)
    given = Provenance(step="ingest")
    fields = [
        pa.field("payload", pa.binary()),
        pa.field("image_vector", pa.list_(pa.float16(), WIDTH)),
    ]
    archive.add_columns([with_provenance(field, given) for field in fields])
    for start in range(0, rows, 200):
        archive.append(objects([name_of(i) for i in range(start, min(start + 200, rows))]))
    return archive


def absent(archive: Archive, names: list[str]) -> list[str]:
    there = set(archive.rows_of(names)["id"].to_pylist())
    return [name for name in names if name not in there]


def batch_of(number: int) -> list[str]:
    return [name_of(i) for i in range(number * A_BATCH, (number + 1) * A_BATCH)]


def append(archive: Archive, log: Callable[[list[str]], None], number: int) -> None:
    names = batch_of(number)
    new = absent(archive, names)
    if new:
        archive.append(objects(new))
        archive.refresh()
    log(names)


def delete(archive: Archive, log: Callable[[list[str]], None], number: int) -> None:
    names = batch_of(number)
    archive.delete(ids=names)
    log(names)


def compact(archive: Archive, log: Callable[[list[str]], None], number: int) -> None:
    append(archive, log, number)
    archive.compact(keep_versions=3)


def index(archive: Archive, log: Callable[[list[str]], None], number: int) -> None:
    append(archive, log, number)
    pipeline.index(archive, vector_rows=256, rebuild=number % 2 == 0)


ACTIONS = {"append": append, "delete": delete, "compact": compact, "index": index}


def main() -> None:
    """Go on where the log ends."""
    what, path, log = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    archive = Archive.open(path)

    def done(names: list[str]) -> None:
        with log.open("a") as file:
            file.write(" ".join(names) + "\n")

    first = int(sys.argv[4]) + (len(log.read_text().splitlines()) if log.exists() else 0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    parent = os.getppid()
    for number in count(first):
        if os.getppid() != parent:  # nobody is left to kill it
            return
        ACTIONS[what](archive, done, number)


if __name__ == "__main__":
    main()
