from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from archive.killing import check, kill_until_done
from skylore.archive.table import Archive


@pytest.mark.parametrize("workers", [0, 2])
def test_killed_at_random_moments(tmp_path: Path, workers: int) -> None:
    path, log = tmp_path / "a.skylore", tmp_path / "log"
    archive = Archive.create(path)
    expected = {f"g{i}": 10 + i for i in range(600)}
    for part in (list(expected)[:250], list(expected)[250:]):
        archive.append(pa.table({"id": part, "image": [bytes(expected[i]) for i in part]}))
    outcome = kill_until_done(path, log, workers=workers, kills=6, seed=workers)
    assert outcome.kills == 6
    assert outcome.paid_twice == 0
    assert check(path, expected) == {"lost": 0, "doubled": 0, "wrong": 0, "set aside": 2}
