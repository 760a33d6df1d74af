"""How an encoder is pretrained."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from skylore.morphology.augment import Augmentation
from skylore.morphology.labels import LabelSource
from skylore.morphology.network import NetworkConfig

__all__ = ["PretrainSettings"]

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class PretrainSettings(BaseModel):
    """The recipe of a training run.

    Attributes
    ----------
    labels : tuple of LabelSource
        What to learn from, in any mixture.
    self_supervision : float
        Weight of the loss on two views of an image, which needs no label; zero leaves it out.
    network : NetworkConfig
    start : str, optional
        An encoder whose network is trained on, ``galaxy-nano`` or ``model:FOLDER``; only heads
        begin anew.
    start_rate : float
        Learning rate of such a network, as a share of that of the heads.
    augmentation : Augmentation
    steps, batch_size : int
    learning_rate, weight_decay : float
        Of AdamW (Loshchilov & Hutter 2019); biases and normalisations do not decay.
    warmup : float
        Share of the steps over which the learning rate rises; it then falls as a cosine.
    averaging : float
        Of the weights over steps: the decay of their exponential moving average, which is what
        is kept (Polyak & Juditsky 1992).
    canvas_margin : float
        Images are kept larger than the network's canvas by this factor, so that turning them
        blurs less.
    validation : float
        Share of the objects held out to report on; nothing is chosen by them.
    evaluations : int
        How often along the way the held-out objects are looked at.
    checkpoint_steps : int
        Steps between checkpoints.
    gradient_clip : float
    precision : {"auto", "float32", "bfloat16"}
        Of the convolutions in training; ``auto`` takes bfloat16 where the processor has it.
    seed : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: tuple[LabelSource, ...] = ()
    self_supervision: Annotated[float, Field(ge=0)] = 0.0
    network: NetworkConfig = NetworkConfig()
    start: str | None = None
    start_rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    augmentation: Augmentation = Augmentation()
    steps: Count = 4000
    batch_size: Annotated[int, Field(ge=2)] = 128
    learning_rate: Annotated[float, Field(gt=0)] = 4e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    warmup: Share = 0.05
    averaging: Share = 0.998
    canvas_margin: Annotated[float, Field(ge=1, le=2)] = 1.125
    validation: Share = 0.1
    evaluations: Count = 10
    checkpoint_steps: Count = 200
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: int = 0

    @property
    def kept_pixels(self) -> int:
        """Side of the images that are kept in memory for training."""
        return 2 * round(self.network.canvas * self.canvas_margin / 2)

    @property
    def digest(self) -> str:
        """A digest of all settings; a run goes on only with its own."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
