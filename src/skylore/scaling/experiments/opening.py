"""From what an experiment says to a task that can be run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skylore.scaling.experiments.settings import EncoderExperiment, Experiment
from skylore.scaling.experiments.task import Task

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["open_task"]


def open_task(
    archive: Archive, experiment: Experiment, folder: Path, *, progress: bool = True
) -> Task:
    """Read labels and images, or vectors, once for all runs.

    Parameters
    ----------
    archive : Archive
    experiment : Experiment
    folder : Path
        For decoded images and checkpoints.
    progress : bool

    Raises
    ------
    ColumnError
        A column is missing or of the wrong type.
    ModelError
        There are too few labelled objects.
    """
    if isinstance(experiment, EncoderExperiment):
        from skylore.scaling.experiments.encoder_task import open_encoder_task

        return open_encoder_task(archive, experiment, folder, progress=progress)
    from skylore.scaling.experiments.alignment_task import open_alignment_task

    return open_alignment_task(archive, experiment)
