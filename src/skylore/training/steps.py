"""What every step of a training does: set the rate, and average the weights."""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["average_into", "cosine_share"]


def cosine_share(step: int, steps: int, warmup: float) -> float:
    """Give the share of the learning rate at a step.

    It rises linearly over the first part of the steps, and then falls as a cosine to zero
    (Loshchilov & Hutter 2017, arXiv 1608.03983).

    Parameters
    ----------
    step, steps : int
        Steps done, and all.
    warmup : float
        Share of the steps over which it rises.
    """
    done = step / steps
    if done < warmup:
        return (step + 1) / (warmup * steps + 1)
    return 0.5 + 0.5 * math.cos(math.pi * (done - warmup) / (1 - warmup))


@torch.no_grad()
def average_into(averaged: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move a running average towards the weights of now (Polyak & Juditsky 1992).

    Early on it forgets faster, min(decay, (1 + step) / (10 + step)), since first weights mean
    nothing.
    """
    decay = min(decay, (1 + step) / (10 + step))
    now = model.state_dict()
    for name, kept in averaged.state_dict().items():
        if kept.is_floating_point():
            kept.lerp_(now[name], 1 - decay)
        else:
            kept.copy_(now[name])
