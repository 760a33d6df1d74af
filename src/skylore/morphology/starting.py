"""Training that goes on from an encoder that is there, as fine-tuning does."""

from __future__ import annotations

from skylore.encoders.trained import folder_of
from skylore.errors import ModelError
from skylore.morphology.encoder_model import EncoderModel
from skylore.morphology.network import GalaxyNetwork, NetworkConfig
from skylore.morphology.settings import PretrainSettings

__all__ = ["load_start", "with_start"]


def load_start(place: str) -> GalaxyNetwork:
    """Read the network of an encoder, without its heads.

    Parameters
    ----------
    place : str
        ``galaxy-nano`` or ``model:FOLDER``.

    Raises
    ------
    ModelError
        There is no encoder, or not one that Skylore trained.
    """
    folder = folder_of(place)
    if folder is None:
        raise ModelError(
            f"training cannot go on from {place!r}; give galaxy-nano, or model:FOLDER for an "
            "encoder that `skylore pretrain` made"
        )
    return EncoderModel.load(folder).network


def with_start(settings: PretrainSettings) -> PretrainSettings:
    """Take over the sizes of the network that training starts from, if it starts from one.

    Raises
    ------
    ModelError
        Other sizes were asked for, or there is no such encoder.
    """
    if settings.start is None:
        return settings
    there = load_start(settings.start).config
    if settings.network not in (NetworkConfig(), there):
        raise ModelError(
            f"{settings.start} has a network of {there.pixels} pixels and width {there.width}, "
            "and training that starts from it keeps its sizes; leave them out"
        )
    return settings.model_copy(update={"network": there})
