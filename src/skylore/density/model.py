"""The model on disk and in memory: an ensemble of networks and what was learnt of the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from skylore import __version__
from skylore.density.column_spec import ColumnSpec
from skylore.density.heads import DiffusionColumn, average_flows
from skylore.density.inputs import Contrast, Inputs
from skylore.density.mixture import average
from skylore.density.network import DensityNetwork
from skylore.density.objective import column_mixture, support_of
from skylore.density.settings import DensitySettings
from skylore.density.spread import Spread
from skylore.training.folders import FolderModel

__all__ = ["DensityConfig", "DensityModel"]


class DensityConfig(BaseModel):
    """The ``config.json`` of a density emulator.

    Attributes
    ----------
    columns : tuple of ColumnSpec
    contrasts : tuple of (first, second, slope)
    settings : DensitySettings
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[ColumnSpec, ...]
    contrasts: tuple[tuple[int, int, float], ...]
    settings: DensitySettings
    skylore_version: str = __version__


class DensityModel(FolderModel):
    """An ensemble of networks, whose densities are averaged.

    Parameters
    ----------
    config : DensityConfig
    """

    configuration = DensityConfig
    title = "density emulator"
    command = "skylore infer fit"
    config: DensityConfig

    def __init__(self, config: DensityConfig) -> None:
        super().__init__(config)
        contrasts = [Contrast(*contrast) for contrast in config.contrasts]
        self.members = nn.ModuleList(
            [
                DensityNetwork(config.columns, contrasts, config.settings)
                for _ in range(config.settings.members)
            ]
        )

    @property
    def networks(self) -> list[DensityNetwork]:
        """The members."""
        return [member for member in self.members if isinstance(member, DensityNetwork)]

    @property
    def contrasts(self) -> Sequence[Contrast]:
        """The pairs of columns that the networks see the difference of."""
        return [Contrast(*contrast) for contrast in self.config.contrasts]

    def spread(self, inputs: Inputs, visible: Tensor, column: int) -> Spread:
        """Give the density of a numeric column for each row, in double precision.

        Parameters
        ----------
        inputs : Inputs
            ``N`` rows.
        visible : Tensor, shape (N, V), bool
        column : int
        """
        spec = self.config.columns[column]
        found = self._raw(inputs, visible, column)
        if self.config.settings.head == "mixture":
            return average([column_mixture(raw, spec) for _, raw in found])
        support = support_of(spec)
        flows = [h.flow(raw, support) for h, raw in found if isinstance(h, DiffusionColumn)]
        return average_flows(flows)

    def log_categories(self, inputs: Inputs, visible: Tensor, column: int) -> Tensor:
        """Give the log probability of each category for each row, ``(N, C)``."""
        logs = [raw.log_softmax(1) for _, raw in self._raw(inputs, visible, column)]
        return torch.stack(logs).logsumexp(0) - torch.tensor(len(logs)).log()

    def spread_once(
        self, inputs: Inputs, visible: Tensor, column: int, generator: torch.Generator
    ) -> list[tuple[Tensor, Spread]]:
        """Give rows, and for each of them the density of one sub-network, chosen at random.

        A draw from it is one from the average of all, at a fraction of the work.
        """
        spec = self.config.columns[column]
        return [
            (
                rows,
                head.flow(raw, support_of(spec))
                if isinstance(head, DiffusionColumn)
                else column_mixture(raw, spec),
            )
            for rows, head, raw in self._raw_once(inputs, visible, column, generator)
        ]

    def log_categories_once(
        self, inputs: Inputs, visible: Tensor, column: int, generator: torch.Generator
    ) -> Tensor:
        """Give the log probabilities ``(N, C)`` of one sub-network a row, chosen at random."""
        logs = torch.empty(len(visible), len(self.config.columns[column].categories))
        for rows, _, raw in self._raw_once(inputs, visible, column, generator):
            logs[rows] = raw.log_softmax(1).to(logs)
        return logs.double()

    def _raw_once(
        self, inputs: Inputs, visible: Tensor, column: int, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, nn.Module, Tensor]]:
        device = next(self.parameters()).device
        seen = visible.clone()
        seen[:, column] = False
        members = torch.randperm(len(self.networks), generator=generator).tolist()
        groups = torch.randperm(len(seen), generator=generator).tensor_split(len(members))
        firsts = torch.randint(self.config.settings.views, (len(members),), generator=generator)
        for number, rows, first in zip(members, groups, firsts.tolist(), strict=True):
            if not len(rows):
                continue
            member = self.networks[number]
            head, part = member.heads[column], inputs.rows(rows).to(device)
            with torch.inference_mode():
                raw = head(member.once(part, seen[rows].to(device), column, first))
            yield rows, head, raw.double().cpu()

    def _raw(self, inputs: Inputs, visible: Tensor, column: int) -> list[tuple[nn.Module, Tensor]]:
        """Give the head, and what it makes of each row, of every sub-network of every member."""
        device = next(self.parameters()).device
        seen = visible.clone()
        seen[:, column] = False
        views = self.config.settings.views
        everywhere = seen[:, None].expand(-1, views, -1).to(device)
        targets = torch.full((len(seen), views), column, device=device)
        found = []
        with torch.inference_mode():
            for member in self.networks:
                head = member.heads[column]
                raw = head(member(inputs.to(device), everywhere, targets)).double().cpu()
                found += [(head, part) for part in raw.view(len(seen), views, -1).unbind(1)]
        return found
