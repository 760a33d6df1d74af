"""What image encoders that are trained networks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.encoders.base import Pixels, Vectors
from skylore.encoders.devices import default_device, half_precision
from skylore.encoders.pixels import check_pixels
from skylore.encoders.vectors import unit_rows

__all__ = ["BatchRunner", "NetworkEncoder"]

_ON_CPU, _ON_DEVICE = 32, 256
"""Inputs in a forward pass: what fits a core's cache, and what fills an accelerator."""

Input = TypeVar("Input")


class BatchRunner(ABC, Generic[Input]):
    """Runs inputs through a network batch by batch, from any number of threads.

    Whoever asks prepares its inputs in its own thread; the network runs in one thread for all. So
    several callers keep the device busy: while it computes, they prepare what comes next.
    """

    name: str

    def __init__(self) -> None:
        self.device = default_device()

    @cached_property
    def _forward_thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix="skylore-forward")

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The length ``D`` of a vector."""

    @property
    def inputs_per_pass(self) -> int:
        """How many inputs the network is given at a time."""
        return _ON_CPU if self.device.type == "cpu" else _ON_DEVICE

    @abstractmethod
    def prepare(self, inputs: Sequence[Input]) -> dict[str, Tensor]:
        """Give inputs as the network takes them, on the CPU."""

    @abstractmethod
    def forward(self, prepared: dict[str, Tensor]) -> Tensor:
        """Run the network on what :meth:`prepare` gave, moved to the device: ``(N, D)``."""

    def run(self, inputs: Sequence[Input]) -> Vectors:
        """Give unit rows ``(N, D)`` of ``N`` inputs.

        Raises
        ------
        ModelError
            If the network gives a vector that is zero or not finite.
        """
        size = self.inputs_per_pass
        rows = [np.empty((0, self.dimension), dtype=np.float32)]
        rows += [self.once(inputs[start : start + size]) for start in range(0, len(inputs), size)]
        return unit_rows(np.concatenate(rows), encoder=self.name)

    def once(self, inputs: Sequence[Input]) -> NDArray[np.float32]:
        """Give the network's own vectors of as many inputs as it takes at a time."""
        prepared = self._moved(self.prepare(inputs))
        vectors: Tensor = self._forward_thread.submit(self._guarded, prepared).result()
        found: NDArray[np.float32] = vectors.float().cpu().numpy()
        return found

    def _guarded(self, prepared: dict[str, Tensor]) -> Tensor:
        with torch.inference_mode(), half_precision(self.device):
            return self.forward(prepared)

    def _moved(self, prepared: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.device.type != "cuda":
            return prepared
        # A stream of its own: the copy must not queue behind the passes of other callers.
        stream: Any = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call] # torch's own
        with torch.cuda.stream(stream):
            moved = {
                name: tensor.pin_memory().to(self.device, non_blocking=True)
                for name, tensor in prepared.items()
            }
        stream.synchronize()
        return moved


class NetworkEncoder(BatchRunner[Pixels]):
    """Encodes display images with a network that a subclass runs."""

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """Encode ``N`` images as ``(N, D)`` rows of unit length.

        Raises
        ------
        ImageError
            If an image is not 8-bit RGB, or is smaller than 8 pixels.
        ModelError
            If the network gives a vector that is zero or not finite.
        """
        for number, image in enumerate(images):
            check_pixels(image, number)
        return self.run(images)
