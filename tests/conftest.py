from __future__ import annotations

import fcntl
import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

from newcomer import SKYLORE, DemoRun

# Beside other work, torch's thread pools slow each other down many times over.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says nothing here: the machine is shared.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real galaxies beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"the real galaxies are not at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """``skylore demo`` as a newcomer runs it, once for all processes that test it."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder, told = shared / "demo", shared / "demo.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            command = [SKYLORE, "demo", "--dir", str(folder), "--measure-seconds", "40"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            told.write_text(json.dumps({"stdout": done.stdout, "stderr": done.stderr}))
    return DemoRun(folder, **json.loads(told.read_text()))
