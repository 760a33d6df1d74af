"""Image encoders that Skylore trained: the one that ships with it, and the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from torch import Tensor

from skylore.encoders.base import Pixels
from skylore.encoders.network import NetworkEncoder
from skylore.errors import ModelError
from skylore.morphology.canvas import stack
from skylore.morphology.encoder_model import EncoderModel

__all__ = ["GALAXY_NANO", "TrainedEncoder", "folder_of"]

GALAXY_NANO = "galaxy-nano"
"""The encoder that ships with Skylore."""


_OWN = "model:"


def folder_of(name: str) -> Path | None:
    """Give the folder of an encoder that Skylore trained, or None for a name of another sort."""
    if name == GALAXY_NANO:
        with as_file(files("skylore") / "pretrained" / name) as folder:
            return folder
    return Path(name.removeprefix(_OWN)) if name.startswith(_OWN) else None


class TrainedEncoder(NetworkEncoder):
    """Encodes images with a network that ``skylore pretrain`` made.

    Parameters
    ----------
    name : str
        ``galaxy-nano``, or ``model:FOLDER`` with ``config.json`` and ``model.safetensors`` there.

    Raises
    ------
    ModelError
        If the model cannot be read.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        folder = folder_of(name)
        if folder is None:
            raise ModelError(f"{name!r} names no encoder that Skylore trained")
        self.name = name
        model = EncoderModel.load(folder)
        self.revision = model.identity
        self._model = model.to(self.device)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        dimension: int = self._model.config.network.dimension
        return dimension

    def prepare(self, inputs: Sequence[Pixels]) -> dict[str, Tensor]:
        """Bring images to the canvas, 8-bit still."""
        return {"pixels": stack(inputs, self._model.config.network.canvas)}

    def forward(self, prepared: dict[str, Tensor]) -> Tensor:
        """Give standardised features."""
        return self._model.vectors(prepared["pixels"])
