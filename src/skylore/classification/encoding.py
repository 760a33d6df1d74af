"""Features of many images and drawings by a network in training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.classification.networks import TrainableNetwork
from skylore.morphology.augment import Augmentation, augment
from skylore.morphology.network import frames_of

__all__ = ["canvases", "features_of_rows", "features_of_view"]

_BATCH = 256

Take = Callable[[Tensor], Tensor]
"""From rows to their images, ``(n, 3, S, S)``, 8-bit."""


def canvases(pixels: Tensor, side: int) -> Tensor:
    """Bring kept images to the size that a network sees, 8-bit."""
    return F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)


def features_of_rows(network: TrainableNetwork, take: Take, rows: Tensor) -> Tensor:
    """Give features ``(n, F)`` of these images as they are."""

    def frames(part: Tensor) -> list[Tensor]:
        return frames_of(canvases(take(part), network.view.canvas), network.view)

    return _encode(network, frames, rows)


def features_of_view(
    network: TrainableNetwork,
    take: Take,
    rows: Tensor,
    how: Augmentation,
    precision: torch.dtype | None,
) -> Tensor:
    """Give features ``(n, F)`` of these images, each changed by chance as in training."""
    return _encode(network, lambda part: augment(take(part), network.view, how), rows, precision)


def _encode(
    network: TrainableNetwork,
    frames: Callable[[Tensor], list[Tensor]],
    rows: Tensor,
    precision: torch.dtype | None = None,
) -> Tensor:
    device = next(network.parameters()).device
    network.eval()
    found = []
    for part in torch.split(rows, _BATCH):
        shown = [frame.to(device) for frame in frames(part)]
        enabled = precision is not None
        with torch.no_grad(), torch.autocast(device.type, precision, enabled=enabled):
            found.append(network(shown).float())
    return torch.cat(found)
