"""Changes of an image that leave the galaxy what it is, as pure functions of tensors."""

from __future__ import annotations

import math

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.morphology.network import NetworkConfig

__all__ = ["Augmentation", "augment", "rotate"]


class Augmentation(BaseModel):
    """How far images are changed in training; the object in the middle always stays in sight.

    Attributes
    ----------
    mirror : bool
        Whether half of the images are mirrored; not where classes differ by handedness.
    zoom : float
        Largest relative change of scale, either way.
    shift : float
        Largest shift along each axis, in half sides of the image.
    blur : float
        Share of images that are convolved with a small kernel, as by a wider PSF.
    noise : float
        Standard deviation of the noise of the noisiest images, on a scale where white is 1.
    level : float
        Standard deviation of a change of the background level, likewise.
    gain : float
        Standard deviation of the logarithm of a factor on all channels; half of it on each one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mirror: bool = True
    zoom: float = Field(0.2, ge=0, le=0.5)
    shift: float = Field(0.06, ge=0, le=0.25)
    blur: float = Field(0.25, ge=0, le=1)
    noise: float = Field(0.03, ge=0, le=1)
    level: float = Field(0.01, ge=0, le=1)
    gain: float = Field(0.1, ge=0, le=1)


def augment(
    images: Tensor,
    config: NetworkConfig,
    how: Augmentation,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """Turn, mirror, zoom, shift, blur and brighten images by chance, and add noise.

    Any angle is equally likely, since the sky has no up; what turns into sight from beyond the
    border is mirrored from within.

    Parameters
    ----------
    images : Tensor, shape (N, 3, S, S), uint8
    config : NetworkConfig
        Says which frames are wanted.
    how : Augmentation
    generator : torch.Generator, optional

    Returns
    -------
    list of Tensor, shape (N, 3, pixels, pixels), float32
        A frame each, from 0 to 1; all frames of an image are changed alike.

    Raises
    ------
    TypeError
        If the images are not 8-bit: bringing them to a scale from 0 to 1 twice would go unnoticed.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"images to be augmented are 8-bit, not {images.dtype}")
    whole = images.float() / 255
    turned = _transforms(len(images), how, generator)
    if config.frames == 1:
        frames = [_resample(whole, config.pixels, turned)]
    else:
        # The middle half: the same change seen through a grid of half the extent.
        closer = turned * torch.tensor([0.5, 0.5, 1.0])
        frames = [
            _resample(F.avg_pool2d(whole, 2), config.pixels, turned),
            _resample(whole, config.pixels, closer),
        ]
    return _expose(frames, how, generator)


def rotate(images: Tensor, radians: float) -> Tensor:
    """Turn images ``(N, 3, S, S)`` of floats about their middle, mirroring at the border."""
    cosine, sine = math.cos(radians), math.sin(radians)
    matrix = torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    return _resample(images, images.shape[-1], matrix.expand(len(images), 2, 3))


def _transforms(count: int, how: Augmentation, generator: torch.Generator | None) -> Tensor:
    angle = 2 * math.pi * torch.rand(count, generator=generator)
    spread = 2 * torch.rand(count, generator=generator) - 1
    scale = torch.exp(spread * math.log1p(how.zoom))
    chance = torch.rand(count, generator=generator)
    mirror = torch.where((chance < 0.5) & how.mirror, -1.0, 1.0)
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    shift = how.shift * (2 * torch.rand(2, count, generator=generator) - 1)
    rows = [
        torch.stack([mirror * cosine, -sine, shift[0]], dim=1),
        torch.stack([mirror * sine, cosine, shift[1]], dim=1),
    ]
    return torch.stack(rows, dim=1)


def _resample(images: Tensor, pixels: int, matrices: Tensor) -> Tensor:
    grid = F.affine_grid(matrices, [len(images), 3, pixels, pixels], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _expose(
    frames: list[Tensor], how: Augmentation, generator: torch.Generator | None
) -> list[Tensor]:
    """Change sharpness, light and noise, for all frames of an image alike."""
    count = len(frames[0])
    blurred = torch.randperm(count, generator=generator)[: round(how.blur * count)]
    gain = torch.exp(
        how.gain * _normal(generator, count, 1, 1, 1)
        + how.gain / 2 * _normal(generator, count, 3, 1, 1)
    )
    level = how.level * _normal(generator, count, 3, 1, 1)
    depth = how.noise * _normal(generator, count, 1, 1, 1).abs()
    exposed = []
    for frame in frames:
        if len(blurred):
            frame[blurred] = _blur(frame[blurred])
        noise = depth * _normal(generator, *frame.shape)
        exposed.append((frame * gain + level + noise).clamp(0, 1))
    return exposed


def _blur(images: Tensor) -> Tensor:
    line = torch.tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(line, line).expand(3, 1, 3, 3)
    return F.conv2d(F.pad(images, (1, 1, 1, 1), mode="reflect"), kernel, groups=3)


def _normal(generator: torch.Generator | None, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)
