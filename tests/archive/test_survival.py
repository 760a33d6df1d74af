"""Appending, deleting, compacting and indexing, killed at random moments."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.surviving import kill_while
from archive.victim import create


@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", ["append", "delete", "compact", "index"])
def test_killed_while_it_changes_the_archive(tmp_path: Path, what: str, kills: int) -> None:
    path = tmp_path / "a.skylore"
    rows = 0 if what == "append" else 4000 if what == "delete" else 600
    create(path, rows)
    longest = 2.0 if what == "index" else 0.6
    damage = kill_while(what, path, rows=rows, kills=kills, seed=kills, longest=longest)
    assert damage.kills == kills
    assert damage.none, damage
