"""The training of an encoder: what it sees, and what it is asked about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from skylore.encoders.devices import default_device
from skylore.morphology.augment import augment
from skylore.morphology.dataset import TrainingSet
from skylore.morphology.encoder_model import EncoderConfig, EncoderModel
from skylore.morphology.sampling import plan_sampling
from skylore.morphology.selfsupervision import TwoViews
from skylore.morphology.settings import PretrainSettings
from skylore.morphology.starting import load_start
from skylore.training.chance import seeded
from skylore.training.plan import Plan
from skylore.training.run import Group, TrainingRun

__all__ = ["PretrainRun"]

_BATCH = 256


class PretrainRun(TrainingRun):
    """One run on images and what is known of them; the averaged weights are the result."""

    settings: PretrainSettings
    model: EncoderModel
    averaged: EncoderModel

    def __init__(self, settings: PretrainSettings, data: TrainingSet, checkpoint: Path) -> None:
        self.data = data
        config = EncoderConfig(network=settings.network, labels=data.labels)
        with seeded(settings.seed):
            model = EncoderModel(config)
            if settings.start is not None:
                model.network.load_state_dict(load_start(settings.start).state_dict())
            self.views = (
                TwoViews(settings.network.dimension, weight=settings.self_supervision)
                if settings.self_supervision
                else None
            )
        model.to(default_device()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs of torch
        if self.views is not None:
            self.views.to(default_device())
        plan = Plan(
            settings=settings,
            data=data.digest,
            checkpoint=checkpoint,
            seed=settings.seed,
            steps=settings.steps,
            evaluate_every=max(1, settings.steps // settings.evaluations),
            keep_every=settings.checkpoint_steps,
            gradient_clip=settings.gradient_clip,
        )
        super().__init__(plan, model)
        self.sampling = plan_sampling(data, model.objectives, unlabelled=self.views is not None)

    def features(self, rows: Tensor) -> Tensor:
        """Give the averaged model's features of these rows, ``(n, D)``, without augmentation."""
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

    def _groups(self) -> list[Group]:
        """Tell matrices from biases, which do not decay, and an old network from new heads."""
        there = set(self.model.network.parameters()) if self.settings.start is not None else set()
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for parameter in self._learning():
            decay = self.settings.weight_decay if parameter.ndim > 1 else 0.0
            rate = self.settings.start_rate if parameter in there else 1.0
            groups.setdefault((decay, rate), []).append(parameter)
        return [
            {"params": parameters, "weight_decay": decay, "rate": rate}
            for (decay, rate), parameters in groups.items()
        ]

    def _learning(self) -> Iterator[nn.Parameter]:
        yield from self.model.parameters()
        if self.views is not None:
            yield from self.views.parameters()

    def _loss(self) -> Tensor:
        rows = self.sampling.draw(self.settings.batch_size)
        images = self.data.images.take(rows)
        seen = [self._see(images) for _ in range(2 if self.views is not None else 1)]
        loss = self._supervised(seen, rows)
        if self.views is not None:
            loss = loss + self.views.weight * self.views(*seen)
        return loss

    def _see(self, images: Tensor) -> Tensor:
        frames = augment(images, self.settings.network, self.settings.augmentation)
        shown = [frame.to(self.device) for frame in frames]
        with self._autocast():
            features: Tensor = self.model.network(shown)
        return features.float()

    def _supervised(self, seen: list[Tensor], rows: Tensor) -> Tensor:
        total = torch.zeros((), device=self.device)
        for name, head in self.model.objectives.items():
            targets = self.data.targets[name][rows].to(self.device)
            for features in seen:
                total = total + head.weight * head.loss(features, targets).mean() / len(seen)
        return total

    def _measure(self) -> dict[str, dict[str, float]]:
        if not len(self.data.held_out):
            return {}
        features = self.features(self.data.held_out)
        found = {}
        with torch.inference_mode():
            for name, head in self.averaged.objectives.items():
                targets = self.data.targets[name][self.data.held_out].to(self.device)
                found[name] = dict(head.eval().measure(features, targets))
        return found

    def _modules(self) -> dict[str, nn.Module]:
        views = {} if self.views is None else {"views": self.views}
        return {**super()._modules(), **views}
