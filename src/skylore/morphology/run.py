"""The training loop of an encoder: steps, averaged weights, checkpoints."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skylore.encoders.devices import default_device
from skylore.errors import ModelError
from skylore.morphology.augment import augment
from skylore.morphology.dataset import TrainingSet
from skylore.morphology.encoder_model import EncoderConfig, EncoderModel
from skylore.morphology.sampling import plan_sampling
from skylore.morphology.selfsupervision import TwoViews
from skylore.morphology.settings import PretrainSettings
from skylore.morphology.starting import load_start
from skylore.training.precision import training_precision
from skylore.training.state import Evaluation, RunNote, keep_run, restore_run
from skylore.training.steps import average_into, cosine_share

__all__ = ["Evaluation", "PretrainRun"]

_BATCH = 256


class PretrainRun:
    """One run, from fresh weights or from its last checkpoint.

    Chance at each step depends on the seed and the number of the step alone, so that a run that
    was interrupted ends as if it had not been.

    Attributes
    ----------
    model : EncoderModel
        Weights as the optimiser sees them.
    averaged : EncoderModel
        Their moving average: the result.
    history : list of Evaluation
    """

    def __init__(self, settings: PretrainSettings, data: TrainingSet, checkpoint: Path) -> None:
        self.settings, self.data, self.checkpoint = settings, data, checkpoint
        self.device = default_device()
        config = EncoderConfig(network=settings.network, labels=data.labels)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.model = EncoderModel(config)
            if settings.start is not None:
                self.model.network.load_state_dict(load_start(settings.start).state_dict())
            self.views = (
                TwoViews(settings.network.dimension, weight=settings.self_supervision)
                if settings.self_supervision
                else None
            )
        self.model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs of torch
        if self.views is not None:
            self.views.to(self.device)
        self.averaged = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(
            self._parameter_groups(), lr=settings.learning_rate, betas=(0.9, 0.99)
        )
        self.precision = training_precision(settings.precision, self.device)
        self.sampling = plan_sampling(
            data, self.model.objectives, unlabelled=self.views is not None
        )
        self.history: list[Evaluation] = []
        self.step = 0
        self._losses: list[float] = []

    def go(self, progress: Callable[[int, float], None]) -> None:
        """Train to the last step, going on from the last checkpoint.

        Raises
        ------
        ModelError
            The loss is not finite.
        """
        self._resume()
        every = max(1, self.settings.steps // self.settings.evaluations)
        while self.step < self.settings.steps:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.settings.seed * 1_000_003 + self.step)
                self._losses.append(self._step())
            self.step += 1
            progress(self.step, self._losses[-1])
            if self.step % every == 0 or self.step == self.settings.steps:
                self._evaluate()
            if self.step % self.settings.checkpoint_steps == 0 or self.step == self.settings.steps:
                self._keep()

    def features(self, rows: Tensor) -> Tensor:
        """Give the averaged model's features of these rows, ``(n, D)``, without augmentation."""
        self.averaged.eval()
        with torch.inference_mode():
            parts = [
                self.averaged.features(self._canvases(part).to(self.device))
                for part in torch.split(rows, _BATCH)
            ]
        return torch.cat(parts)

    def _canvases(self, rows: Tensor) -> Tensor:
        side = self.settings.network.canvas
        images = self.data.images.take(rows)
        return nn.functional.interpolate(images, (side, side), mode="bilinear", antialias=True)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Tell matrices from biases, which do not decay, and an old network from new heads."""
        there = set(self.model.network.parameters()) if self.settings.start is not None else set()
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for parameter in self._trained_parameters():
            decay = self.settings.weight_decay if parameter.ndim > 1 else 0.0
            rate = self.settings.start_rate if parameter in there else 1.0
            groups.setdefault((decay, rate), []).append(parameter)
        return [
            {"params": parameters, "weight_decay": decay, "rate": rate}
            for (decay, rate), parameters in groups.items()
        ]

    def _trained_parameters(self) -> Iterator[nn.Parameter]:
        yield from self.model.parameters()
        if self.views is not None:
            yield from self.views.parameters()

    def _step(self) -> float:
        self._set_rate()
        self.model.train()
        rows = self.sampling.draw(self.settings.batch_size)
        images = self.data.images.take(rows)
        seen = [self._see(images) for _ in range(2 if self.views is not None else 1)]
        loss = self._supervised(seen, rows)
        if self.views is not None:
            loss = loss + self.views.weight * self.views(*seen)
        if not torch.isfinite(loss):
            raise ModelError(
                f"the loss is {float(loss.detach())} at step {self.step}; lower the learning rate"
            )
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(self._trained_parameters(), self.settings.gradient_clip)
        self.optimiser.step()
        average_into(self.averaged, self.model, self.step, self.settings.averaging)
        return float(loss.detach())

    def _see(self, images: Tensor) -> Tensor:
        frames = augment(images, self.settings.network, self.settings.augmentation)
        shown = [frame.to(self.device) for frame in frames]
        with torch.autocast(
            self.device.type,
            self.precision or torch.bfloat16,
            enabled=self.precision is not None,
        ):
            features: Tensor = self.model.network(shown)
        return features.float()

    def _supervised(self, seen: list[Tensor], rows: Tensor) -> Tensor:
        total = torch.zeros((), device=self.device)
        for name, head in self.model.objectives.items():
            targets = self.data.targets[name][rows].to(self.device)
            for features in seen:
                total = total + head.weight * head.loss(features, targets).mean() / len(seen)
        return total

    def _set_rate(self) -> None:
        share = cosine_share(self.step, self.settings.steps, self.settings.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * share * group["rate"]

    def _evaluate(self) -> None:
        held_out = {}
        if len(self.data.held_out):
            features = self.features(self.data.held_out)
            with torch.inference_mode():
                for name, head in self.averaged.objectives.items():
                    targets = self.data.targets[name][self.data.held_out].to(self.device)
                    held_out[name] = dict(head.eval().measure(features, targets))
        loss = sum(self._losses) / max(1, len(self._losses))
        self._losses = []
        self.history.append(Evaluation(step=self.step, loss=loss, held_out=held_out))

    def _modules(self) -> dict[str, nn.Module]:
        modules: dict[str, nn.Module] = {"model": self.model, "averaged": self.averaged}
        if self.views is not None:
            modules["views"] = self.views
        return modules

    def _keep(self) -> None:
        note = RunNote(
            settings=self.settings.digest,
            data=self.data.digest,
            step=self.step,
            losses=self._losses,
            history=self.history,
        )
        keep_run(self.checkpoint, note, self._modules(), self.optimiser)

    def _resume(self) -> None:
        note = restore_run(
            self.checkpoint,
            self.settings.digest,
            self.data.digest,
            self._modules(),
            self.optimiser,
        )
        if note is not None:
            self.step, self._losses, self.history = note.step, note.losses, note.history
