"""Networks that predict perfectly, since what they were to learn is known in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from skylore.density.diffusion.parametrisation import Prediction
from skylore.density.diffusion.schedule import NoiseSchedule


class ExactNetwork:
    """The best prediction for a mixture of normals with these weights, means and deviations."""

    def __init__(
        self,
        schedule: NoiseSchedule,
        kind: Prediction,
        parts: list[tuple[float, float, float]],
    ) -> None:
        self._schedule, self._kind = schedule, kind
        self._weights, self._means, self._deviations = torch.tensor(parts, dtype=torch.float64).T

    def __call__(self, values: Tensor, time: int) -> Tensor:
        signal, noise = self._schedule.signal[time], self._schedule.noise[time]
        x = values.double()[..., None]
        variance = (signal * self._deviations) ** 2 + noise**2
        away = x - signal * self._means
        logs = self._weights.log() - 0.5 * variance.log() - 0.5 * away**2 / variance
        drawn = (logs.softmax(dim=-1) * noise * away / variance).sum(dim=-1)
        if self._kind == "noise":
            return drawn
        centre = self._means + signal * self._deviations**2 * away / variance
        clean = (logs.softmax(dim=-1) * centre).sum(dim=-1)
        return signal * drawn - noise * clean
