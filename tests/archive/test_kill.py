from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from archive.killing import check, kill_ingest_until_done, kill_until_done
from skylore.archive.table import Archive


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_at_random_moments(tmp_path: Path, workers: int, kills: int) -> None:
    path, log = tmp_path / "a.skylore", tmp_path / "log"
    archive = Archive.create(path)
    expected = {f"g{i}": 10 + i for i in range(150 * kills)}
    for part in (list(expected)[:250], list(expected)[250:]):
        archive.append(pa.table({"id": part, "image": [bytes(expected[i]) for i in part]}))
    outcome = kill_until_done(path, log, workers=workers, kills=kills, seed=workers)
    assert outcome.kills == kills
    assert outcome.paid_twice == 0
    assert check(path, expected) == {"lost": 0, "doubled": 0, "wrong": 0, "set aside": 2}


def test_ingest_killed_at_random_moments(tmp_path: Path) -> None:
    source = tmp_path / "images"
    source.mkdir()
    rng = np.random.default_rng(0)
    for i in range(400):
        noise = rng.integers(0, 255, (32, 32, 3), np.uint8)
        Image.fromarray(noise).save(source / f"g{i:03d}.png")
    path = tmp_path / "a.skylore"
    assert kill_ingest_until_done(path, source, kills=6, seed=0) > 3
    table = Archive.open(path).read(["id", "image"]).to_pydict()
    assert sorted(table["id"]) == sorted(p.stem for p in source.iterdir())
    images = dict(zip(table["id"], table["image"], strict=True))
    assert all(images[p.stem] == p.read_bytes() for p in source.iterdir())
