"""The loop of a training: steps, averaged weights, evaluations, checkpoints."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from skylore.errors import ModelError
from skylore.training.chance import seeded
from skylore.training.plan import Plan
from skylore.training.precision import training_precision
from skylore.training.state import Evaluation, RunNote, keep_run, restore_run
from skylore.training.steps import average_into, cosine_share

__all__ = ["Group", "Progress", "TrainingRun"]

Progress = Callable[[int, float], None]
"""Told each step that is done, and its loss."""
Group = dict[str, Any]
"""Parameters as an optimiser takes them, and maybe their share of the learning rate, ``rate``."""


class TrainingRun(ABC):
    """One run, from a starting network or from its last checkpoint.

    Chance at each step depends on the seed and the number of the step alone, so that a run that
    was interrupted ends as if it had not been.

    Parameters
    ----------
    plan : Plan
    model : Module
        What learns, on the device that computes.

    Attributes
    ----------
    model : Module
        Weights as the optimiser sees them.
    averaged : Module
        Their moving average.
    step : int
        Steps done.
    history : list of Evaluation
    fused : bool, optional
        Whether the optimiser takes a step in one kernel, which rounds otherwise.
    """

    fused: ClassVar[bool | None] = None

    def __init__(self, plan: Plan, model: nn.Module) -> None:
        self.plan, self.settings = plan, plan.settings
        self.model, self.averaged = model, copy.deepcopy(model).eval()
        self.optimiser = torch.optim.AdamW(self._groups(), betas=(0.9, 0.99), fused=self.fused)
        self.device = next(model.parameters()).device
        self.precision = training_precision(self.settings.precision, self.device)
        self.history: list[Evaluation] = []
        self.step = 0
        self._losses: list[float] = []

    def go(self, progress: Progress) -> None:
        """Train to the end, going on from the last checkpoint.

        Raises
        ------
        ModelError
            The loss is not finite, or the checkpoint is damaged or that of another run.
        """
        self._resume()
        self._train(progress)

    @abstractmethod
    def _groups(self) -> list[Group]:
        """Group what learns."""

    @abstractmethod
    def _loss(self) -> Tensor:
        """Draw a batch, and give its loss."""

    @abstractmethod
    def _measure(self) -> dict[str, dict[str, float]]:
        """Give figures of the averaged weights on objects held out."""

    def _train(self, progress: Progress) -> None:
        plan = self.plan
        while self.step < plan.steps and not self._has_ended():
            with seeded(plan.seed * 1_000_003 + self.step):
                self._losses.append(self._step())
            self.step += 1
            progress(self.step, self._losses[-1])
            evaluates = self.step % plan.evaluate_every == 0 or self.step == plan.steps
            if evaluates:
                self._evaluate()
            if evaluates or self.step % plan.keep_every == 0:
                self._keep()

    def _has_ended(self) -> bool:
        """Whether to stop before the last step."""
        return False

    def _step(self) -> float:
        self._set_rate()
        self.model.train()
        self.optimiser.zero_grad()
        total = 0.0
        for _ in range(self.plan.accumulate):
            loss = self._loss() / self.plan.accumulate
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            total += float(loss.detach())
        if not math.isfinite(total):
            raise ModelError(f"the loss is {total} at step {self.step}; lower the learning rate")
        nn.utils.clip_grad_norm_(self._learning(), self.plan.gradient_clip)
        self.optimiser.step()
        average_into(self.averaged, self.model, self.step, self.settings.averaging)
        return total

    def _learning(self) -> Iterator[nn.Parameter]:
        """Give all parameters that learn."""
        return self.model.parameters()

    def _set_rate(self) -> None:
        share = cosine_share(self.step, self.plan.steps, self.settings.warmup)
        rate = self.settings.learning_rate * max(share, self.plan.lowest_rate)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("rate", 1.0)

    def _autocast(self) -> torch.autocast:
        """Compute in the precision of the settings."""
        precision = self.precision
        return torch.autocast(self.device.type, precision, enabled=precision is not None)

    def _evaluate(self) -> None:
        held_out = self._measure()
        loss = sum(self._losses) / max(1, len(self._losses))
        self._losses = []
        self.history.append(Evaluation(step=self.step, loss=loss, held_out=held_out))

    def _modules(self) -> dict[str, nn.Module]:
        """Give what a checkpoint keeps, by name."""
        return {"model": self.model, "averaged": self.averaged}

    def _note(self) -> RunNote:
        return RunNote(
            settings=self.settings.digest,
            data=self.plan.data,
            step=self.step,
            losses=self._losses,
            history=self.history,
        )

    def _keep(self) -> None:
        if self.plan.checkpoint is not None:
            keep_run(self.plan.checkpoint, self._note(), self._modules(), self.optimiser)

    def _resume(self) -> None:
        if self.plan.checkpoint is None:
            return
        note = restore_run(self.plan.checkpoint, self._note(), self._modules(), self.optimiser)
        self.step, self._losses, self.history = note.step, note.losses, note.history
