"""From noise to values: the published walk through all steps, and solvers that need few."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from skylore.density.diffusion.parametrisation import Prediction, clean_value
from skylore.density.diffusion.schedule import NoiseSchedule

__all__ = ["ancestral", "ddim", "dpm_solver"]

Network = Callable[[Tensor, int], Tensor]
"""Predicts for values ``(N, M)`` at one step from 1 to T."""


def ancestral(
    network: Network,
    start: Tensor,
    schedule: NoiseSchedule,
    *,
    kind: Prediction = "noise",
    noise_at_last_step: bool = True,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Walk all T steps of Ho et al. (2020, alg. 2) from ``start`` ``(N, M)``.

    Parameters
    ----------
    network : callable
    start : Tensor, shape (N, M)
    schedule : NoiseSchedule
    kind : {"noise", "velocity"}
    noise_at_last_step : bool
        True adds noise of variance ``β_t`` at every step, the last included, as published: no
        draw is then sharper than ``√β_1``. False adds the posterior's variance
        ``β_t (1 − ᾱ_{t−1})/(1 − ᾱ_t)``, zero at the last.
    generator : torch.Generator, optional
    """
    values, kept, betas = start, schedule.kept, schedule.betas
    for time in range(schedule.steps, 0, -1):
        clean = clean_value(values, network(values, time), time, schedule, kind)
        beta, now, before = (float(part) for part in (betas[time - 1], kept[time], kept[time - 1]))
        mean = (math.sqrt(before) * beta * clean + math.sqrt(1 - beta) * (1 - before) * values) / (
            1 - now
        )
        variance = beta if noise_at_last_step else beta * (1 - before) / (1 - now)
        drawn = torch.randn(values.shape, generator=generator, dtype=values.dtype)
        values = mean + math.sqrt(variance) * drawn.to(values.device)
    return values


def ddim(
    network: Network,
    start: Tensor,
    schedule: NoiseSchedule,
    *,
    steps: int,
    kind: Prediction,
) -> Tensor:
    """Follow the probability flow by DDIM (Song et al. 2021, eq. 12 with σ = 0) in ``steps``."""
    values = start
    walk = schedule.spaced(steps).tolist()
    for time, after in pairwise(walk):
        clean = clean_value(values, network(values, time), time, schedule, kind)
        drawn = (values - float(schedule.signal[time]) * clean) / float(schedule.noise[time])
        values = float(schedule.signal[after]) * clean + float(schedule.noise[after]) * drawn
    return values


def dpm_solver(
    network: Network,
    start: Tensor,
    schedule: NoiseSchedule,
    *,
    steps: int,
    kind: Prediction,
) -> Tensor:
    """Follow the probability flow by DPM-Solver++(2M) (Lu et al. 2022, alg. 2) in ``steps``.

    Its first and last steps, where the log signal-to-noise ratio is not finite, are of first order.
    """
    values, last, last_stride = start, None, math.inf
    walk = schedule.spaced(steps).tolist()
    for time, after in pairwise(walk):
        clean = clean_value(values, network(values, time), time, schedule, kind)
        stride = _log_snr(schedule, after) - _log_snr(schedule, time)
        share = 0.0 if last is None or math.isinf(stride) else stride / (2 * last_stride)
        guess = clean if last is None else clean + share * (clean - last)
        ratio = float(schedule.noise[after]) / float(schedule.noise[time])
        values = ratio * values - float(schedule.signal[after]) * math.expm1(-stride) * guess
        last, last_stride = clean, stride
    return values


def _log_snr(schedule: NoiseSchedule, time: int) -> float:
    kept = float(schedule.kept[time])
    if kept in {0.0, 1.0}:
        return math.inf if kept else -math.inf
    return 0.5 * math.log(kept / (1 - kept))
