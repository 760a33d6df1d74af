"""The best weights of a run so far, kept on disk so that a run that was killed knows them too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from skylore.errors import ModelError
from skylore.training.checkpoint import read_checkpoint, write_checkpoint

__all__ = ["BestWeights"]


class BestWeights:
    """The weights of the lowest validation loss.

    Parameters
    ----------
    file : Path
        Where they are kept. What a killed run left there is taken up: the run that goes on
        from an earlier checkpoint repeats its steps exactly, and loses nothing to them.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        kept = read_checkpoint(file)
        self._weights: dict[str, Tensor] = kept[0] if kept else {}
        self.step: int = kept[1]["step"] if kept else 0
        self._loss: float = kept[1]["loss"] if kept else float("inf")

    def offer(self, step: int, loss: float, weights: Mapping[str, Tensor]) -> None:
        """Keep these weights if they are better than all before."""
        if not loss < self._loss:
            return
        self._weights = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
        self.step, self._loss = step, loss
        write_checkpoint(self._file, self._weights, {"step": step, "loss": loss})

    @property
    def weights(self) -> dict[str, Tensor]:
        """The best weights.

        Raises
        ------
        ModelError
            If no loss was finite.
        """
        if not self._weights:
            raise ModelError("the validation loss was never finite; lower the learning rate")
        return self._weights
