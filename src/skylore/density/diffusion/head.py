"""A diffusion head that begins in pure noise, needs few steps, and knows its own density."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor, nn

from skylore.density.diffusion.parametrisation import antithetic_times, velocity
from skylore.density.diffusion.predictor import Predictor
from skylore.density.diffusion.quantiles import QuantileSpline, normal_nodes
from skylore.density.diffusion.sampling import dpm_solver
from skylore.density.diffusion.schedule import NoiseSchedule, cosine_schedule

__all__ = ["DiffusionHead"]


class DiffusionHead(nn.Module):
    """Velocity-predicting diffusion of one value, given a condition.

    The schedule ends with no signal at all (Lin et al. 2024), so draws begin where the noising
    ended. The flow from noise to values is monotone in one dimension: a few dozen normal scores,
    carried along by DPM-Solver++ once a row, give the whole distribution, and any number of draws
    cost no more than reading them off.

    Parameters
    ----------
    condition : int
        Length ``D`` of a condition.
    width, layers : int
        Of the network.
    steps : int
        Times at which it is trained.
    """

    def __init__(
        self, condition: int, *, width: int = 64, layers: int = 3, steps: int = 100
    ) -> None:
        super().__init__()
        self.predictor = Predictor(condition, width=width, layers=layers, steps=steps)
        self.steps = steps

    @cached_property
    def schedule(self) -> NoiseSchedule:
        """Cosine, with nothing left at the end."""
        return cosine_schedule(self.steps)

    def loss(
        self, condition: Tensor, values: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Give the squared error of the velocity, ``(N,)``, at times that come in mirrored pairs.

        Parameters
        ----------
        condition : Tensor, shape (N, D)
        values : Tensor, shape (N,)
            Of about zero mean and unit variance.
        generator : torch.Generator, optional
            On the CPU, whatever the device.
        """
        drawing = generator or torch.default_generator
        times = antithetic_times(len(values), self.steps, drawing).to(values.device)
        drawn = torch.randn(len(values), generator=drawing).to(values)
        schedule = self.schedule
        signal, noise = schedule.signal.to(values), schedule.noise.to(values)
        noisy = signal[times + 1] * values + noise[times + 1] * drawn
        target = velocity(values, drawn, times + 1, schedule)
        error: Tensor = (self.predictor(noisy, times, condition) - target) ** 2
        return error

    @torch.no_grad()
    def distribution(
        self, condition: Tensor, *, steps: int = 16, nodes: int = 65
    ) -> QuantileSpline:
        """Give the distribution of each row of conditions ``(N, D)``.

        Parameters
        ----------
        condition : Tensor, shape (N, D)
        steps : int
            Of the solver.
        nodes : int
            Normal scores carried along.
        """
        scores = normal_nodes(nodes).to(condition)
        network = self.predictor.conditioned(condition)
        start = scores.expand(len(condition), -1)
        values = dpm_solver(network, start, self.schedule, steps=steps, kind="velocity")
        return QuantileSpline(scores, values)
