"""How much of the signal is left after each step of adding noise."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["NoiseSchedule", "cosine_schedule", "sigmoid_schedule", "zero_terminal_snr"]


class NoiseSchedule(NamedTuple):
    """The share ``ᾱ`` of the variance that is signal: ``x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε``.

    Attributes
    ----------
    kept : Tensor, shape (T + 1,), float64
        ``ᾱ_0 = 1`` without noise, down to ``ᾱ_T``.
    """

    kept: Tensor

    @property
    def steps(self) -> int:
        """The number ``T`` of steps."""
        return len(self.kept) - 1

    @property
    def signal(self) -> Tensor:
        """``√ᾱ``, shape ``(T + 1,)``."""
        return self.kept.sqrt()

    @property
    def noise(self) -> Tensor:
        """``√(1 − ᾱ)``, shape ``(T + 1,)``."""
        return (1 - self.kept).clamp(min=0).sqrt()

    @property
    def betas(self) -> Tensor:
        """Variance ``β_t = 1 − ᾱ_t / ᾱ_{t−1}`` added by step ``t`` from 1 to T, shape ``(T,)``."""
        return 1 - self.kept[1:] / self.kept[:-1]

    def spaced(self, count: int) -> Tensor:
        """Give ``count + 1`` steps from T down to 0, as evenly as whole numbers allow.

        Raises
        ------
        ValueError
            ``count`` is not between 1 and T.
        """
        if not 1 <= count <= self.steps:
            raise ValueError(f"a schedule of {self.steps} steps is not walked in {count}")
        return torch.linspace(self.steps, 0, count + 1, dtype=torch.float64).round().long()


def sigmoid_schedule(steps: int, start: float = 1e-5, end: float = 1e-1) -> NoiseSchedule:
    """Give the schedule of arXiv 2407.15703: ``β_i = σ(u_i) (end − start) + start``.

    ``u`` runs from −6 to 6 over the steps. With the defaults ``√ᾱ_T`` is 0.073 after 100 steps
    and 0.044 after 120: what the noising ends with is not yet noise alone.
    """
    ramp = torch.sigmoid(torch.linspace(-6, 6, steps, dtype=torch.float64))
    return _of_betas(ramp * (end - start) + start)


def cosine_schedule(steps: int, offset: float = 0.008) -> NoiseSchedule:
    """Give ``√ᾱ = cos(π/2 · (t/T + s)/(1 + s))`` (Nichol & Dhariwal 2021, eq. 17), ending at 0."""
    time = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    signal = torch.cos(torch.pi / 2 * (time + offset) / (1 + offset))
    return zero_terminal_snr(NoiseSchedule((signal / signal[0]) ** 2))


def zero_terminal_snr(schedule: NoiseSchedule) -> NoiseSchedule:
    """Shift and stretch ``√ᾱ`` so that nothing of the signal is left (Lin et al. 2024, alg. 1).

    Sampling from N(0, 1) then begins where the noising ended.
    """
    signal = schedule.signal
    return NoiseSchedule(((signal - signal[-1]) / (signal[0] - signal[-1])) ** 2)


def _of_betas(betas: Tensor) -> NoiseSchedule:
    return NoiseSchedule(torch.cat([betas.new_ones(1), torch.cumprod(1 - betas, 0)]))
