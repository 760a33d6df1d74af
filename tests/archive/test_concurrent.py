"""Several processes that write to one archive at once."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa

from archive.steps import FirstByteStep, LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive


def fill(path: Path, step: LengthStep) -> int:
    options = FillOptions(progress=False, fold_rows=16, batch_rows=8)
    return Archive.open(path).fill(step, options).done


def append(path: Path, rows: int) -> None:
    archive = Archive.open(path)
    for i in range(rows):
        archive.append(pa.table({"id": [f"new{i}"], "image": [bytes([7, 7])]}))


def test_two_steps_and_an_ingest_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.skylore"
    archive = Archive.create(path)
    images = [bytes([i % 200 + 1] * (i % 50 + 1)) for i in range(240)]
    archive.append(pa.table({"id": [f"g{i}" for i in range(240)], "image": images}))
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        one = processes.submit(fill, path, LengthStep(seconds=0.01))
        other = processes.submit(fill, path, FirstByteStep(seconds=0.01))
        added = processes.submit(append, path, 20)
        assert min(one.result(), other.result()) >= 240
        added.result()
    archive.refresh()
    fill(path, LengthStep())
    fill(path, FirstByteStep())
    archive.refresh()
    rows = archive.read(["image", "length", "first_byte"]).to_pylist()
    assert len(rows) == 260
    assert all(row["length"] == len(row["image"]) for row in rows)
    assert all(row["first_byte"] == row["image"][0] for row in rows)
