"""The table of GalaxAlign's paper, on its own data: Galaxy10 DECaLS and GalaxyMNIST.

``python -m benchmarks.galaxalign_paper --work WORK --galaxy10 Galaxy10_DECals.h5 --galaxymnist
FOLDER --networks hf:openai/clip-vit-base-patch16 … --baselines hf:facebook/dinov2-base …``, with
either set or both. Wang, Wang & Luo 2024 (arXiv 2411.19475) name no split of Galaxy10; here it is
by place on the sky, so that none of the repeats in it straddles training and test. GalaxyMNIST has
no positions, and is split as published. Networks are trained in every way, baselines by
cross-entropy alone. Finished runs are kept in ``WORK/galaxalign-paper``, and an unfinished one goes
on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.galaxalign_paper_runs import (
    ABLATIONS,
    CROSS_ENTROPY,
    METHODS,
    START,
    LabelledData,
    Learner,
    open_labelled,
    train,
)
from benchmarks.report import arguments, publish, table
from skylore.classification.networks import load_trainable
from skylore.classification.scores import macro_f1
from skylore.classification.settings import ClassifierSettings
from skylore.evaluation.bootstrap import Interval, bootstrap_mean
from skylore.scaling.drawing import COLOURS, styled_figure

SETS = {"Galaxy10 DECaLS": "galaxy10-decals", "GalaxyMNIST": "galaxymnist"}
OF_SHARES = (CROSS_ENTROPY, "three modalities, as published", "three modalities, class positives")
"""Whose F₁ is asked for against the share of the data."""
_RESAMPLES = 1000
_KEYS = ["set", "network", "share", "learner"]


@dataclass(frozen=True)
class Plan:
    """What is run: sets by name and place, networks, shares of the data, and runs of each."""

    sets: Mapping[str, Path]
    networks: tuple[str, ...]
    baselines: tuple[str, ...]
    shares: tuple[int, ...]
    seeds: int
    settings: ClassifierSettings

    def asked(self, network: str) -> Iterator[tuple[int, int, str, Learner | None]]:
        """Yield share, seed, name and learner of each run of a network."""
        yield 1, 0, START, None
        whole = METHODS | ABLATIONS if network in self.networks else {}
        for share, seed in product(self.shares, range(self.seeds)):
            named = {CROSS_ENTROPY: METHODS[CROSS_ENTROPY], **whole}
            yield from (
                (share, seed, name, learner)
                for name, learner in named.items()
                if share == 1 or (name in OF_SHARES and network in self.networks)
            )


def results(work: Path, plan: Plan, *, progress: bool = True) -> pd.DataFrame:
    """Run all that has not been run, and give a row for each tested object."""
    kept = work / "galaxalign-paper"
    kept.mkdir(parents=True, exist_ok=True)
    parts = []
    for (name, source), network in product(
        plan.sets.items(), dict.fromkeys([*plan.networks, *plan.baselines])
    ):
        side = 2 * round(load_trainable(network).view.canvas * 9 / 16)
        data = open_labelled(name, source, SETS[name], kept, side, progress=progress)
        asked = list(plan.asked(network))
        bar = tqdm(asked, desc=f"{name}, {network}", disable=not progress)
        for share, seed, learner, how in bar:
            settings = plan.settings.model_copy(update={"network": network, "seed": seed})
            recipe = settings.digest[:8]
            file = kept / f"{_slug(name, network, share, seed, learner, recipe)}.parquet"
            if not file.exists():
                found = _run(data, share, how, settings, file.with_suffix(".safetensors"))
                if found is None:
                    continue
                found.to_parquet(file)
            rows = pd.read_parquet(file).reset_index(names="object")
            labels = {"set": name, "network": network, "share": share, "learner": learner}
            parts.append(rows.assign(seed=seed, **labels))
    return pd.concat(parts, ignore_index=True)


def _run(
    data: LabelledData,
    share: int,
    learner: Learner | None,
    settings: ClassifierSettings,
    checkpoint: Path,
) -> pd.DataFrame | None:
    examples = data.share(share, settings.seed)
    present = set(examples.labels[examples.training].tolist())
    if len(present) < len(examples.classes):
        return None
    return pd.DataFrame(train(data, examples, learner, settings, checkpoint))


def _slug(*parts: object) -> str:
    return "-".join("".join(c if c.isalnum() else "-" for c in str(part)) for part in parts)


def layout(found: pd.DataFrame) -> str:
    """Lay out accuracy, macro F₁, mAP@5 and mAP, with intervals over objects."""
    lines: list[list[object]] = []
    for (name, network, share, learner), rows in found.groupby(_KEYS, sort=False):
        right = rows.assign(right=(rows["found"] == rows["truth"]).astype(float))
        means = right.groupby("object")[["right", "ap_at_5", "ap"]].mean()
        figures = [_mean(means["right"]), bounded_f1(rows), *map(_mean, _precisions(means))]
        asked = [name, network, f"1/{share}", learner, rows["seed"].nunique(), len(means)]
        lines.append([*asked, *map(_shown, figures)])
    header = ["set", "network", "share", "learner", "runs", "asked"]
    return table([*header, "accuracy", "macro F1", "mAP@5", "mAP"], lines)


def _precisions(means: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    return means["ap_at_5"].dropna(), means["ap"].dropna()


def _mean(values: pd.Series) -> Interval:
    return bootstrap_mean(values.to_numpy(), seed=0, resamples=_RESAMPLES)


def bounded_f1(rows: pd.DataFrame) -> Interval:
    """Bound macro F₁, averaged over runs, by percentiles of resampled objects."""
    wide = rows.pivot_table(index="object", columns="seed", values=["truth", "found"])
    truth, found = (wide[name].to_numpy().astype(np.int64).T for name in ("truth", "found"))
    classes = int(max(truth.max(), found.max())) + 1

    def mean(chosen: np.ndarray) -> float:
        runs = zip(truth[:, chosen], found[:, chosen], strict=True)
        return float(np.mean([macro_f1(t, f, classes) for t, f in runs]))

    rng, count = np.random.default_rng(0), truth.shape[1]
    drawn = [mean(rng.integers(count, size=count)) for _ in range(_RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(mean(np.arange(count)), float(low), float(high))


def _shown(interval: Interval) -> str:
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def plot_shares(found: pd.DataFrame, file: Path) -> None:
    """Draw macro F₁ against the share of the data, a panel for each set and network."""
    chosen = found[found["learner"].isin(OF_SHARES)]
    several = chosen.groupby(["set", "network"])["share"].transform("nunique") > 1
    chosen = chosen[several] if several.any() else chosen
    panels = list(chosen.groupby(["set", "network"], sort=False))
    with styled_figure(4.6 * len(panels), 4.2) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for panel, ((name, network), rows) in zip(axes, panels, strict=True):
            for colour, learner in zip(COLOURS, OF_SHARES, strict=False):
                own = rows[rows["learner"] == learner]
                bounds = {1 / s: bounded_f1(part) for s, part in own.groupby("share")}
                shares = sorted(bounds)
                lines = np.array([bounds[share] for share in shares]).reshape(-1, 3).T
                panel.plot(shares, lines[0], "o-", color=colour, label=learner, markersize=4)
                panel.fill_between(shares, lines[1], lines[2], color=colour, alpha=0.16)
            panel.set_xscale("log", base=2)
            ones = sorted(rows["share"].unique())
            panel.set_xticks([1 / one for one in ones], [f"1/{one}" for one in ones])
            panel.set_xlabel("share of the training galaxies")
            panel.set_title(f"{name}\n{network.rsplit('/', 1)[-1]}", fontsize=10.5)
        axes[0].set_ylabel("macro F1")
        axes[0].legend(fontsize=9)
    figure.savefig(file, dpi=160)


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for runs")
    parser.add_argument("--galaxy10", type=Path, help="Galaxy10_DECals.h5")
    parser.add_argument("--galaxymnist", type=Path, help="folder of its two files")
    parser.add_argument("--networks", nargs="+", default=["galaxy-nano"], help="hf:ID or folder")
    parser.add_argument("--baselines", nargs="*", default=[], help="by cross-entropy alone")
    parser.add_argument("--shares", nargs="+", type=int, default=[1, 2, 4, 8, 16], help="1/these")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each")
    parser.add_argument("--steps", type=int, help="of each run, in place of early stopping")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--figure", type=Path, help="F1 against the share of data, as an image")
    options = parser.parse_args()
    given = {"Galaxy10 DECaLS": options.galaxy10, "GalaxyMNIST": options.galaxymnist}
    sets = {name: path for name, path in given.items() if path is not None}
    if not sets:
        parser.error("give --galaxy10 or --galaxymnist, or both")
    settings = ClassifierSettings(steps=options.steps, batch_size=options.batch_size)
    plan = Plan(
        sets=sets,
        networks=tuple(options.networks),
        baselines=tuple(options.baselines),
        shares=tuple(options.shares),
        seeds=options.seeds,
        settings=settings,
    )
    found = results(options.work, plan)
    if options.figure is not None:
        plot_shares(found, options.figure)
    publish("galaxalign-paper", layout(found), write=options.write)


if __name__ == "__main__":
    main()
