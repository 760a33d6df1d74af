"""What is predicted, noise or velocity, and which steps a batch is trained at."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from skylore.density.diffusion.schedule import NoiseSchedule

__all__ = ["Prediction", "antithetic_times", "clean_value", "velocity"]

Prediction = Literal["noise", "velocity"]


def clean_value(
    noisy: Tensor, predicted: Tensor, time: int, schedule: NoiseSchedule, kind: Prediction
) -> Tensor:
    """Give the value ``x_0`` that a prediction implies.

    ``x_0 = (x − √(1−ᾱ) ε)/√ᾱ`` of noise, ``x_0 = √ᾱ x − √(1−ᾱ) v`` of velocity (Salimans & Ho
    2022), which holds where no signal is left, too.
    """
    signal, noise = float(schedule.signal[time]), float(schedule.noise[time])
    if kind == "velocity":
        return signal * noisy - noise * predicted
    return (noisy - noise * predicted) / signal


def velocity(clean: Tensor, drawn: Tensor, times: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Give the velocity ``√ᾱ ε − √(1−ᾱ) x_0`` that is to be predicted at steps from 1 to T."""
    signal = schedule.signal.to(clean)[times]
    return signal * drawn - schedule.noise.to(clean)[times] * clean


def antithetic_times(rows: int, steps: int, generator: torch.Generator) -> Tensor:
    """Draw steps from 0 to T − 1, of which the second half mirrors the first: ``T − 1 − t``."""
    half = torch.randint(steps, ((rows + 1) // 2,), generator=generator)
    return torch.cat([half, steps - 1 - half])[:rows]
