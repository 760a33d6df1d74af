"""Pretraining an image encoder on an archive."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from skylore.errors import ModelError
from skylore.morphology.dataset import open_training_set
from skylore.morphology.images import ImageStore
from skylore.morphology.report import PretrainReport, encoder_card
from skylore.morphology.run import PretrainRun
from skylore.morphology.settings import PretrainSettings
from skylore.morphology.starting import with_start
from skylore.morphology.turning import rotation_cosine, standardise
from skylore.search.predicate import compile_for
from skylore.training.folders import unfinished_in
from skylore.training.progress import progress_bar

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["pretrain_encoder"]

_ROWS_FOR_SCALE = 2_000
_ROWS_TURNED = 512


def pretrain_encoder(
    archive: Archive,
    folder: str | Path,
    settings: PretrainSettings,
    *,
    where: str | None = None,
    group: str | None = None,
    progress: bool = True,
) -> PretrainReport:
    """Train an image encoder on the labels and images of an archive.

    The run keeps checkpoints in ``folder``; called again, it goes on where it stopped. The
    finished model is ``config.json``, ``model.safetensors``, ``README.md`` and ``training.json``
    there, and ``skylore embed --encoder model:FOLDER`` uses it.

    Parameters
    ----------
    archive : Archive
    folder : path
    settings : PretrainSettings
    where : str, optional
        Which objects may be seen: a predicate over the columns, as in a search.
    group : str, optional
        A column whose equal values must not be split between training and check.
    progress : bool
        Whether to show progress on stderr.

    Raises
    ------
    ColumnError
        A column is missing or of the wrong type.
    FilterError
        ``where`` is not a predicate over columns of the archive.
    ModelError
        There is too little to learn from, the folder holds something else, or training diverges.
    """
    folder = Path(folder)
    if not settings.labels and not settings.self_supervision:
        raise ModelError(
            "there is nothing to learn from: name label columns, or turn self-supervision on"
        )
    settings = with_start(settings)
    seen = None if where is None else compile_for(archive.schema, where)
    work = unfinished_in(folder)
    data = open_training_set(archive, settings, work, where=seen, group=group, progress=progress)
    run = PretrainRun(settings, data, work / "checkpoint.safetensors")
    with progress_bar("pretrain", settings.steps, show=progress) as advance:
        run.go(advance)
    report = _finish(run, folder)
    shutil.rmtree(work, ignore_errors=True)
    return report


def _finish(run: PretrainRun, folder: Path) -> PretrainReport:
    images, seed = run.data.images, run.settings.seed
    # Before the model leaves the device that the run works on.
    standardise(run.averaged, _some(images, run.data.training, _ROWS_FOR_SCALE, seed))
    unseen = run.data.held_out if len(run.data.held_out) else run.data.training
    turned = rotation_cosine(run.averaged, _some(images, unseen, _ROWS_TURNED, seed))
    model = run.averaged.cpu().eval()
    report = PretrainReport(
        objects=len(run.data.training),
        held_out_objects=len(run.data.held_out),
        unusable_images=int((~run.data.images.usable).sum()),
        labelled={
            name: int(head.known(run.data.targets[name][run.data.training]).sum())
            for name, head in model.objectives.items()
        },
        settings=run.settings,
        history=run.history,
        rotation_cosine=turned,
    )
    model.save(folder, encoder_card(model.config, report), report.model_dump_json(indent=2))
    return report


def _some(images: ImageStore, rows: Tensor, most: int, seed: int) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return images.take(rows[torch.randperm(len(rows), generator=chance)[:most]])
