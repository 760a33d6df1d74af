"""Scaling experiments: run them, fit what was recorded, and draw it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from skylore.archive.fill import FillOptions, FillReport
from skylore.archive.location import Location
from skylore.archive.lock import locked
from skylore.archive.table import Archive
from skylore.errors import ArchiveError, ModelError
from skylore.scaling.recorded import read_runs
from skylore.scaling.verdict import Asked, account_of

if TYPE_CHECKING:
    from skylore.scaling.account import ScalingAccount
    from skylore.scaling.experiments.settings import Experiment, Grid

__all__ = ["draw_runs", "fit_runs", "run_experiment"]


def run_experiment(
    archive: Archive,
    runs: str | Path,
    experiment: Experiment,
    grid: Grid,
    options: FillOptions | None = None,
    *,
    work: Path | None = None,
) -> FillReport:
    """Train a model for each combination of the grid, each run a row of the archive ``runs``.

    Called again it goes on where it stopped, with the runs that are not finished; sizes, widths
    and seeds may be added.

    Parameters
    ----------
    archive : Archive
        What is learnt from.
    runs : path or URL
        Of the archive of runs, which is made if there is none.
    experiment : Experiment
        Its ``where`` is checked here.
    grid : Grid
    options : FillOptions, optional
        ``workers`` train several runs at a time, each on one core; without, a run has all cores.
    work : Path, optional
        For decoded images and checkpoints, until all runs are finished; beside the archive of
        runs where left out.

    Raises
    ------
    ArchiveBusyError
        Another process is running the experiment.
    ArchiveError
        ``runs`` holds something else, or runs of another experiment.
    ColumnError
        A column is missing, or runs were made from other labels.
    FilterError
        ``where`` is not a predicate over the archive's columns.
    ModelError
        There are too few labelled objects for the grid.
    """
    from skylore.scaling.experiments.manifest import find_manifest, plan_runs
    from skylore.scaling.experiments.opening import open_task
    from skylore.scaling.experiments.step import TrainRuns

    options = options or FillOptions()
    location = Location(str(runs), archive.location.storage_options)
    if location.root == archive.location.root:
        raise ArchiveError(f"{location} is what is learnt from; give another archive for the runs")
    grid.require_sense()
    experiment = _checked(archive, experiment)
    find_manifest(location, experiment)
    folder = _work_folder(location, work)
    with locked(Location(str(folder)), "scale"):
        task = open_task(archive, experiment, folder, progress=options.progress)
        grid.require_objects(task.largest)
        step = TrainRuns(experiment, archive.location, folder, task.digest)
        del task  # the step opens its own, in each process
        manifest = plan_runs(location, experiment, archive, grid)
        # Each run is worth minutes: it becomes visible to readers at once.
        report = manifest.fill(step, options.model_copy(update={"fold_rows": 1}))
    if not report.left and not report.failed:
        shutil.rmtree(folder, ignore_errors=True)
    return report


def fit_runs(runs: Archive, asked: Asked | None = None) -> ScalingAccount:
    """Fit laws to the finished runs, and say what more labels would buy.

    Parameters
    ----------
    runs : Archive
        That :func:`run_experiment` made.
    asked : Asked, optional

    Raises
    ------
    ArchiveError
        The archive holds no runs.
    ModelError
        The runs are too few, or there is no such law.
    """
    return account_of(read_runs(runs), asked or Asked())


def draw_runs(account: ScalingAccount, file: Path) -> None:
    """Draw the law of each model into a file; a model alone with its reducible loss beside it.

    Raises
    ------
    DependencyMissingError
        If matplotlib is not installed.
    ModelError
        If there is only a joint law, there are more than four models, or matplotlib knows no such
        format.
    """
    from skylore.scaling.plotting import plot_fits
    from skylore.scaling.plotting_models import plot_models

    models = [law for law in account.laws if law.width is not None]
    if not models:
        raise ModelError("a joint law is a surface; draw the laws of widths: --law best")
    unit, quantity = f"{account.unit}s", "test loss, nats"
    floor, confidence = account.floor, account.confidence
    if len(models) == 1:
        figure = plot_fits(
            models[0].fit, floor=floor, confidence=confidence, unit=unit, quantity=quantity
        )
    else:
        named = {f"{law.parameters:,.0f} parameters": law.fit for law in models}
        figure = plot_models(
            named, floor=floor, confidence=confidence, unit=unit, quantity=quantity
        )
    try:
        figure.savefig(file, dpi=200)
    except ValueError as error:
        raise ModelError(f"cannot draw into {file}: {error}") from error


def _checked(archive: Archive, experiment: Experiment) -> Experiment:
    from skylore.search.predicate import compile_for

    if experiment.where is None:
        return experiment
    where = compile_for(archive.schema, experiment.where)
    return experiment.model_copy(update={"where": where})


def _work_folder(location: Location, work: Path | None) -> Path:
    if work is None and not location.is_local:
        raise ArchiveError(
            f"{location} is no folder of this machine; say where decoded images and checkpoints "
            "can be kept meanwhile (--work FOLDER)"
        )
    # An archive is made only where there is nothing yet, so this cannot lie inside.
    folder = work or location.folder.with_name(f"{location.folder.name}.work")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
