"""What a vision network is, without its weights: from which it can be made again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from skylore.morphology.network import NetworkConfig

__all__ = ["ConvNextDescription", "GalaxyDescription", "HubDescription", "NetworkDescription"]

Pixels = Annotated[int, Field(ge=16, le=1024)]


class GalaxyDescription(BaseModel):
    """A network of Skylore's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["skylore"] = "skylore"
    network: NetworkConfig


class HubDescription(BaseModel):
    """A vision network of the transformers library.

    Attributes
    ----------
    config : dict
        Its ``config.json``.
    pooling : str
        Which of its outputs is the feature vector.
    pixels : int
        Side of the images it takes.
    factor : float
    mean, deviation : tuple of float
        What 8-bit values are multiplied by, and then standardised with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["transformers"] = "transformers"
    config: dict[str, Any]
    pooling: Literal["projection", "class token", "mean"]
    pixels: Pixels
    factor: float
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


class ConvNextDescription(BaseModel):
    """A plain ConvNeXt as timm saves it, which is what Zoobot's encoders are.

    Attributes
    ----------
    widths, depths : tuple of int
        Channels and blocks of each stage.
    pixels : int
        Side of the images it takes.
    mean, deviation : tuple of float
        What values from 0 to 1 are standardised with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["convnext"] = "convnext"
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    pixels: Pixels
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


NetworkDescription = Annotated[
    GalaxyDescription | HubDescription | ConvNextDescription, Field(discriminator="kind")
]
