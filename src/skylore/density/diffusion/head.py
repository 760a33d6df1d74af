"""A diffusion head that begins in pure noise, needs few steps, and knows its own density."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor, nn

from skylore.density.diffusion.parametrisation import antithetic_times
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
        self,
        condition: Tensor,
        values: Tensor,
        generator: torch.Generator | None = None,
        error: Tensor | None = None,
    ) -> Tensor:
        """Give the squared error of the velocity, ``(N,)``, at times that come in mirrored pairs.

        A value measured with an error ``σ`` is a noisy one already: it teaches the times whose
        noise is larger, and what is learnt is the density of the true value. With ``r = s²σ²/n²``
        the mean of the measured value is ``(1 − r) E[x_0] + (r/s) x_t`` (after Daras, Dimakis &
        Daskalakis 2024, arXiv 2404.10177), so that ``x_0`` is regressed on what it implies.

        Parameters
        ----------
        condition : Tensor, shape (N, D)
        values : Tensor, shape (N,)
            Of about zero mean and unit variance.
        generator : torch.Generator, optional
            On the CPU, whatever the device.
        error : Tensor, shape (N,), optional
            Standard deviations of Gaussian noise that is in the values; 0 where there is none.
        """
        drawing = generator or torch.default_generator
        known = torch.zeros_like(values) if error is None else error
        drawn_times = antithetic_times(len(values), self.steps, drawing).to(values.device)
        first = self._first_time(known)
        times = first + drawn_times * (self.steps - first) // self.steps
        drawn = torch.randn(len(values), generator=drawing).to(values)
        signal = self.schedule.signal.to(values)[times + 1]
        noise = self.schedule.noise.to(values)[times + 1]
        share = (signal * known / noise) ** 2
        noisy = signal * values + noise * (1 - share).sqrt() * drawn
        clean = (values - signal * known**2 / noise**2 * noisy) / (1 - share)
        target = (signal * noisy - clean) / noise
        found: Tensor = (1 - share) * (self.predictor(noisy, times, condition) - target) ** 2
        return found

    def _first_time(self, error: Tensor) -> Tensor:
        """Give the first time from 0 to T − 1 at which the noise is 1.2 times the error."""
        signal, noise = self.schedule.signal[1:], self.schedule.noise[1:]
        ratio = (noise / signal.clamp(min=1e-12)).to(error)
        return torch.searchsorted(ratio, 1.2 * error).clamp(max=self.steps - 1)

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
