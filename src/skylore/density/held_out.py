"""What each column costs on rows that a network did not learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from skylore.density.model import DensityConfig, DensityModel
from skylore.density.row_predictor import RowPredictor
from skylore.density.run import MOST_JUDGED, MemberRun

__all__ = ["held_out_nats"]


def held_out_nats(config: DensityConfig, runs: Sequence[MemberRun]) -> dict[str, float]:
    """Give the mean log loss of each column given all others, averaged over members.

    Nats in the column's own unit, whatever the head: its densities are asked, not its loss.
    """
    alone = config.settings.model_copy(update={"members": 1})
    found: dict[str, list[float]] = {}
    for run in runs:
        model = DensityModel(config.model_copy(update={"settings": alone}))
        model.members[0].load_state_dict(run.best.state_dict())
        predictor = RowPredictor(model)
        for column, spec in enumerate(config.columns):
            nats = _nats(predictor, run, column)
            if nats is not None:
                found.setdefault(spec.name, []).append(nats)
    return {name: float(np.mean(nats)) for name, nats in found.items()}


def _nats(predictor: RowPredictor, run: MemberRun, column: int) -> float | None:
    coded = run.rows.coded
    judged = run.rows.validation[:MOST_JUDGED]
    judged = judged[coded.present[judged, column]]
    if not len(judged):
        return None
    rows = coded.rows(judged)
    seen = torch.ones(len(predictor.columns), dtype=torch.bool)
    seen[column] = False
    if predictor.columns[column].is_categorical:
        logs = predictor.log_categories(rows, seen, column)
        return float(-logs[np.arange(len(logs)), rows.x[:, column].astype(np.int64)].mean())
    parts = predictor.predict(rows, seen, column)
    return float(-np.concatenate([p.log_prob(block, column) for block, p in parts]).mean())
