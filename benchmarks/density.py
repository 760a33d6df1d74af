"""Densities of any column given any others: ours, the published model, and single-task peers.

``python -m benchmarks.density --data DATA --work WORK``: every finished fit and its answers stay
in WORK, so that a run goes on where it stopped. Peers run in environments of their own, given by
``--peers PYTHON`` (``zuko ngboost quantile-forest catboost``) and ``--treeffuser PYTHON``; without
them they are left out. The tables are split by a hash of the row's number, the same for all.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from benchmarks.density_conditions import matrix
from benchmarks.density_fits import Answers, answered, of_peer, of_published, published_model
from benchmarks.density_ours import conditioned, joint_draws, of_ours, our_model
from benchmarks.density_sampling import speed, trained_head
from benchmarks.density_scores import accuracy, differences, figure, points_of, redshifts
from benchmarks.density_tables import Task, Values, all_tasks, limited
from benchmarks.report import arguments, publish, table
from skylore.evaluation.bootstrap import bootstrap_mean, paired_difference
from skylore.evaluation.distributions import energy_score

PEERS = ("quantile-forest", "spline-flow", "ngboost", "catboost-quantiles")
SEEDS = ("skylore-seed-1", "skylore-seed-2")
"""Ours again, with other weights to begin with and other rows held out."""
LIMITS = {"hipparcos": (12_000, 3_000)}
"""Rows to learn from and to judge by, where a table is larger than a laptop's patience."""


def asked_options() -> argparse.Namespace:
    """Read the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data")
    parser.add_argument("--work", type=Path, required=True, help="folder of what is kept")
    parser.add_argument("--tasks", help="names of tables, with commas; all by default")
    parser.add_argument("--methods", help="names of methods, with commas; all by default")
    parser.add_argument("--peers", type=Path, help="Python with the peers' packages")
    parser.add_argument("--treeffuser", type=Path, help="Python with treeffuser")
    parser.add_argument("--epochs", type=int, default=512, help="of the published model")
    parser.add_argument("--head-steps", type=int, default=3000, help="of the diffusion head")
    parser.add_argument("--rows", type=int, default=1000, help="judged in the matrix")
    return parser.parse_args()


def answers_of(task: Task, options: argparse.Namespace) -> dict[str, Answers]:
    """Ask every method that there is."""
    methods = {
        "skylore": of_ours(),
        **{n: of_ours(n, int(n[-1])) for n in SEEDS},
        "skylore-target": of_ours("skylore-target", stressed=True),
        "published": of_published(options.epochs),
    }
    if options.peers:
        methods |= {name: of_peer(name, options.peers) for name in PEERS}
    if options.treeffuser:
        methods["treeffuser"] = of_peer("treeffuser", options.treeffuser)
    wanted = options.methods.split(",") if options.methods else list(methods)
    folder = options.work / task.name
    return {n: answered(task, folder, n, m) for n, m in methods.items() if n in wanted}


def forest_points(task: Task) -> Values:
    """Give a random forest's estimates, from what peers see."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(200, min_samples_leaf=3, max_features=0.5, random_state=0)
    training, test = task.for_peers(task.training), task.for_peers(task.test)
    y = training.pop(task.target)
    test.pop(task.target)
    forest.fit(np.column_stack(list(training.values())), y)
    return np.asarray(forest.predict(np.column_stack(list(test.values()))), np.float64)


def joint(task: Task, options: argparse.Namespace, rows: int = 300, draws: int = 50) -> str:
    """Lay out the energy score of the target and the first other column, drawn jointly."""
    targets = [next(name for name in task.columns if name != task.target), task.target]
    places = [task.columns.index(name) for name in targets]
    known = np.isfinite(task.test[:, places]).all(axis=1)
    part = task._replace(test=task.test[known][:rows])
    scale = np.nanstd(task.training[:, places], axis=0)
    models = conditioned(task, options.work / task.name, options.epochs)
    scores = {
        name: energy_score(
            joint_draws(model, part, targets, draws) / scale, part.test[:, places] / scale
        )
        for name, model in models.items()
    }
    lines: list[list[object]] = []
    for name, found in scores.items():
        gap = paired_difference(found, scores["skylore"], seed=0)
        less = "" if name == "skylore" else figure(gap)
        lines.append([name, figure(bootstrap_mean(found, seed=0)), less])
    said = f"{task.name}: {' and '.join(targets)}, given the rest"
    return table([said, "energy score", "less skylore"], lines)


def sections(options: argparse.Namespace) -> list[str]:
    """Make the tables."""
    wanted = options.tasks.split(",") if options.tasks else None
    parts = []
    for full in all_tasks(options.data):
        if wanted is not None and full.name not in wanted:
            continue
        task = limited(full, *LIMITS.get(full.name, (None, None)))
        answers = answers_of(task, options)
        parts.append(accuracy(task, answers))
        if "skylore" in answers and len(answers) > 1:
            parts.append(differences(task, answers, "skylore"))
        if task.name == "photoz":
            whole = {n: a for n, a in answers.items() if not np.isnan(a.log_density).any()}
            points = {name: points_of(found.draws) for name, found in whole.items()}
            parts.append(redshifts(task, points | {"random forest": forest_points(task)}))
        if {"skylore", "published"} <= set(answers):
            parts.append(joint(task, options))
            if task.name == "kiel":
                parts += analytic(task, options)
    return parts


def analytic(task: Task, options: argparse.Namespace) -> list[str]:
    """Make the tables of the joint whose every conditional is known."""
    folder = options.work / task.name
    models = conditioned(task, folder, options.epochs)
    emulator, _ = published_model(task, folder, options.epochs)
    ours, _ = our_model(task, folder)
    head = trained_head(emulator, task, folder, options.head_steps)
    return [
        matrix(task, {**models}, options.rows),
        speed(task, emulator, head, ours),
    ]


def main() -> None:
    """Run it."""
    options = asked_options()
    parts = sections(options)
    load = f"_Load of the machine at the end: {os.getloadavg()[1]:.1f}._"
    publish("density", "\n\n".join([*parts, load]), write=options.write)


if __name__ == "__main__":
    main()
