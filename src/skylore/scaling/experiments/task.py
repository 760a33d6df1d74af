"""What a training task is to an experiment: something that is run at a size, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Outcome", "Task"]


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    Attributes
    ----------
    loss : float
        On the test objects, in nats; the lower the better.
    metrics : dict of str to float
        Other figures on the test objects.
    parameters : int
        Trained parameters of the model.
    steps, chosen_step : int
        Steps trained, and the one whose weights were kept.
    """

    loss: float
    metrics: Mapping[str, float]
    parameters: int
    steps: int
    chosen_step: int


class Task(Protocol):
    """Data and a recipe, ready to be run at any size; all runs share the test objects."""

    @property
    def largest(self) -> int:
        """How many objects there are to train on."""

    @property
    def floor(self) -> float | None:
        """A loss that no model can beat on the test objects; None where none is known."""

    @property
    def digest(self) -> str:
        """A digest of the objects, their labels and the split."""

    def run(self, size: int, width: int, seed: int, subset: int) -> Outcome:
        """Train on the first ``size`` objects of the order ``subset``, and test.

        Parameters
        ----------
        size : int
            Objects to train on.
        width : int
            Of the model.
        seed : int
            Of initialisation and batches.
        subset : int
            Number of the order that nested subsets are cut from.
        """
