"""The heads: from what the network knows of a request to the density of its column."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from skylore.density.column_spec import ColumnSpec
from skylore.density.diffusion.head import DiffusionHead
from skylore.density.diffusion.spread import SplineSpread
from skylore.density.settings import DensitySettings

__all__ = ["DiffusionColumn", "average_flows", "column_head", "without_twice"]

_VALIDATION_SEED = 20
_LEAST = 1e-12


def column_head(spec: ColumnSpec, settings: DensitySettings) -> nn.Module:
    """Make the head of a column: logits of categories, numbers of a mixture, or a diffusion."""
    if spec.is_categorical:
        return nn.Linear(settings.width, len(spec.categories))
    if settings.head == "diffusion":
        return DiffusionColumn(spec, settings)
    k = settings.components
    numbers = 3 * k + (len(spec.atoms) + 1 if spec.atoms else 0)
    head = nn.Linear(settings.width, numbers)
    with torch.no_grad():
        head.weight.mul_(0.3)
        head.bias[k : 2 * k] = torch.linspace(-1.5, 1.5, k)
        head.bias[2 * k : 3 * k] = -0.5
    return head


class DiffusionColumn(nn.Module):
    """Denoising diffusion of a numeric column's transformed value, and its point masses.

    Parameters
    ----------
    spec : ColumnSpec
    settings : DensitySettings
    """

    def __init__(self, spec: ColumnSpec, settings: DensitySettings) -> None:
        super().__init__()
        self.spec, self.sampler_steps = spec, settings.sampler_steps
        self.value = DiffusionHead(
            settings.width,
            width=settings.diffusion_width,
            layers=settings.diffusion_layers,
            steps=settings.diffusion_steps,
        )
        self.shares = nn.Linear(settings.width, len(spec.atoms) + 1) if spec.atoms else None

    def forward(self, known: Tensor) -> Tensor:
        """Give what :meth:`loss` and :meth:`flow` take: the condition itself, ``(N, width)``."""
        return known

    def loss(
        self,
        known: Tensor,
        *,
        z: Tensor,
        between: tuple[Tensor, Tensor] | None,
        error: Tensor | None,
        atom: Tensor,
    ) -> Tensor:
        """Give the loss ``(N,)``: the error of the velocity, and the log loss of point masses.

        Parameters
        ----------
        known : Tensor, shape (N, width)
        z : Tensor, shape (N,)
        between : tuple of Tensor, optional
            Of integers, the ends of the unit around the value, between which it is drawn evenly.
        error : Tensor, shape (N,), optional
            Measurement errors in units of ``z``.
        atom : Tensor, shape (N,)
            Which point mass the value is, −1 for none.
        """
        chance = None if self.training else torch.Generator().manual_seed(_VALIDATION_SEED)
        if between is not None:
            low, high = between
            drawn = torch.rand(len(z), generator=chance or torch.default_generator).to(z)
            z = low + drawn * (high - low)
        spread = self.value.loss(known, z, chance, error)
        if self.shares is None:
            return spread
        point = nn.functional.cross_entropy(self.shares(known), atom + 1, reduction="none")
        return point + torch.where(atom < 0, spread, torch.zeros_like(spread))

    @torch.inference_mode()
    def flow(self, known: Tensor, support: tuple[float, float]) -> SplineSpread:
        """Give the distributions of conditions ``(N, width)``."""
        place = next(self.parameters())
        known = known.to(place)
        spline = self.value.distribution(known, steps=self.sampler_steps).double()
        logs = known.new_zeros(len(known), 1) if self.shares is None else self.shares(known)
        logs = logs.double().log_softmax(1).cpu()
        one, found = torch.ones_like(logs[:, :1]), (logs[:, 1:], logs[:, 0])
        if self.spec.kind == "integer" and self.spec.atoms:
            alone = SplineSpread(
                (spline,), one, logs[:, :0], torch.zeros_like(logs[:, 0]), *support
            )
            found = without_twice(*found, _around(self.spec, alone))
        return SplineSpread((spline,), one, *found, *support)


def _around(spec: ColumnSpec, alone: SplineSpread) -> Tensor:
    """Give the share of the spread part that lies at each point mass of an integer, ``(N, A)``."""
    if spec.warp is None:
        return torch.zeros_like(alone.log_atoms)
    shares = []
    for atom in spec.atoms:
        low, high = spec.warp.forward(np.array([atom - 0.5, atom + 0.5]))
        ends = [torch.full_like(alone.log_rest, float(end)) for end in (low, high)]
        shares.append(alone.log_between(ends[0], ends[1]).exp())
    return torch.stack(shares, 1)


def without_twice(log_atoms: Tensor, log_rest: Tensor, around: Tensor) -> tuple[Tensor, Tensor]:
    """Take from point masses what the spread part holds at them already.

    Shares are learnt of what is at a point and what is not, flows of what is not; a flow is smooth,
    and passes over the point. With ``ε_a`` the share of it there, ``rest / (1 − Σ ε)`` times the
    flow is right everywhere else, and the point keeps ``p_a − ε_a rest / (1 − Σ ε)`` of its own.

    Parameters
    ----------
    log_atoms : Tensor, shape (N, A)
    log_rest : Tensor, shape (N,)
    around : Tensor, shape (N, A)
        ``ε``, of the spread part alone.

    Returns
    -------
    log_atoms, log_rest : Tensor
        As before, and again of one together. Where a point would keep less than nothing, nothing.
    """
    wanted = log_rest.exp() / (1 - around.sum(1)).clamp(min=_LEAST)
    kept = (log_atoms.exp() - around * wanted[:, None]).clamp(min=_LEAST)
    return kept.log(), (1 - kept.sum(1)).clamp(min=_LEAST).log()


def average_flows(members: Sequence[SplineSpread]) -> SplineSpread:
    """Average the densities of several members."""
    fewer = math.log(len(members))
    log_rest = torch.stack([m.log_rest for m in members]).logsumexp(0) - fewer
    shares = torch.stack([(m.log_rest - log_rest - fewer).exp() for m in members], 1)
    atoms = torch.stack([m.log_atoms for m in members]).logsumexp(0) - fewer
    splines = tuple(spline for m in members for spline in m.splines)
    first = members[0]
    return SplineSpread(splines, shares, atoms, log_rest, first.lower, first.upper)
