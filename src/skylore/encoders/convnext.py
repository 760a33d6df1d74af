"""ConvNeXt in plain torch, with the names of timm's weights: Zoobot's encoders are saved so.

timm imports torchvision, which many installations of torch have no fitting build of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.errors import ModelError

__all__ = ["ConvNeXt", "is_plain_convnext"]

_EPSILON = 1e-6
_PLAIN = re.compile(r"convnext_(atto|femto|pico|nano|tiny|small|base|large|xlarge)(\.[\w.]+)?")
_CLASSIFIER = "head.fc."


def is_plain_convnext(architecture: str) -> bool:
    """Whether an architecture of timm is one that is computed here.

    ConvNeXt V2, overlapping stems (``_ols``), RMS norms and other heads are not.
    """
    return _PLAIN.fullmatch(architecture) is not None


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of ``(N, C, H, W)``."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=_EPSILON)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Normalise."""
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Perceptron(nn.Module):
    """Two layers, the inner four times as wide."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to the last axis."""
        result: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return result


class Block(nn.Module):
    """A depthwise 7 × 7 convolution and a perceptron, scaled and added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        self.mlp = Perceptron(width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to ``(N, C, H, W)``."""
        inner = self.mlp(self.norm(self.conv_dw(x).permute(0, 2, 3, 1)))
        result: Tensor = x + (inner * self.gamma).permute(0, 3, 1, 2)
        return result


class Stage(nn.Module):
    """Halves the resolution, except at first, and applies blocks."""

    def __init__(self, before: int, width: int, depth: int) -> None:
        super().__init__()
        halve = [ChannelNorm(before), nn.Conv2d(before, width, 2, 2)] if before else []
        self.downsample = nn.Sequential(*halve)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to ``(N, C, H, W)``."""
        result: Tensor = self.blocks(self.downsample(x))
        return result


class ConvNeXt(nn.Module):
    """The features of a ConvNeXt (Liu et al. 2022, arXiv 2201.03545), pooled and normalised.

    Parameters
    ----------
    widths, depths : sequence of int
        Channels and blocks of each stage.
    """

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.width = widths[-1]
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0]))
        before = (0, *widths[:-1])
        self.stages = nn.Sequential(*map(Stage, before, widths, depths))
        self.head = nn.ModuleDict({"norm": ChannelNorm(widths[-1])})

    def forward(self, pixels: Tensor) -> Tensor:
        """Give ``(N, D)`` features of ``(N, 3, H, W)`` standardised pixels."""
        states = self.stages(self.stem(pixels))
        pooled: Tensor = self.head["norm"](states.mean(dim=(2, 3), keepdim=True))
        return pooled.flatten(1)

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor]) -> ConvNeXt:
        """Build the network that weights of timm belong to; its sizes are theirs.

        Raises
        ------
        ModelError
            If the weights are not those of a plain ConvNeXt.
        """
        depths: dict[int, int] = {}
        widths: dict[int, int] = {}
        for name, tensor in weights.items():
            if found := re.fullmatch(r"stages\.(\d+)\.blocks\.\d+\.conv_dw\.weight", name):
                stage = int(found[1])
                depths[stage], widths[stage] = depths.get(stage, 0) + 1, len(tensor)
        if not depths or set(depths) != set(range(len(depths))):
            raise ModelError("the weights are not those of a ConvNeXt as timm saves it")
        network = cls(*([sizes[i] for i in range(len(sizes))] for sizes in (widths, depths)))
        try:
            network.load_state_dict(_as_linear(weights))
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"the weights are not those of a plain ConvNeXt: {reason}") from error
        return network


def _as_linear(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out the classifier, and take 1 × 1 convolutions for the linear layers that they are."""
    kept = {n: t.float() for n, t in weights.items() if not n.startswith(_CLASSIFIER)}
    return {n: t.flatten(1) if ".mlp.fc" in n and t.ndim == 4 else t for n, t in kept.items()}
