from __future__ import annotations

import os
from pathlib import Path

import pytest

# Beside other work, torch's thread pools slow each other down many times over.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real galaxies beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"the real galaxies are not at {SHARED}")
    return SHARED
