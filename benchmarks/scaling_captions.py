"""How search in words improves with captions and the width of the shared space.

``python -m benchmarks.scaling_captions --archive ARCHIVE --runs RUNS --work WORK``: copies the
Galaxy Zoo 1 images of ARCHIVE, which ``python -m recipes.galaxy_nano prepare DATA WORK`` leaves as
``galaxies.skylore``, captions them from their measurements, embeds them by wavelet scattering,
which has seen nothing, and aligns nested subsets of the captioned galaxies. Called again it goes on
where it stopped.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from benchmarks.report import publish
from benchmarks.scaling_tables import document_text, experiment_arguments, figure_of, grid_of
from skylore import pipeline
from skylore.alignment.retrieval import caption_relevance
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.evaluation.metrics import expected_average_precision
from skylore.scaling.experiments.alignment_task import open_alignment_task
from skylore.scaling.experiments.making import make_experiment
from skylore.scaling.experiments.settings import AlignmentExperiment
from skylore.scaling.service import fit_runs, run_experiment
from skylore.scaling.verdict import Asked

SIZES = "200,400,800,1600,3200"
WIDTHS = "32,64,128"
METRICS = ("average_precision", "ndcg_at_10")
COST_A_CAPTION = 0.002
"""Dollars, the order of a caption by a commercial vision-language model."""


def captioned(archive: Path, work: Path, limit: int | None) -> Archive:
    """Copy the Galaxy Zoo 1 images, caption and embed them; or take what was made before."""
    place = work / "captioned.skylore"
    if not (place / "ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(archive, place)
        Archive.open(place).objects.delete("`set` <> 'gz1'")
        copy = Archive.open(place)
        if limit is not None:
            kept = copy.read(["id"])["id"].to_pylist()[:limit]
            names = ", ".join(f"'{name}'" for name in kept)
            copy.objects.delete(f"id NOT IN ({names})")
            copy = Archive.open(place)
        print(pipeline.caption(copy, captioner="measurements"))
        for report in pipeline.embed(copy, FillOptions(overwrite=True), encoder="scattering"):
            print(report)
        (place / "ready").touch()
    return Archive.open(place)


def by_chance(archive: Archive, made: AlignmentExperiment) -> list[object]:
    """Give the loss of equal logits, and the average precision of a shuffled list."""
    task = open_alignment_task(archive, made)
    test = task.objects.take(task.split.test)
    relevant = caption_relevance(test.texts, test.owners, len(test.images))
    total = len(test.images)
    precision = [expected_average_precision(int(n), total) for n in relevant.sum(axis=0)]
    return ["random", f"{np.log(total):.3f}", f"{np.mean(precision):.3f}"]


def main() -> None:
    """Run it."""
    parser = experiment_arguments(__doc__, SIZES, WIDTHS)
    parser.add_argument("--work", type=Path, required=True, help="for the captioned copy")
    parser.add_argument("--limit", type=int, help="galaxies, for a quick look")
    options = parser.parse_args()
    archive = captioned(options.archive, options.work, options.limit)
    made = make_experiment("alignment", steps=options.steps, group_by="object")
    if not isinstance(made, AlignmentExperiment):
        raise TypeError("an alignment is an experiment with captions")
    grid = grid_of(options.sizes, options.widths, options.seeds)
    print(run_experiment(archive, options.runs, made, grid))
    runs = Archive.open(options.runs)
    figure = figure_of("scaling-captions", options)
    account = fit_runs(runs, Asked(more=10_000, cost_per_label=COST_A_CAPTION))
    baseline = by_chance(archive, made)
    text = document_text(figure, runs, account, METRICS, baseline)
    floor = f"No model can go below {account.floor:.3f}: captions that say the same share an image."
    cost = f"Costs are dollars, {COST_A_CAPTION} a caption."
    publish("scaling-captions", f"{text}\n\n{floor} {cost}", write=options.write)


if __name__ == "__main__":
    main()
