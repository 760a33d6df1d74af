"""Image encoders that Skylore trained: the one that ships with it, and the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from skylore.encoders.base import Pixels
from skylore.encoders.devices import default_device
from skylore.encoders.network import NetworkEncoder
from skylore.morphology.canvas import stack
from skylore.morphology.encoder_model import EncoderModel

__all__ = ["GALAXY_NANO", "TrainedEncoder", "shipped_folder"]

GALAXY_NANO = "galaxy-nano"
"""The encoder that ships with Skylore."""


def shipped_folder(name: str) -> Path:
    """Give the folder of a model that ships with Skylore."""
    with as_file(files("skylore.pretrained") / name) as folder:
        return folder


class TrainedEncoder(NetworkEncoder):
    """Encodes images with a network that ``skylore pretrain`` made.

    Parameters
    ----------
    name : str
        What selects it.
    folder : Path
        With ``config.json`` and ``model.safetensors``.

    Raises
    ------
    ModelError
        If the model cannot be read.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        model = EncoderModel.load(folder)
        self.revision = model.identity
        self._device = default_device()
        self._model = model.to(self._device)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        dimension: int = self._model.config.network.dimension
        return dimension

    def _forward(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        pixels = stack(images, self._model.config.network.canvas).to(self._device)
        with torch.inference_mode():
            vectors: NDArray[np.float32] = self._model.vectors(pixels).float().cpu().numpy()
        return vectors
