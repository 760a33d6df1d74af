"""How a classifier is trained."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from skylore.morphology.augment import Augmentation

__all__ = ["ClassifierSettings", "Objective"]

Objective = Literal["tri-modal", "bimodal", "cross-entropy"]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class ClassifierSettings(BaseModel):
    """The recipe of a training run.

    Attributes
    ----------
    network : str
        What is fine-tuned: ``galaxy-nano``, ``model:FOLDER`` or ``hf:ID-OR-FOLDER``.
    text_encoder : str, optional
        Of the names of the classes; that of the network where it has one, else MiniLM.
    caption : str
        What is said of an image; ``{class}`` is the name of its class.
    symbols : str
        As :func:`skylore.symbols.library.load_symbols` takes it.
    drawings : int
        Symbols drawn of each class before training; 1 shows the same one again and again.
    objective : {"tri-modal", "bimodal", "cross-entropy"}
        Images, symbols and words (Wang et al. 2024, arXiv 2411.19475); images and words; or
        neither, which is what the others are compared with.
    positives : {"class", "pair"}
        In a contrastive loss, what belongs to an image: everything of its class, or only its own
        symbol and words, as published, which pushes apart what is alike.
    dimension : int
        Of the shared space.
    head_steps, head_epochs : int
        Steps in which the heads learn from features of the network as it came, before it learns
        with them (Kumar et al. 2022, arXiv 2202.10054), which cost next to nothing, and passes over
        the images at most, since few images are soon learnt by heart. No steps leave them out.
    dropout : float
        Share of the features that the heads do without in each step.
    first_epochs : int
        With one encoder for images and symbols, after which symbols get a copy of their own. With
        no symbols there is no such stage, and its epochs are spent all the same.
    most_epochs, most_steps : int
        In all, whichever is less, if validation does not end the training before. Where it is the
        steps, both stages are shorter in the same proportion.
    steps : int, optional
        In place of these: so many steps, the first third with one encoder, and no early end.
    stages : {"both", "first", "second"}
        Whether symbols share the encoder of images at first and then have one of their own, as
        published, or only ever the one or the other, which is what that is compared with.
    patience : int
        Evaluations without a better one after which training ends.
    evaluations_an_epoch : float
    batch_size : int
    accumulate : int
        Batches whose gradients are added up to a step. Images are only told apart from those of
        their own batch.
    learning_rate : float
        Of the heads.
    network_rate : float
        Of the network's last layer, as a share of that; 0 leaves the network as it came.
    tuning_rate : float
        By which all rates are lower once the heads have had steps of their own.
    layer_decay : float
        By which the rate falls from layer to layer towards the input (Clark et al. 2020, arXiv
        2003.10555).
    weight_decay, gradient_clip : float
    warmup : float
        Share of the steps over which the rate rises; it then falls as a cosine.
    averaging : float
        Decay of the moving average of the weights, which is what is kept.
    balance : float
        0 draws images as they are, 1 all classes equally often.
    augmentation : Augmentation
    test : float
        Share of the sky groups that is kept back from training and all choices, to be judged on.
    validation : float
        Share of the others that decides when to stop, and which way of classifying is best.
    fewest : int
        Labelled objects that a class needs.
    precision : {"auto", "float32", "bfloat16"}
    seed : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str = "galaxy-nano"
    text_encoder: str | None = None
    caption: str = "A picture of a {class} galaxy."
    symbols: str = "words"
    drawings: Annotated[int, Field(ge=1, le=1024)] = 64
    objective: Objective = "tri-modal"
    positives: Literal["class", "pair"] = "class"
    dimension: Annotated[int, Field(ge=8, le=4096)] = 256
    head_steps: Annotated[int, Field(ge=0)] = 200
    head_epochs: Count = 48
    dropout: Share = 0.5
    first_epochs: Count = 10
    most_epochs: Count = 40
    most_steps: Count = 600
    steps: Count | None = None
    stages: Literal["both", "first", "second"] = "both"
    patience: Count = 4
    evaluations_an_epoch: Annotated[float, Field(gt=0, le=10)] = 1.0
    batch_size: Annotated[int, Field(ge=4)] = 128
    accumulate: Count = 1
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    network_rate: Annotated[float, Field(ge=0, le=1)] = 0.2
    tuning_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 0.85
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    warmup: Share = 0.05
    averaging: Share = 0.99
    balance: Annotated[float, Field(ge=0, le=1)] = 0.5
    augmentation: Augmentation = Augmentation()
    test: Annotated[float, Field(ge=0, lt=0.9)] = 0.0
    validation: Annotated[float, Field(gt=0, lt=0.9)] = 0.15
    fewest: Annotated[int, Field(ge=2)] = 5
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: int = 0

    @model_validator(mode="after")
    def _something_learns(self) -> Self:
        if self.network_rate == 0 and self.head_steps == 0:
            raise ValueError(
                "nothing would learn: with network_rate 0 the heads need head_steps of their own"
            )
        return self

    @property
    def digest(self) -> str:
        """A digest of all settings; a run goes on only with its own."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
