"""The training of one member: steps, averaged weights, checkpoints, an early end."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skylore.density.coding import Coded
from skylore.density.column_spec import ColumnSpec
from skylore.density.inputs import Contrast, Inputs, inputs_of
from skylore.density.masks import draw_requests
from skylore.density.network import DensityNetwork
from skylore.density.objective import labels_of, request_losses
from skylore.density.settings import DensitySettings
from skylore.encoders.devices import default_device
from skylore.errors import ModelError
from skylore.training.precision import training_precision
from skylore.training.state import Evaluation, RunNote, keep_run, restore_run
from skylore.training.steps import average_into, cosine_share

__all__ = ["MOST_JUDGED", "MemberRun", "Rows"]

_BATCH = 1024
MOST_JUDGED = 2000
_CLIP = 2.0


@dataclass(frozen=True)
class Rows:
    """What a member learns from and what it is stopped by.

    Attributes
    ----------
    coded : Coded
    specs : sequence of ColumnSpec
    contrasts : sequence of Contrast
    training, validation : ndarray
        Rows, of disjoint groups.
    """

    coded: Coded
    specs: Sequence[ColumnSpec]
    contrasts: Sequence[Contrast]
    training: NDArray[np.intp]
    validation: NDArray[np.intp]


class MemberRun:
    """One run, from fresh weights or from its last checkpoint.

    Chance at each step depends on the seed and the number of the step alone, so that a run that
    was interrupted ends as if it had not been.

    Attributes
    ----------
    best : DensityNetwork
        The averaged weights that did best on the held-out rows: the result.
    history : list of Evaluation
    """

    def __init__(
        self, settings: DensitySettings, member: int, rows: Rows, checkpoint: Path | None
    ) -> None:
        self.settings, self.rows, self.checkpoint = settings, rows, checkpoint
        self.device = default_device()
        self.precision = training_precision(settings.precision, self.device) or torch.float32
        self.seed = settings.seed * 131 + member
        self.steps = settings.steps(len(rows.training))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.model = DensityNetwork(rows.specs, rows.contrasts, settings).to(self.device)
        self.averaged = copy.deepcopy(self.model)
        self.best = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(
            self._groups(), lr=settings.learning_rate, betas=(0.9, 0.99), fused=True
        )
        self.inputs = inputs_of(rows.coded, rows.contrasts).to(self.device)
        self.labels = labels_of(rows.coded, self.device)
        self.present = torch.from_numpy(rows.coded.present)
        self.training = torch.from_numpy(rows.training)
        self.weights = self._weights()
        self.history: list[Evaluation] = []
        self.step = 0
        self._losses: list[float] = []

    def go(self, progress: Callable[[int, float], None]) -> None:
        """Train until validation no longer improves, going on from the last checkpoint.

        Raises
        ------
        ModelError
            The loss is not finite.
        """
        self._resume()
        every = max(1, self.steps // self.settings.evaluations)
        while self.step < self.steps and not self._has_ended():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed * 1_000_003 + self.step)
                self._losses.append(self._step())
            self.step += 1
            progress(self.step, self._losses[-1])
            evaluates = self.step % every == 0 or self.step == self.steps
            if evaluates:
                self._evaluate()
            if evaluates or self.step % self.settings.checkpoint_steps == 0:
                self._keep()

    def _groups(self) -> list[dict[str, object]]:
        decayed = [p for n, p in self.model.named_parameters() if p.ndim > 1 and "flat" in n]
        decayed += [p for p in self.model.trunk.parameters() if p.ndim > 1]
        known = {id(p) for p in decayed}
        others = [p for p in self.model.parameters() if id(p) not in known]
        decay = self.settings.weight_decay
        return [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]

    def _weights(self) -> Tensor:
        names = [spec.name for spec in self.rows.specs]
        stressed = [names.index(name) for name in self.settings.emphasis]
        weights = torch.ones(len(names))
        if stressed and len(stressed) < len(names):
            weights[stressed] = (len(names) - len(stressed)) / len(stressed)
        return weights

    def _step(self) -> float:
        self._set_rate()
        self.model.train()
        chosen = torch.randint(len(self.training), (self.settings.batch_size,))
        losses = self._request(self.model, self.training[chosen])
        loss = losses.clamp(max=50).mean()
        if not torch.isfinite(loss):
            raise ModelError(
                f"the loss is {float(loss.detach())} at step {self.step}; lower the learning rate"
            )
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP)
        self.optimiser.step()
        average_into(self.averaged, self.model, self.step, self.settings.averaging)
        return float(loss.detach())

    def _request(self, model: DensityNetwork, rows: Tensor) -> Tensor:
        settings = self.settings
        visible, targets = draw_requests(
            self.present[rows], settings.views, settings.masks, self.weights
        )
        inputs = self.inputs.rows(rows)
        if settings.hide_errors:
            kept = (torch.rand(inputs.error.shape) >= settings.hide_errors).to(self.device)
            inputs = Inputs(
                inputs.z, inputs.code, inputs.atom, inputs.error * kept, inputs.contrasts
            )
        visible, targets = visible.to(self.device), targets.to(self.device)
        known = model(inputs, visible, targets, self.precision)
        labels = self.labels.rows(rows.repeat_interleave(settings.views).to(self.device))
        return request_losses(model.heads, self.rows.specs, known, targets.flatten(), labels)

    def _set_rate(self) -> None:
        share = cosine_share(self.step, self.steps, self.settings.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * max(share, 0.01)

    def _evaluate(self) -> None:
        found = self.conditional_losses(self.averaged)
        mean = float(np.mean(list(found.values())))
        if not self.history or mean < min(e.held_out["all"]["nats"] for e in self.history):
            self.best.load_state_dict(self.averaged.state_dict())
        loss = sum(self._losses) / max(1, len(self._losses))
        self._losses = []
        held_out = {"all": {"nats": mean}, "column": found}
        self.history.append(Evaluation(step=self.step, loss=loss, held_out=held_out))

    def conditional_losses(self, model: DensityNetwork) -> dict[str, float]:
        """Give the mean loss of each column given all others, on validation rows, in ``z``."""
        model.eval()
        rows = torch.from_numpy(self.rows.validation[:MOST_JUDGED])
        found = {}
        for column, spec in enumerate(self.rows.specs):
            there = rows[self.present[rows, column]]
            if not len(there):
                continue
            with torch.inference_mode():
                parts = [
                    self._given_all(model, part, column) for part in torch.split(there, _BATCH)
                ]
            found[spec.name] = float(torch.cat(parts).clamp(max=50).mean())
        return found

    def _given_all(self, model: DensityNetwork, rows: Tensor, column: int) -> Tensor:
        views, device = self.settings.views, self.device
        visible = self.present[rows][:, None].repeat(1, views, 1)
        visible[..., column] = False
        targets = torch.full((len(rows), views), column, device=device)
        known = model(self.inputs.rows(rows), visible.to(device), targets)
        labels = self.labels.rows(rows.repeat_interleave(views).to(device))
        specs = self.rows.specs
        losses = request_losses(model.heads, specs, known, targets.flatten(), labels)
        losses = losses.view(len(rows), views)
        if self.settings.head == "diffusion" and not specs[column].is_categorical:
            return losses.mean(1)
        return math.log(views) - (-losses).logsumexp(1)

    def _has_ended(self) -> bool:
        found = [e.held_out["all"]["nats"] for e in self.history]
        return bool(found) and len(found) - 1 - int(np.argmin(found)) >= self.settings.patience

    def _modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "averaged": self.averaged, "best": self.best}

    def _keep(self) -> None:
        if self.checkpoint is None:
            return
        note = RunNote(
            settings=self.settings.digest,
            data=self.rows.coded.digest,
            step=self.step,
            losses=self._losses,
            history=self.history,
        )
        keep_run(self.checkpoint, note, self._modules(), self.optimiser)

    def _resume(self) -> None:
        if self.checkpoint is None:
            return
        note = restore_run(
            self.checkpoint,
            self.settings.digest,
            self.rows.coded.digest,
            self._modules(),
            self.optimiser,
        )
        if note is not None:
            self.step, self._losses, self.history = note.step, note.losses, note.history
