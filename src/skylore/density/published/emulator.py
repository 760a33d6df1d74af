"""The published emulator as a whole: from a table to draws and densities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from skylore.density.diffusion.quantiles import QuantileSpline, normal_nodes
from skylore.density.diffusion.sampling import ancestral, ddim
from skylore.density.published.defects import AS_PUBLISHED, Defects
from skylore.density.published.network import PublishedNetwork
from skylore.density.published.scaling import LinearScaling, QuantileScaling, Scaling
from skylore.density.published.settings import PublishedNetworkSettings, PublishedTraining
from skylore.density.published.training import TrainingLosses, train
from skylore.errors import ModelError
from skylore.training.chance import seeded

__all__ = ["PublishedEmulator"]

Values = NDArray[np.float64]
_Reader = Callable[[QuantileSpline, Tensor], Tensor]
_VALUES_AT_ONCE = 400_000
_NODES = 65


class _Request(NamedTuple):
    """A column that is asked for, and the standardised table that it is asked of."""

    column: int
    standard: Tensor
    tokens: Tensor


class PublishedEmulator:
    """``p(one column | any others)`` of a table of numbers, by arXiv 2407.15703.

    Parameters
    ----------
    columns : sequence of str
    network : PublishedNetwork
    scaling : LinearScaling or QuantileScaling
    losses : TrainingLosses, optional
    """

    def __init__(
        self,
        columns: Sequence[str],
        network: PublishedNetwork,
        scaling: Scaling,
        losses: TrainingLosses | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.network, self.scaling, self.losses = network.eval(), scaling, losses

    @classmethod
    def fit(
        cls,
        columns: Sequence[str],
        table: ArrayLike,
        *,
        settings: PublishedNetworkSettings | None = None,
        recipe: PublishedTraining | None = None,
        defects: Defects = AS_PUBLISHED,
        device: str = "cpu",
        progress: bool = True,
    ) -> PublishedEmulator:
        """Train on the rows of ``(N, V)``, NaN where a value is missing.

        Raises
        ------
        ModelError
            The table does not fit its columns, holds infinities, has a row or a column without
            any value, or a column cannot be scaled.
        """
        rows = _checked(table, columns)
        if np.isnan(rows).all(axis=0).any():
            empty = [columns[j] for j in np.flatnonzero(np.isnan(rows).all(axis=0)).tolist()]
            raise ModelError(f"no row has a value of {', '.join(empty)}; leave these columns out")
        recipe = recipe or PublishedTraining(context=len(columns))
        settings = settings or PublishedNetworkSettings(columns=len(columns))
        if settings.columns != len(columns):
            raise ModelError(
                f"the settings are for {settings.columns} columns, the table has {len(columns)}"
            )
        kind = LinearScaling if defects.scales_linearly else QuantileScaling
        scaling: Scaling = kind.fit(rows)
        with seeded(recipe.seed):
            network = PublishedNetwork(settings, defects)
            standard = _standardised(rows, scaling)
            losses = train(network, standard, recipe, device=device, progress=progress)
        return cls(columns, network, scaling, losses)

    def sample(self, table: ArrayLike, target: str, count: int, *, seed: int = 0) -> Values:
        """Draw ``count`` values of ``target`` for each row, by all the steps of the diffusion.

        Parameters
        ----------
        table : array_like, shape (N, V)
            In the order of ``columns``; what is NaN is not given. The target's own value must be
            NaN unless it is to be seen, which the published model allows.
        target : str
        count : int
        seed : int

        Returns
        -------
        ndarray, shape (N, count)
        """
        request = self._request(table, target)
        generator = torch.Generator().manual_seed(seed)
        draws = []
        for part in self._parts(request, count):
            start = torch.randn(len(part), count, generator=generator).to(part)
            draws.append(self._walk(part, start, generator).cpu().to(torch.float64).numpy())
        return self.scaling.inverse(np.concatenate(draws), request.column)

    def log_density(self, table: ArrayLike, target: str, values: ArrayLike) -> Values:
        """Give log densities, in nats of the column's unit, at one or more values a row.

        The published model draws and no more. This is the density at which its network arrives
        by the probability flow (Song et al. 2021) through all its steps, from N(0, 1).

        Parameters
        ----------
        table : array_like, shape (N, V)
        target : str
        values : array_like, shape (N,) or (N, M)

        Returns
        -------
        ndarray, shaped as the values
        """
        request = self._request(table, target)
        wanted = _values_of(values, request)
        standard = self.scaling.forward(wanted, request.column)
        logs = self._read(request, standard, QuantileSpline.log_density)
        return logs + self.scaling.log_slope(wanted, request.column)

    def cdf(self, table: ArrayLike, target: str, values: ArrayLike) -> Values:
        """Give the probability at or below values ``(N,)`` or ``(N, M)``, by the same flow."""
        request = self._request(table, target)
        wanted = _values_of(values, request)
        standard = self.scaling.forward(wanted, request.column)
        return self._read(request, standard, QuantileSpline.cdf)

    def condition(self, table: ArrayLike, target: str) -> Tensor:
        """Give what the encoder says of each row, ``(N, D)``: all that a head gets to see."""
        return torch.cat(self._parts(self._request(table, target), 1))

    @torch.no_grad()
    def distributions(
        self, table: ArrayLike, target: str, *, nodes: int = _NODES
    ) -> QuantileSpline:
        """Give each row's whole distribution in the network's units, by the probability flow."""
        request = self._request(table, target)
        values = [self._flow(part, nodes) for part in self._parts(request, nodes)]
        return QuantileSpline(normal_nodes(nodes), torch.cat(values).cpu())

    def _read(self, request: _Request, standard: Values, read: _Reader) -> Values:
        results, start, scores = [], 0, normal_nodes(_NODES)
        flat = torch.from_numpy(standard.reshape(len(request.standard), -1))
        for part in self._parts(request, _NODES):
            spline = QuantileSpline(scores.double(), self._flow(part, _NODES).cpu().double())
            results.append(read(spline, flat[start : start + len(part)]).numpy())
            start += len(part)
        return np.concatenate(results).reshape(standard.shape)

    @torch.no_grad()
    def _flow(self, condition: Tensor, nodes: int) -> Tensor:
        network = self.network
        return ddim(
            network.head.conditioned(condition),
            normal_nodes(nodes).to(condition).expand(len(condition), -1),
            network.schedule,
            steps=network.settings.steps,
            kind=network.prediction,
        )

    @torch.no_grad()
    def _walk(self, condition: Tensor, start: Tensor, generator: torch.Generator) -> Tensor:
        network = self.network
        return ancestral(
            network.head.conditioned(condition),
            start,
            network.schedule,
            kind=network.prediction,
            noise_at_last_step=network.defects.noise_at_last_step,
            generator=generator,
        )

    @torch.no_grad()
    def _parts(self, request: _Request, count: int) -> list[Tensor]:
        device = next(self.network.parameters()).device
        size = max(1, _VALUES_AT_ONCE // count)
        parts = []
        for values, tokens in zip(
            torch.split(request.standard, size), torch.split(request.tokens, size), strict=True
        ):
            asked = torch.full((len(values),), request.column + 1)
            parts.append(
                self.network.condition(values.to(device), tokens.to(device), asked.to(device))
            )
        return parts

    def _request(self, table: ArrayLike, target: str) -> _Request:
        rows = _checked(table, self.columns)
        if target not in self.columns:
            raise ModelError(f"no column {target}; the model knows {', '.join(self.columns)}")
        standard = _standardised(rows, self.scaling)
        numbers = torch.arange(1, len(self.columns) + 1)
        tokens = torch.where(standard.isnan(), 0, numbers)
        return _Request(self.columns.index(target), standard.nan_to_num(0.0), tokens)


def _values_of(values: ArrayLike, request: _Request) -> Values:
    wanted = np.asarray(values, dtype=np.float64)
    rows = len(request.standard)
    if wanted.shape[:1] != (rows,) or wanted.ndim > 2 or not np.isfinite(wanted).all():
        raise ModelError(
            f"values are finite and of shape ({rows},) or ({rows}, M), not {wanted.shape}"
        )
    return wanted


def _standardised(rows: Values, scaling: Scaling) -> Tensor:
    columns = [scaling.forward(rows[:, j], j) for j in range(rows.shape[1])]
    return torch.from_numpy(np.stack(columns, axis=1)).to(torch.float32)


def _checked(table: ArrayLike, columns: Sequence[str]) -> Values:
    rows = np.asarray(table, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(columns) or not len(rows):
        raise ModelError(f"a table of {len(columns)} columns was expected, not shape {rows.shape}")
    if np.isinf(rows).any():
        raise ModelError("the table holds infinite values; make them NaN, or leave their rows out")
    return rows
