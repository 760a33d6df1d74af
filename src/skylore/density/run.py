"""The training of one member: requests to rows, and the losses of columns held out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.density.coding import Coded
from skylore.density.column_spec import ColumnSpec
from skylore.density.inputs import Contrast, Inputs, inputs_of
from skylore.density.masks import draw_requests
from skylore.density.network import DensityNetwork
from skylore.density.objective import labels_of, request_losses
from skylore.density.settings import DensitySettings
from skylore.encoders.devices import default_device
from skylore.training.chance import seeded
from skylore.training.judged import JudgedRun
from skylore.training.plan import Plan
from skylore.training.run import Group

__all__ = ["MOST_JUDGED", "MemberRun", "Rows"]

_BATCH = 1024
MOST_JUDGED = 2000
_CLIP = 2.0
_LOWEST_RATE = 0.01
_LARGEST_LOSS = 50


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


class MemberRun(JudgedRun):
    """One network of an emulator, from fresh weights; the best averaged ones are the result."""

    judged = "all"
    fused = True
    settings: DensitySettings
    model: DensityNetwork
    averaged: DensityNetwork
    best: DensityNetwork

    def __init__(
        self, settings: DensitySettings, member: int, rows: Rows, checkpoint: Path | None
    ) -> None:
        steps = settings.steps(len(rows.training))
        plan = Plan(
            settings=settings,
            data=rows.coded.digest,
            checkpoint=checkpoint,
            seed=settings.seed * 131 + member,
            steps=steps,
            evaluate_every=max(1, steps // settings.evaluations),
            keep_every=settings.checkpoint_steps,
            gradient_clip=_CLIP,
            lowest_rate=_LOWEST_RATE,
            patience=settings.patience,
        )
        with seeded(plan.seed):
            model = DensityNetwork(rows.specs, rows.contrasts, settings).to(default_device())
        super().__init__(plan, model)
        self.rows = rows
        self.inputs = inputs_of(rows.coded, rows.contrasts).to(self.device)
        self.labels = labels_of(rows.coded, self.device)
        self.present = torch.from_numpy(rows.coded.present)
        self.training = torch.from_numpy(rows.training)
        self.weights = self._weights()

    def _groups(self) -> list[Group]:
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

    def _loss(self) -> Tensor:
        chosen = torch.randint(len(self.training), (self.settings.batch_size,))
        return self._request(self.model, self.training[chosen]).clamp(max=_LARGEST_LOSS).mean()

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
        known = model(inputs, visible, targets, self.precision or torch.float32)
        labels = self.labels.rows(rows.repeat_interleave(settings.views).to(self.device))
        return request_losses(model.heads, self.rows.specs, known, targets.flatten(), labels)

    def _measure(self) -> dict[str, dict[str, float]]:
        found = self.conditional_losses(self.averaged)
        return {"all": {"nats": float(np.mean(list(found.values())))}, "column": found}

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
            found[spec.name] = float(torch.cat(parts).clamp(max=_LARGEST_LOSS).mean())
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
