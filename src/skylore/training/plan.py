"""What a run is of, how long it goes, and where it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from skylore.training.precision import Precision

__all__ = ["Plan", "Recipe"]


class Recipe(Protocol):
    """What the settings of every training say."""

    @property
    def learning_rate(self) -> float:
        """The highest."""

    @property
    def warmup(self) -> float:
        """Share of the steps over which the rate rises; it then falls as a cosine."""

    @property
    def averaging(self) -> float:
        """Decay of the moving average of the weights."""

    @property
    def precision(self) -> Precision:
        """What is computed in."""

    @property
    def digest(self) -> str:
        """A digest of all settings; a run goes on only with its own."""


@dataclass(frozen=True)
class Plan:
    """The course of one run.

    Attributes
    ----------
    settings : Recipe
    data : str
        A digest of what is learnt from; a run goes on only with its own.
    checkpoint : Path, optional
        What an interrupted run goes on from; None keeps nothing.
    seed : int
    steps : int
        At most.
    evaluate_every, keep_every : int
        Steps from one evaluation, or checkpoint, to the next; an evaluation is always kept.
    gradient_clip : float
        The largest norm that gradients may have.
    accumulate : int
        Batches whose gradients are added up to a step.
    lowest_rate : float
        Below which the learning rate does not fall, as a share of the highest.
    patience : int, optional
        Evaluations without a better one after which the run ends; None trains to the last step.
    """

    settings: Recipe
    data: str
    checkpoint: Path | None
    seed: int
    steps: int
    evaluate_every: int
    keep_every: int
    gradient_clip: float
    accumulate: int = 1
    lowest_rate: float = 0.0
    patience: int | None = None
