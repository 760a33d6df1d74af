"""How an image encoder improves with labels and parameters: Galaxy Zoo 1 classes.

``python -m benchmarks.scaling_encoder --archive ARCHIVE --runs RUNS``: trains encoders of three
widths on nested subsets of five sizes, three seeds each, and fits the scaling laws. ARCHIVE is what
``python -m recipes.galaxy_nano prepare DATA WORK`` leaves as ``galaxies.skylore``. Called again it
goes on where it stopped.
"""

from __future__ import annotations

import numpy as np

from benchmarks.report import publish
from benchmarks.scaling_tables import document_text, experiment_arguments, figure_of, grid_of
from skylore.archive.table import Archive
from skylore.scaling.experiments.making import make_experiment
from skylore.scaling.experiments.settings import EncoderExperiment
from skylore.scaling.experiments.subsets import split_by_hash
from skylore.scaling.service import fit_runs, run_experiment
from skylore.scaling.verdict import Asked

SIZES = "200,400,800,1600,3200"
WIDTHS = "6,12,24"
GALAXIES = "`set` = 'gz1'"
MINUTES_A_LABEL = 40 * 5 / 60
"""Galaxy Zoo 1 took about 40 volunteers a galaxy (Lintott et al. 2011), at some 5 s each."""


def experiment(steps: int | None) -> EncoderExperiment:
    """Say what is trained: one frame of 48 × 48 pixels."""
    made = make_experiment(
        "classification",
        "gz1",
        steps=steps,
        pixels=48,
        frames=1,
        where=GALAXIES,
        group_by="object",
    )
    if not isinstance(made, EncoderExperiment):
        raise TypeError("a classification is an experiment with an encoder")
    return made


def blind(archive: Archive, made: EncoderExperiment) -> list[object]:
    """Give loss and accuracy of one who knows only how common each class is."""
    objects = archive.read(["id", "object", "gz1"], where=f"{GALAXIES} AND gz1 IS NOT NULL")
    split = split_by_hash(
        objects["object"].to_pylist(), validation=made.validation, test=made.test, most=10_000
    )
    _, classes = np.unique(objects["gz1"].to_pylist(), return_inverse=True)
    shares = np.bincount(classes[split.pool]) / len(split.pool)
    tested = classes[split.test]
    accuracy = float(np.mean(tested == shares.argmax()))
    return ["class shares alone", f"{-np.log(shares[tested]).mean():.3f}", f"{accuracy:.3f}"]


def main() -> None:
    """Run it."""
    options = experiment_arguments(__doc__, SIZES, WIDTHS).parse_args()
    archive, made = Archive.open(options.archive), experiment(options.steps)
    grid = grid_of(options.sizes, options.widths, options.seeds)
    print(run_experiment(archive, options.runs, made, grid))
    runs = Archive.open(options.runs)
    figure = figure_of("scaling-encoder", options)
    account = fit_runs(runs, Asked(more=10_000, cost_per_label=MINUTES_A_LABEL / 60))
    text = document_text(figure, runs, account, ("accuracy",), blind(archive, made))
    cost = f"Costs are hours of volunteers, {MINUTES_A_LABEL:.1f} minutes a label."
    publish("scaling-encoder", f"{text}\n\n{cost}", write=options.write)


if __name__ == "__main__":
    main()
