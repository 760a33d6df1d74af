from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from skylore.density.emulator import DensityEmulator

SMALL: dict[str, Any] = {
    "members": 1,
    "width": 48,
    "blocks": 1,
    "components": 5,
    "frequencies": 4,
    "batch_size": 128,
    "epochs": 40,
    "learning_rate": 5e-3,
    "averaging": 0.95,
    "evaluations": 5,
}


def made_table(rows: int = 1500, seed: int = 0) -> pa.Table:
    """A number, another that follows it, a count, a capped value, a kind, gaps and sentinels."""
    rng = np.random.default_rng(seed)
    mass = rng.normal(10, 1, rows)
    size = np.exp(0.8 * (mass - 10) + rng.normal(0, 0.3, rows))
    bright = np.minimum(size + rng.normal(0, 0.2, rows), 2.5)
    knots = rng.poisson(np.exp(0.5 * (mass - 9)))
    kind = np.where(mass + rng.normal(0, 0.4, rows) > 10, "giant", "dwarf")
    gap = rng.random(rows) < 0.1
    bright = np.where(gap, np.nan, bright)
    mass[:3] = -999.0
    return pa.table(
        {
            "mass": mass,
            "size": size,
            "bright": pa.array(bright, from_pandas=True),
            "knots": knots,
            "kind": pa.array(kind),
        }
    )


@pytest.fixture(scope="session")
def table() -> pa.Table:
    return made_table()


@pytest.fixture(scope="session")
def unseen() -> pa.Table:
    return made_table(seed=1).slice(3)


@pytest.fixture(scope="session")
def emulator(table: pa.Table) -> DensityEmulator:
    return DensityEmulator.fit(table, progress=False, **SMALL)
