"""The negative log likelihood of what was asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skylore.density.coding import Coded
from skylore.density.column_spec import ColumnSpec
from skylore.density.heads import DiffusionColumn
from skylore.density.mixture import Mixture, mixture_of

__all__ = ["Labels", "column_mixture", "labels_of", "request_losses", "support_of"]

_FAR = 30.0


@dataclass(frozen=True)
class Labels:
    """Rows as they are asked for, ``(N, V)`` each; see :class:`skylore.density.coding.Coded`."""

    z: Tensor
    low: Tensor
    high: Tensor
    error: Tensor
    atom: Tensor
    code: Tensor

    def rows(self, chosen: Tensor) -> Labels:
        """Take some of the rows."""
        return Labels(
            self.z[chosen],
            self.low[chosen],
            self.high[chosen],
            self.error[chosen],
            self.atom[chosen],
            self.code[chosen],
        )


def labels_of(coded: Coded, device: torch.device) -> Labels:
    """Make tensors of coded rows."""

    def tensor(values: NDArray[np.float64]) -> Tensor:
        finite = np.nan_to_num(values, nan=0.0, posinf=_FAR, neginf=-_FAR).clip(-_FAR, _FAR)
        return torch.from_numpy(finite.astype(np.float32)).to(device)

    code = np.nan_to_num(coded.x).clip(0, 10_000).astype(np.int64)
    return Labels(
        tensor(coded.z),
        tensor(coded.low),
        tensor(coded.high),
        torch.from_numpy(coded.error.clip(0, 1e6).astype(np.float32)).to(device),
        torch.from_numpy(coded.atom).to(device),
        torch.from_numpy(code).to(device),
    )


def support_of(spec: ColumnSpec) -> tuple[float, float]:
    """Give the ends of a column in ``z``."""
    if spec.warp is None:
        return -math.inf, math.inf
    ends = [
        open_end if end is None else float(spec.warp.forward(np.array([end]))[0])
        for end, open_end in ((spec.lower, -math.inf), (spec.upper, math.inf))
    ]
    return ends[0], ends[1]


def column_mixture(raw: Tensor, spec: ColumnSpec) -> Mixture:
    """Make the mixture of a numeric column from what its head gives."""
    shares = len(spec.atoms) + 1 if spec.atoms else 0
    components = (raw.shape[1] - shares) // 3
    return mixture_of(raw, components, len(spec.atoms), support_of(spec))


def request_losses(
    heads: nn.ModuleList,
    specs: Sequence[ColumnSpec],
    known: Tensor,
    targets: Tensor,
    labels: Labels,
) -> Tensor:
    """Give the loss of each request, ``(M,)``: nats without the constant Jacobian.

    Of a number under a diffusion head it is the squared error of the velocity instead.

    Parameters
    ----------
    heads : ModuleList
        One a column.
    specs : sequence of ColumnSpec
    known : Tensor, shape (M, width)
    targets : Tensor, shape (M,)
    labels : Labels
        Of ``M`` rows.
    """
    losses = torch.zeros_like(known[:, 0])
    for column in torch.unique(targets).tolist():
        rows = torch.nonzero(targets == column)[:, 0]
        head, own = heads[column], labels.rows(rows)
        found = (
            _diffusion_loss(head, known[rows], specs[column], column, own)
            if isinstance(head, DiffusionColumn)
            else _column_loss(head(known[rows]), specs[column], column, own)
        )
        losses = losses.index_copy(0, rows, found)
    return losses


def _diffusion_loss(
    head: DiffusionColumn, known: Tensor, spec: ColumnSpec, column: int, labels: Labels
) -> Tensor:
    whole = (labels.low[:, column], labels.high[:, column]) if spec.kind == "integer" else None
    return head.loss(
        known,
        z=labels.z[:, column],
        between=whole,
        error=labels.error[:, column] if spec.error else None,
        atom=labels.atom[:, column],
    )


def _column_loss(raw: Tensor, spec: ColumnSpec, column: int, labels: Labels) -> Tensor:
    if spec.is_categorical:
        return nn.functional.cross_entropy(raw, labels.code[:, column], reduction="none")
    mixture = column_mixture(raw, spec)
    if spec.kind == "integer":
        spread = mixture.log_between(labels.low[:, column], labels.high[:, column])
    else:
        z = labels.z[:, column].clamp(mixture.lower, mixture.upper)
        spread = mixture.log_density(z, labels.error[:, column] if spec.error else None)
    if not spec.atoms:
        return -spread
    atom = labels.atom[:, column]
    point = mixture.log_atoms.gather(1, atom.clamp(min=0)[:, None])[:, 0]
    if spec.kind == "integer":
        return -torch.where(atom >= 0, torch.logaddexp(point, spread), spread)
    return -torch.where(atom >= 0, point, spread)
