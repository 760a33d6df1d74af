"""The whole state of a training run, to its checkpoint and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from skylore.errors import ModelError
from skylore.training.checkpoint import read_checkpoint, write_checkpoint

__all__ = ["Evaluation", "RunNote", "keep_run", "restore_run"]


class Evaluation(BaseModel):
    """How the averaged weights did on the objects held out, by the name of the labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    loss: float
    held_out: dict[str, dict[str, float]]


class RunNote(BaseModel):
    """What a checkpoint holds beside its tensors.

    Attributes
    ----------
    settings : str
        Digest of the recipe.
    data : str, optional
        Digest of labels and split; None where it was not yet kept.
    step : int
        Steps done.
    losses : list of float
        Of the steps since the last evaluation.
    history : list of Evaluation
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: str
    data: str | None = None
    step: Annotated[int, Field(ge=0)]
    losses: list[float]
    history: list[Evaluation]


def keep_run(
    file: Path,
    note: RunNote,
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write weights, buffers, moments of the optimiser and the note, whole or not at all."""
    tensors = {name: tensor.cpu() for name, tensor in _tensors(modules).items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{number}/{n}": t.cpu() for n, t in moments.items()}
    write_checkpoint(file, tensors, note.model_dump())


def restore_run(
    file: Path,
    begun: RunNote,
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
) -> RunNote:
    """Bring modules and optimiser to where the run stopped, and give the note of then.

    Parameters
    ----------
    file : Path
    begun : RunNote
        Of the run as it is now, which is given back where there is no file.
    modules : mapping of str to Module
    optimiser : Optimizer

    Raises
    ------
    ModelError
        The checkpoint is damaged, or is of another run.
    """
    kept = read_checkpoint(file)
    if kept is None:
        return begun
    tensors, raw = kept
    try:
        note = RunNote.model_validate(raw)
    except ValidationError as error:
        raise ModelError(f"{file} is not of a training run; delete it to begin anew") from error
    if note.settings != begun.settings:
        raise ModelError(
            f"{file} is of a run with other settings; give the same again, or another folder"
        )
    state = _tensors(modules)
    fits = all(n in tensors and tensors[n].shape == t.shape for n, t in state.items())
    if not fits or note.data not in {None, begun.data}:
        raise ModelError(
            f"{file} is of a run on other objects or labels; give another folder, or delete it to "
            "begin anew"
        )
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(tensors[name])
    _restore_moments(optimiser, tensors)
    return note


def _tensors(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    return {f"{k}/{n}": t for k, m in modules.items() for n, t in m.state_dict().items()}


def _restore_moments(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state = optimiser.state_dict()
    for name, tensor in tensors.items():
        if name.startswith("optimiser/"):
            _, number, moment = name.split("/")
            state["state"].setdefault(int(number), {})[moment] = tensor
    optimiser.load_state_dict(state)
