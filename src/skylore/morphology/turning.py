"""How far features turn with the image, and vectors that turn little."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.errors import ModelError
from skylore.morphology.augment import rotate
from skylore.morphology.encoder_model import EncoderModel

__all__ = ["rotation_cosine", "standardise"]

_BATCH = 128
_TURNS = 7
"""Angles at which rotation is tried, none of them a quarter turn."""
_LEAST_STEADY = 0.1
_LEAST_SPREAD = 1e-6


def standardise(model: EncoderModel, images: Tensor) -> None:
    """Set centre and scale of a model's vectors from images that it was trained on.

    Cosines are taken about the centre, so that they tell galaxies apart instead of all being near
    one. A feature counts by the square of the share of its variance that is between images and not
    between turned copies of one image, as in linear discriminant analysis (Fisher 1936).

    Parameters
    ----------
    model : EncoderModel
    images : Tensor, shape (N, 3, S, S), uint8

    Raises
    ------
    ModelError
        The features of all images are the same.
    """
    upright = _features(model, images)
    whole = upright.var(dim=0)
    if not float(whole.max().sqrt()) > _LEAST_SPREAD * float(upright.abs().max()):
        raise ModelError(
            "training has collapsed: every image has the same features. Lower the learning rate, "
            "or give more to learn from, in another folder"
        )
    copies = torch.stack([upright, *(_features(model, turned) for turned in _turned(images))])
    by_turning = copies.var(dim=0).mean(dim=0)
    floor = 1e-6 * whole.max()
    steady = ((whole - by_turning) / whole.clamp(min=floor)).clamp(min=_LEAST_STEADY)
    model.feature_mean.copy_(upright.mean(dim=0))
    model.feature_scale.copy_(1 / steady.square())


def rotation_cosine(model: EncoderModel, images: Tensor) -> float:
    """Give the mean cosine between the vectors of images and of the same images turned.

    Parameters
    ----------
    model : EncoderModel
    images : Tensor, shape (N, 3, S, S), uint8
    """
    upright = _unit(model, _features(model, images))
    cosines = [
        (upright * _unit(model, _features(model, turned))).sum(dim=1) for turned in _turned(images)
    ]
    return float(torch.cat(cosines).mean())


def _turned(images: Tensor) -> Iterator[Tensor]:
    for turn in range(_TURNS):
        angle = 2 * math.pi * (turn + 0.5) / _TURNS
        yield torch.cat(
            [
                (rotate(part.float() / 255, angle) * 255).round().to(torch.uint8)
                for part in torch.split(images, _BATCH)
            ]
        )


def _features(model: EncoderModel, images: Tensor) -> Tensor:
    side = model.config.network.canvas
    device = model.feature_mean.device
    with torch.inference_mode():
        parts = [
            model.features(
                F.interpolate(part, (side, side), mode="bilinear", antialias=True).to(device)
            )
            for part in torch.split(images, _BATCH)
        ]
    return torch.cat(parts).clone()


def _unit(model: EncoderModel, features: Tensor) -> Tensor:
    return F.normalize((features - model.feature_mean) / model.feature_scale, dim=1)
