"""Runs of a small encoder's training, whole or cut short."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from morphology.shapes import QUICK
from skylore.archive.table import Archive
from skylore.morphology.dataset import open_training_set
from skylore.morphology.run import PretrainRun
from skylore.morphology.service import pretrain_encoder
from skylore.morphology.settings import PretrainSettings


def changed(**update: object) -> PretrainSettings:
    return QUICK.model_copy(update=update)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def trained(
    archive: Archive, folder: Path, settings: PretrainSettings = QUICK, **how: str
) -> bytes:
    pretrain_encoder(archive, folder, settings, progress=False, **how)
    return weights(folder)


def run_of(
    archive: Archive, folder: Path, settings: PretrainSettings = QUICK, **how: str
) -> PretrainRun:
    data = open_training_set(archive, settings, folder, progress=False, **how)
    return PretrainRun(settings, data, folder / "checkpoint.safetensors")


def ignore(step: int, loss: float) -> None:
    """Show no progress."""


class PowerCutError(Exception):
    """Ends a run at a known step."""


def stop_at(step: int) -> Callable[[int, float], None]:
    def stop(done: int, loss: float) -> None:
        if done == step:
            raise PowerCutError

    return stop
