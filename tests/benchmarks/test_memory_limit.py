"""A limit on memory that counts the files that are read, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 96 << 20
READING = """
import sys
from benchmarks.filtered_limits import confine
group = confine("test", {limit})
print(group.folder, flush=True)
held = b"x" * {own}
with open(sys.argv[1], "rb") as file:
    while file.read(1 << 20):
        pass
print(group.usage()["peak"] * 1e6, len(held), flush=True)
"""


def confined(own: int, file: Path) -> tuple[int, list[str]]:
    code = READING.format(limit=LIMIT, own=own)
    run = subprocess.run(
        [sys.executable, "-c", code, file],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    lines = run.stdout.decode().splitlines()
    if not lines:
        pytest.skip("control groups cannot be made here: " + run.stderr.decode()[-200:])
    Path(lines[0]).rmdir()
    return run.returncode, lines[1:]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file larger than the limit, of which the system holds nothing."""
    if not (ROOT / "benchmarks").is_dir():
        pytest.skip("the benchmarks are not part of an installed package")
    file = tmp_path / "large"
    with file.open("wb") as opened:
        for _ in range(2 * LIMIT >> 20):
            opened.write(os.urandom(1 << 20))
        opened.flush()
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return file


def test_files_larger_than_the_limit_are_read_within_it(large: Path):
    code, lines = confined(1 << 20, large)
    assert code == 0
    assert float(lines[0].split()[0]) <= LIMIT


def test_own_memory_beyond_the_limit_ends_the_process(large: Path):
    code, lines = confined(2 * LIMIT, large)
    assert code != 0
    assert not lines
