"""The model on disk and in memory: an ensemble of networks and what was learnt of the columns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from skylore import __version__
from skylore.density.column_spec import ColumnSpec
from skylore.density.inputs import Contrast, Inputs
from skylore.density.mixture import Mixture, average
from skylore.density.network import DensityNetwork
from skylore.density.objective import column_mixture
from skylore.density.settings import DensitySettings
from skylore.errors import ModelError
from skylore.morphology.encoder_model import write_whole

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


class DensityModel(nn.Module):
    """An ensemble of networks, whose densities are averaged.

    Parameters
    ----------
    config : DensityConfig
    """

    def __init__(self, config: DensityConfig) -> None:
        super().__init__()
        self.config = config
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

    def mixture(self, inputs: Inputs, visible: Tensor, column: int) -> Mixture:
        """Give the density of a numeric column for each row, in double precision.

        Parameters
        ----------
        inputs : Inputs
            ``N`` rows.
        visible : Tensor, shape (N, V), bool
        column : int
        """
        spec = self.config.columns[column]
        return average([column_mixture(raw, spec) for raw in self._raw(inputs, visible, column)])

    def log_categories(self, inputs: Inputs, visible: Tensor, column: int) -> Tensor:
        """Give the log probability of each category for each row, ``(N, C)``."""
        logs = [raw.log_softmax(1) for raw in self._raw(inputs, visible, column)]
        return torch.stack(logs).logsumexp(0) - torch.tensor(len(logs)).log()

    def _raw(self, inputs: Inputs, visible: Tensor, column: int) -> list[Tensor]:
        device = next(self.parameters()).device
        seen = visible.clone()
        seen[:, column] = False
        targets = torch.full((len(seen), 1), column, device=device)
        found = []
        with torch.inference_mode():
            for member in self.networks:
                known = member(inputs.to(device), seen[:, None].to(device), targets)
                found.append(member.heads[column](known).double().cpu())
        return found

    @cached_property
    def identity(self) -> str:
        """A digest of configuration and weights; equal identities give equal densities."""
        digest = hashlib.sha256(self.config.model_dump_json().encode())
        digest.update(self._bytes())
        return digest.hexdigest()[:16]

    def save(self, folder: Path, card: str, report: str) -> None:
        """Write the model into ``folder``; it counts as there once ``config.json`` is."""
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "training.json", f"{report}\n".encode())
        write_whole(folder / "README.md", card.encode())
        write_whole(folder / "model.safetensors", self._bytes())
        config = self.config.model_dump_json(indent=2)
        write_whole(folder / "config.json", f"{config}\n".encode())

    @classmethod
    def load(cls, folder: Path) -> DensityModel:
        """Read a model that :meth:`save` wrote.

        Raises
        ------
        ModelError
            A file is missing or damaged, or the weights do not fit the configuration.
        """
        try:
            config = DensityConfig.model_validate_json((folder / "config.json").read_bytes())
            model = cls(config)
            model.load_state_dict(load_file(folder / "model.safetensors"))
        except (OSError, ValueError, SafetensorError, RuntimeError, KeyError) as error:
            raise ModelError(
                f"no density emulator can be read from {folder}: {error}. Train it with `skylore "
                "infer fit`, or fetch a whole copy."
            ) from error
        figures = [t for t in model.state_dict().values() if t.is_floating_point()]
        if not all(bool(torch.isfinite(tensor).all()) for tensor in figures):
            raise ModelError(f"the weights in {folder} are not finite; train the model again")
        return model.eval()

    def _bytes(self) -> bytes:
        return save({name: tensor.cpu().contiguous() for name, tensor in self.state_dict().items()})
