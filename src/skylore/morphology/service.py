"""Pretraining an image encoder on an archive."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere
from tqdm import tqdm

from skylore.errors import ModelError
from skylore.morphology.augment import rotate
from skylore.morphology.dataset import TrainingSet, open_training_set
from skylore.morphology.encoder_model import EncoderModel
from skylore.morphology.report import PretrainReport, encoder_card
from skylore.morphology.run import PretrainRun
from skylore.morphology.settings import PretrainSettings
from skylore.search.predicate import compile_predicate

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["pretrain_encoder"]

_ROWS_FOR_SCALE = 20_000
_LEAST_SPREAD = 1e-6
"""Relative to the features themselves; less is rounding."""
_ROWS_TURNED = 256
_TURNS = 7
"""Angles at which rotation is tried, none of them a quarter turn."""


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
        There is too little to learn from, another model is in the folder, or training diverges.
    """
    folder = Path(folder)
    if (folder / "config.json").exists():
        raise ModelError(f"{folder} holds a finished model already; give another folder")
    if not settings.labels and not settings.self_supervision:
        raise ModelError(
            "there is nothing to learn from: name label columns, or turn self-supervision on"
        )
    seen = None if where is None else _checked(where, archive)
    work = folder / "unfinished"
    data = open_training_set(archive, settings, work, where=seen, group=group, progress=progress)
    run = PretrainRun(settings, data, work / "checkpoint.safetensors")
    with tqdm(
        total=settings.steps, desc="pretrain", unit="step", disable=not progress, file=sys.stderr
    ) as bar:

        def advance(step: int, loss: float) -> None:
            bar.update(step - bar.n)
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)

        run.go(advance)
    report = _finish(run, folder)
    shutil.rmtree(work, ignore_errors=True)
    return report


def _checked(where: str, archive: Archive) -> str:
    schema = archive.schema
    whole = [field.name for field in schema if pa.types.is_integer(field.type)]
    return compile_predicate(where, schema.names, whole)


def _finish(run: PretrainRun, folder: Path) -> PretrainReport:
    # Before the model leaves the device that the run works on.
    _standardise(run)
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
        rotation_cosine=_rotation_cosine(model, run.data),
    )
    model.save(folder, encoder_card(model.config, report), report.model_dump_json(indent=2))
    return report


def _standardise(run: PretrainRun) -> None:
    """Set the centre and scale of the features from images trained on."""
    rows = run.data.training
    if len(rows) > _ROWS_FOR_SCALE:
        chance = torch.Generator().manual_seed(run.settings.seed)
        rows = rows[torch.randperm(len(rows), generator=chance)[:_ROWS_FOR_SCALE]]
    features = run.features(rows).clone()
    spread = features.std(dim=0, correction=0)
    if not float(spread.max()) > _LEAST_SPREAD * float(features.abs().max()):
        raise ModelError(
            "training has collapsed: every image has the same features. Lower the learning rate, "
            "or give more to learn from, in another folder"
        )
    run.averaged.feature_mean.copy_(features.mean(dim=0))
    run.averaged.feature_scale.copy_(spread.clamp(min=1e-3 * float(spread.max())))


def _rotation_cosine(model: EncoderModel, data: TrainingSet) -> float | None:
    rows = (data.held_out if len(data.held_out) else data.training)[:_ROWS_TURNED]
    images = data.images.take(rows).float() / 255
    with torch.inference_mode():
        upright = _unit_vectors(model, images)
        angles = [2 * math.pi * (k + 0.5) / _TURNS for k in range(_TURNS)]
        cosines = [
            (upright * _unit_vectors(model, rotate(images, angle))).sum(dim=1) for angle in angles
        ]
    return float(torch.cat(cosines).mean())


def _unit_vectors(model: EncoderModel, images: Tensor) -> Tensor:
    side = model.config.network.canvas
    bytes_ = (images * 255).round().to(torch.uint8)
    shown = F.interpolate(bytes_, (side, side), mode="bilinear", antialias=True)
    return F.normalize(model.vectors(shown), dim=1)
