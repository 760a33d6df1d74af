from __future__ import annotations

import numpy as np

from skylore.scaling.laws import Law
from skylore.scaling.runs import Runs

SIZES = 500 * 2.0 ** np.arange(7)


def draw(law: Law, *, scatter: float, seeds: int = 3, rng: int = 0, sizes=SIZES) -> Runs:
    """Runs at each size and seed, with independent noise."""
    D = np.tile(sizes, seeds)
    errors = scatter * np.random.default_rng(rng).normal(size=D.size)
    return Runs(D, law(D) * np.exp(errors), seed=np.repeat(np.arange(seeds), len(sizes)))


def shuffled(runs: Runs, rng: int) -> Runs:
    order = np.random.default_rng(rng).permutation(len(runs))
    return Runs(
        runs.data[order],
        runs.loss[order],
        None if runs.parameters is None else runs.parameters[order],
        np.asarray(runs.subset)[order],
        np.asarray(runs.seed)[order],
    )
