"""Every conditioning set on the analytic joint: divergence from the truth, two-sample tests."""

from __future__ import annotations

from itertools import combinations
from typing import Protocol

import numpy as np

from benchmarks.density_scores import figure
from benchmarks.density_tables import Task, Values, two_branches
from benchmarks.report import table
from skylore.evaluation.bootstrap import bootstrap_mean
from skylore.evaluation.gaussian_mixture import Conditionals


class Asked(Protocol):
    """A model of any column given any others."""

    def log_density(self, table: Values, target: str, values: Values) -> Values:
        """Give log densities ``(N,)`` at ``(N,)`` values; what is NaN in the table is not given."""

    def sample(self, table: Values, target: str, count: int) -> Values:
        """Draw ``(N, count)`` values."""


def conditioning_sets(task: Task, seed: int = 0) -> dict[str, list[int]]:
    """Give none, each column, three random shares of them, and all but the target."""
    others = [j for j in range(len(task.columns)) if j != task.place]
    rng = np.random.default_rng(seed)
    sets: dict[str, list[int]] = {"nothing": []}
    sets |= {task.columns[j]: [j] for j in others}
    for share in (0.25, 0.5, 0.75):
        count = max(1, round(share * len(others)))
        choices = list(combinations(others, count))
        sets[f"{share:.0%} at random"] = list(choices[int(rng.integers(len(choices)))])
    return sets | {"all others": others}


def matrix(task: Task, models: dict[str, Asked], rows: int = 1000) -> str:
    """Lay out ``KL(truth ‖ model)`` and two-sample accuracies for each conditioning set.

    The truth's log density less the model's, at the test rows' values: its mean is the divergence.
    A classifier that tells draws from true values in half of the cases cannot tell them apart.
    """
    lines: list[list[object]] = []
    test = task.test[:rows]
    for name, known in conditioning_sets(task).items():
        given = np.full_like(test, np.nan)
        given[:, known] = test[:, known]
        truth: Conditionals = two_branches().given(given, task.place)
        own = truth.log_density(test[:, task.place])
        for model, asked in models.items():
            found = asked.log_density(given, task.target, test[:, task.place])
            draws = asked.sample(given, task.target, 2)[:, 0]
            tested = c2st(given[:, known], test[:, task.place], draws)
            divergence = figure(bootstrap_mean(own - found, seed=0))
            lines.append([name, model, divergence, *(f"{share:.3f}" for share in tested)])
    head = ["logg given", "model", "KL to the truth, nats", "C2ST logistic", "C2ST boosted"]
    return table(head, lines)


def c2st(known: Values, real: Values, drawn: Values) -> tuple[float, float]:
    """Give how often classifiers tell draws from real values, by five folds (Lopez-Paz 2017)."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    rows = np.vstack([np.column_stack([known, values]) for values in (real, drawn)])
    sides = np.repeat([0, 1], len(real))
    pairs = np.tile(np.arange(len(real)), 2)
    linear = make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression(C=1.0))
    boosted = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.1, random_state=0)
    shares = [
        float(cross_val_score(model, rows, sides, groups=pairs, cv=GroupKFold(5)).mean())
        for model in (linear, boosted)
    ]
    return shares[0], shares[1]
