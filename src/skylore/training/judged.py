"""A training that objects held out decide the end of."""

from __future__ import annotations

import copy
from typing import ClassVar

from torch import nn

from skylore.training.plan import Plan
from skylore.training.run import TrainingRun

__all__ = ["JudgedRun"]


class JudgedRun(TrainingRun):
    """A run that keeps its best weights, and ends early where they no longer improve.

    Attributes
    ----------
    judged : str
        Under which name an evaluation has the ``nats`` that judge; the lower, the better.
    best : Module
        The averaged weights that did best on the objects held out, or the last where the plan
        knows no patience: the result.
    """

    judged: ClassVar[str]
    best: nn.Module

    def __init__(self, plan: Plan, model: nn.Module) -> None:
        super().__init__(plan, model)
        self.best = copy.deepcopy(self.averaged)

    def _evaluate(self) -> None:
        super()._evaluate()
        if self.plan.patience is None or self._best_at() == len(self.history) - 1:
            self.best.load_state_dict(self.averaged.state_dict())

    def _best_at(self) -> int:
        nats = [evaluation.held_out[self.judged]["nats"] for evaluation in self.history]
        return nats.index(min(nats))

    def _patient_from(self) -> int:
        """Give the first evaluation after which patience may run out."""
        return 0

    def _has_ended(self) -> bool:
        if self.plan.patience is None or not self.history:
            return False
        since = len(self.history) - 1 - max(self._best_at(), self._patient_from())
        return since >= self.plan.patience

    def _modules(self) -> dict[str, nn.Module]:
        return {**super()._modules(), "best": self.best}
