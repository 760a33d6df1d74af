from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from skylore.archive.table import Archive

SCRIPT = """
import sys
from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive

Archive.open(sys.argv[1]).fill(LengthStep(), FillOptions(workers=2, progress=False))
"""


def test_rows_are_not_blamed_for_a_script_that_starts_itself_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.skylore"
    ids, images = [f"g{i}" for i in range(8)], [b"x" * i for i in range(1, 9)]
    Archive.create(path).append(pa.table({"id": ids, "image": images}))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    told = subprocess.run(
        [sys.executable, script, path], capture_output=True, text=True, timeout=120,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""}, check=False,
    )  # fmt: skip
    assert told.returncode != 0
    assert "ArchiveError: worker processes die before they read a row" in told.stderr
    assert "__main__" in told.stderr
    assert Archive.open(path).quarantine.read().num_rows == 0
