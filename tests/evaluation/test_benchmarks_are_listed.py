from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_every_benchmark_is_run_by_the_one_command() -> None:
    if not FOLDER.is_dir():
        pytest.skip("the benchmarks are not part of an installed package")
    listed = set(re.findall(r'"([a-z_0-9]+)"', (FOLDER / "__main__.py").read_text()))
    runnable = {
        path.stem
        for path in FOLDER.glob("*.py")
        if "def main() -> None:" in path.read_text() and path.stem != "__main__"
    }
    assert runnable <= listed
