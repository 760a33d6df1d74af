"""When a training run changes its stage, is measured, and ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skylore.classification.settings import ClassifierSettings

__all__ = ["Schedule"]

_FEWEST = 4
"""Steps between evaluations: fewer change too little to be told from chance."""
_EVALUATIONS = 4
"""At least so many, however long an epoch is: without them nothing could end early."""


@dataclass(frozen=True)
class Schedule:
    """Steps of a run.

    Attributes
    ----------
    first : int, optional
        After which symbols have an encoder of their own; None if never.
    most, every : int
        In all, and from one evaluation to the next.
    """

    first: int | None
    most: int
    every: int

    @classmethod
    def of(cls, settings: ClassifierSettings, images: int) -> Schedule:
        """Plan the network's steps on so many images; none where it stays as it came."""
        if settings.network_rate == 0:
            return cls(None, 0, 1)
        epoch = math.ceil(images / (settings.batch_size * settings.accumulate))
        if settings.steps is not None:
            first, most, every = settings.steps // 3, settings.steps, settings.steps // 4
        else:
            first = settings.first_epochs * epoch
            whole = max(first, settings.most_epochs * epoch)
            most = min(whole, settings.most_steps)
            first = round(first * most / whole)
            wanted = round(epoch / settings.evaluations_an_epoch)
            every = max(_FEWEST, min(wanted, most // _EVALUATIONS))
        parts: dict[str, int | None] = {"both": first, "first": None, "second": 0}
        return cls(parts[settings.stages], most, max(1, every))
