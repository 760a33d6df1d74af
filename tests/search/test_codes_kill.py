from __future__ import annotations

from pathlib import Path

import pytest

from search.killed_builds import kill_builds


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_a_killed_build_goes_on_and_ends_as_if_nothing_had_been(tmp_path: Path, kills: int) -> None:
    outcome = kill_builds(tmp_path, rows=6000, kills=kills, seed=kills)
    assert outcome.kills == kills
    assert outcome.rows >= 6000
    assert (outcome.lost, outcome.doubled, outcome.wrong, outcome.again) == (0, 0, 0, 0)
    assert outcome.problems == []
