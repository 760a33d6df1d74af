"""Tables of the density benchmark: scores of each method, and their paired differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.density_fits import Answers
from benchmarks.density_tables import Task, Values
from benchmarks.report import table
from skylore.evaluation.bootstrap import Interval, bootstrap_mean, paired_difference
from skylore.evaluation.distributions import (
    central_coverage,
    crps_fair,
    randomised_pit,
    uniformity_test,
)

LEVELS = (0.5, 0.68, 0.9, 0.95)


def accuracy(task: Task, answers: dict[str, Answers]) -> str:
    """Lay out what each method scores on the test rows."""
    rows: list[list[object]] = []
    for name, found in answers.items():
        asked = ~np.isnan(found.log_density)
        ranks = randomised_pit(found.draws[asked], task.truth()[asked], seed=0)
        covered = [f"{100 * central_coverage(ranks, level).mean():.1f}" for level in LEVELS]
        scores = losses(task, found)
        rows.append(
            [
                name if asked.all() else f"{name} ({asked.sum()} rows)",
                *(figure(bootstrap_mean(values[asked], seed=0)) for values in scores.values()),
                f"{uniformity_test(ranks).distance:.4f}",
                *covered,
                f"{found.note['train_cpu_s']:.0f}",
            ]
        )
    shown = [f"{level:.0%}" for level in LEVELS]
    head = [f"{task.name}, {len(task.test)} rows", "NLL", "CRPS", "PIT KS", *shown, "CPU s"]
    return table(head, rows)


def differences(task: Task, answers: dict[str, Answers], against: str) -> str:
    """Lay out every other method's loss less that of one, on the same rows."""
    rows: list[list[object]] = []
    own = losses(task, answers[against])
    for name, found in answers.items():
        if name != against:
            theirs = losses(task, found)
            asked = ~np.isnan(found.log_density)
            pairs = [(theirs[k][asked], own[k][asked]) for k in own]
            gaps = [figure(paired_difference(*pair, seed=0)) for pair in pairs]
            rows.append([name, *gaps])
    return table([f"{task.name}: less {against}", "NLL", "CRPS"], rows)


def losses(task: Task, found: Answers) -> dict[str, Values]:
    """Give the losses of each row; NaN where the method was not asked."""
    asked = ~np.isnan(found.log_density)
    crps = np.full(len(asked), np.nan)
    crps[asked] = crps_fair(found.draws[asked], task.truth()[asked])
    return {"NLL": -found.log_density, "CRPS": crps}


def redshifts(task: Task, points: dict[str, Values]) -> str:
    """Lay out what photometric redshifts are judged by, ``dz = (estimate − z)/(1 + z)``."""
    rows: list[list[object]] = []
    truth = task.truth()
    for name, point in points.items():
        dz = (point - truth) / (1 + truth)
        rows.append(
            [
                name,
                figure(bootstrap(dz, spread)),
                figure(bootstrap_mean(dz, seed=0)),
                *(
                    figure(bootstrap_mean(100.0 * (np.abs(dz) > limit), seed=0))
                    for limit in (0.05, 0.15)
                ),
            ]
        )
    return table([task.name, "σ_NMAD", "bias", "> 0.05, %", "> 0.15, %"], rows)


def spread(dz: Values) -> float:
    """Give ``1.4826 median|dz − median dz|``."""
    return float(1.4826 * np.median(np.abs(dz - np.median(dz))))


def bootstrap(
    values: Values, statistic: Callable[[Values], float], resamples: int = 1000
) -> Interval:
    """Bound a statistic by percentiles of it over rows drawn again."""
    rng = np.random.default_rng(0)
    drawn = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(resamples)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(statistic(values), float(low), float(high))


def points_of(draws: NDArray[np.float64]) -> Values:
    """Give the medians of draws."""
    return np.asarray(np.median(draws, axis=1), np.float64)


def figure(interval: Interval) -> str:
    """Show a mean and its interval."""
    return f"{interval.mean:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
