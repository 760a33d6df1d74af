"""Peers of the density emulator, each trained for one column given all others.

``python -m benchmarks.density_peers PEER FOLDER``, in an environment of their own that has
``numpy pyarrow scipy scikit-learn`` and the peer's package; Skylore need not be there. FOLDER holds
``training.parquet``, ``test.parquet`` and ``task.json`` that the benchmark wrote, and gets
``PEER.parquet``: a log density, draws and a point for each test row. A cap is a hurdle, as in the
reference figures: its probability by boosted trees, the density learnt from uncapped rows,
truncated and renormalised.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.density_peer_models import Fitted, NaturalGradientBoosting, SplineFlow, Values
from benchmarks.density_peer_quantiles import catboost_quantiles, quantile_forest, treeffuser

DRAWS = 200
SLOW = {"treeffuser": 400}
"""Peers that are asked about so many test rows, evenly spaced; the others are left empty."""
PEERS: dict[str, Callable[[Values, Values, int], Fitted]] = {
    "ngboost": NaturalGradientBoosting,
    "quantile-forest": quantile_forest,
    "spline-flow": SplineFlow,
    "catboost-quantiles": catboost_quantiles,
    "treeffuser": treeffuser,
}


def chance_of_cap(inputs: Values, capped: NDArray[np.bool_], asked: Values) -> Values:
    """Give the probability of the cap by boosted trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(early_stopping=True, random_state=0)
    model.fit(inputs, capped)
    return np.asarray(model.predict_proba(asked)[:, 1])


def score(name: str, folder: Path, seed: int = 0) -> pa.Table:
    """Train a peer, and ask it about the test rows."""
    task = json.loads((folder / "task.json").read_text())
    tables = [pq.read_table(folder / f"{part}.parquet") for part in ("training", "test")]
    arrays = [np.column_stack([np.asarray(c) for c in t.columns]).astype(float) for t in tables]
    place, cap = tables[0].column_names.index(task["target"]), task["cap"]
    training, test = (
        filled(np.delete(a, place, 1), np.delete(arrays[0], place, 1)) for a in arrays
    )
    y, truth = (part[:, place] for part in arrays)
    capped = np.zeros(len(y), bool) if cap is None else y == cap
    start = time.process_time()
    model = PEERS[name](training[~capped], y[~capped], seed)
    seconds = time.process_time() - start
    whole = len(test)
    chosen = np.arange(0, whole, -(-whole // SLOW.get(name, whole)))
    test, truth = test[chosen], truth[chosen]
    rng = np.random.default_rng(seed)
    shares = rng.random((len(test), DRAWS))
    logs, at_cap = model.log_density(test, truth), np.zeros(len(test))
    if cap is not None:
        at_cap = np.clip(chance_of_cap(training, capped, test), 1e-6, 1 - 1e-6)
        below = np.clip(model.cdf(test, np.full(len(test), cap)), 1e-6, 1)
        logs = np.where(truth == cap, np.log(at_cap), logs - np.log(below) + np.log1p(-at_cap))
        shares *= below[:, None]
    start = time.process_time()
    draws = model.quantiles(test, shares)
    drawing = time.process_time() - start
    if cap is not None:
        draws[rng.random(draws.shape) < at_cap[:, None]] = cap
    note = {"train_cpu_s": seconds, "draws_per_s": draws.size / max(drawing, 1e-9)}
    logs, draws = spaced(logs, chosen, whole), spaced(draws, chosen, whole)
    found = pa.table({"log_density": logs, "draws": list(draws)})
    return found.replace_schema_metadata({"note": json.dumps(note)})


def spaced(values: Values, places: NDArray[np.intp], rows: int) -> Values:
    """Put values at their places among rows that are NaN."""
    found = np.full((rows, *values.shape[1:]), np.nan)
    found[places] = values
    return found


def filled(rows: Values, training: Values) -> Values:
    """Put training medians where values are missing, and say so in columns of their own."""
    lacking = np.isnan(training).any(axis=0)
    missing = np.isnan(rows)
    return np.hstack([np.where(missing, np.nanmedian(training, axis=0), rows), missing[:, lacking]])


def answer() -> None:
    """Score the peer that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    draft = asked.folder / f".{asked.peer}.parquet"
    pq.write_table(score(asked.peer, asked.folder), draft)
    draft.replace(asked.folder / f"{asked.peer}.parquet")


if __name__ == "__main__":
    answer()
