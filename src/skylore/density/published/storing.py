"""A published emulator on disk: config.json, model.safetensors and a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from skylore.density.published.defects import Defects
from skylore.density.published.emulator import PublishedEmulator
from skylore.density.published.network import PublishedNetwork
from skylore.density.published.scaling import scaling_from_dict
from skylore.density.published.settings import PublishedNetworkSettings
from skylore.errors import ModelError
from skylore.training.folders import write_whole

__all__ = ["PublishedConfig", "load_published", "save_published"]

_CARD = """# A density emulator as published (arXiv 2407.15703)

A baseline to compare with: one column of {columns} given any others, by a transformer encoder and
a diffusion head. Its known defects that are switched on: {defects}.
"""


class PublishedConfig(BaseModel):
    """The ``config.json`` of a published emulator.

    Attributes
    ----------
    columns : tuple of str
    network : PublishedNetworkSettings
    defects : Defects
    scaling : dict
        What its scaling is made of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    network: PublishedNetworkSettings
    defects: Defects
    scaling: dict[str, list[list[float]]]


def save_published(emulator: PublishedEmulator, folder: Path) -> None:
    """Write the emulator into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    network = emulator.network
    config = PublishedConfig(
        columns=emulator.columns,
        network=network.settings,
        defects=network.defects,
        scaling=emulator.scaling.to_dict(),
    )
    on = [name for name, present in network.defects.model_dump().items() if present]
    card = _CARD.format(columns=", ".join(emulator.columns), defects=", ".join(on) or "none")
    tensors = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_whole(folder / "model.safetensors", save(tensors))
    write_whole(folder / "README.md", card.encode())
    write_whole(folder / "config.json", config.model_dump_json(indent=2).encode())


def load_published(folder: Path) -> PublishedEmulator:
    """Read an emulator that :func:`save_published` wrote.

    With the defect ``forgets_schedule`` its diffusion has the default schedule, whatever it was
    trained with.

    Raises
    ------
    ModelError
        The folder holds no such emulator, or a damaged one.
    """
    try:
        config = PublishedConfig.model_validate_json((folder / "config.json").read_bytes())
        settings = config.network
        if config.defects.forgets_schedule:
            kept = settings.model_dump(exclude={"beta_start", "beta_end"})
            settings = PublishedNetworkSettings.model_validate(kept)
        network = PublishedNetwork(settings, config.defects)
        network.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, ValidationError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"{folder} holds no published density emulator that can be read ({error}); save it anew"
        ) from error
    return PublishedEmulator(config.columns, network, scaling_from_dict(config.scaling))
