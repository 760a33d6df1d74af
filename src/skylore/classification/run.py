"""The training of a classifier: its heads alone, and then two stages of the whole."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.classification.encoding import features_of_rows
from skylore.classification.examples import Examples
from skylore.classification.guidance import Guidance
from skylore.classification.networks import TrainableNetwork
from skylore.classification.rates import rates_of, rates_of_symbols
from skylore.classification.schedule import Schedule
from skylore.classification.settings import ClassifierSettings
from skylore.classification.trimodal import TriModalNetwork
from skylore.classification.warming import kept_features, steps_of, warm_heads
from skylore.classification.ways import calibrate
from skylore.encoders.devices import default_device
from skylore.morphology.augment import augment
from skylore.morphology.sampling import Sampling
from skylore.training.chance import seeded
from skylore.training.checkpoint import read_checkpoint
from skylore.training.judged import JudgedRun
from skylore.training.plan import Plan
from skylore.training.run import Group, Progress

__all__ = ["ClassifierRun"]

_CHECKPOINT_STEPS = 100


class ClassifierRun(JudgedRun):
    """One run in two stages, after a lesson of the heads; the best averaged weights are the result.

    Symbols share the encoder of images at first, and have one of their own in the second stage.
    """

    judged = "class"
    settings: ClassifierSettings
    model: TriModalNetwork
    averaged: TriModalNetwork
    best: TriModalNetwork

    def __init__(
        self,
        settings: ClassifierSettings,
        examples: Examples,
        network: TrainableNetwork,
        guidance: Guidance,
        checkpoint: Path,
    ) -> None:
        self.schedule = Schedule.of(settings, len(examples.training))
        plan = Plan(
            settings=settings,
            data=examples.digest,
            checkpoint=checkpoint,
            seed=settings.seed,
            steps=self.schedule.most,
            evaluate_every=self.schedule.every,
            keep_every=_CHECKPOINT_STEPS,
            gradient_clip=settings.gradient_clip,
            accumulate=settings.accumulate,
            patience=settings.patience if settings.steps is None else None,
        )
        with seeded(settings.seed):
            model = TriModalNetwork(network, guidance.words, settings).to(default_device())
        super().__init__(plan, model)
        self.examples, self.drawings = examples, guidance.drawings
        self._sampling = self._balanced()

    def go(self, progress: Progress) -> None:
        """Train heads and then all until validation no longer improves, as :meth:`TrainingRun.go`.

        Raises
        ------
        ModelError
            The loss is not finite, or the checkpoint is damaged or that of another run.
        """
        self._resume()
        self._warm(progress)
        heads = steps_of(self.settings, len(self.examples.training))
        self._train(lambda step, loss: progress(heads + step, loss))

    def _groups(self) -> list[Group]:
        return rates_of(self.model)

    def _balanced(self) -> Sampling:
        """Draw rare classes more often, as ``balance`` says."""
        rows = self.examples.training
        counts = torch.bincount(self.examples.labels[rows], minlength=len(self.examples.classes))
        chances = counts.float() ** -self.settings.balance
        return Sampling(rows, chances[self.examples.labels[rows]])

    def _part_symbols(self) -> None:
        """Give symbols an encoder of their own, once, where there are symbols."""
        if self.drawings is None or self.model.symbol_network is not None:
            return
        for model in (self.model, self.averaged, self.best):
            model.part_symbols()
        for group in rates_of_symbols(self.model):
            self.optimiser.add_param_group(group)

    def _step(self) -> float:
        if self.step == self.schedule.first:
            self._part_symbols()
        return super()._step()

    def _loss(self) -> Tensor:
        rows = self._sampling.draw(self.settings.batch_size)
        labels = self.examples.labels[rows]
        images = self._seen(self.examples.images.take(rows))
        symbols = None if self.drawings is None else self._seen(self.drawings.draw(labels))
        with self._autocast():
            return self.model.loss(images, symbols, labels.to(self.device))

    def _seen(self, pixels: Tensor) -> list[Tensor]:
        frames = augment(pixels, self.model.network.view, self.settings.augmentation)
        return [frame.to(self.device) for frame in frames]

    def features(self, rows: Tensor, model: TriModalNetwork) -> Tensor:
        """Give a model's features of these images, ``(n, F)``, without augmentation."""
        return features_of_rows(model.network, self.examples.images.take, rows)

    def symbol_features(self, model: TriModalNetwork) -> Tensor:
        """Give features of all drawings, ``(C, M, F)``."""
        if self.drawings is None:
            raise AssertionError("there are symbols to encode")
        flat = self.drawings.pixels.flatten(0, 1)
        network = model.symbol_network or model.network
        found = features_of_rows(network, flat.__getitem__, torch.arange(len(flat)))
        return found.reshape(*self.drawings.pixels.shape[:2], -1)

    def _warm(self, progress: Progress) -> None:
        """Let the heads learn from the network as it came, if they have not."""
        if self.history or self.step or not self.settings.head_steps:
            return
        with seeded(self.settings.seed):
            kept = kept_features(
                self.model.network,
                self.examples,
                self.drawings,
                self.settings.augmentation,
                self.precision,
            )
            for model in (self.model, self.averaged, self.best):
                model.standard.learn(kept.images.flatten(0, 1))
            places = Sampling(torch.arange(len(self.examples.training)), self._sampling.chances)
            self._losses = [warm_heads(self.model, self.averaged, kept, places, progress)]
        self._evaluate()
        self._keep()

    def _measure(self) -> dict[str, dict[str, float]]:
        rows = self.examples.validation
        labels = self.examples.labels[rows].to(self.device)
        features = self.features(rows, self.averaged)
        with torch.inference_mode():
            logits = self.averaged.scores(features)
            # How sure it is will be calibrated at the end, and says nothing about when to stop.
            logits = logits / calibrate(logits, labels)
            nats = float(F.cross_entropy(logits, labels))
            right = float((logits.argmax(dim=1) == labels).float().mean())
        return {"class": {"nats": nats, "accuracy": right}}

    def _patient_from(self) -> int:
        """Without a lesson of the heads, patience is kept for the last stage."""
        if self.settings.head_steps:
            return 0
        later = (i for i, e in enumerate(self.history) if e.step > (self.schedule.first or 0))
        return next(later, len(self.history))

    def _resume(self) -> None:
        kept = None if self.plan.checkpoint is None else read_checkpoint(self.plan.checkpoint)
        if kept is not None and any("symbol_network" in name for name in kept[0]):
            self._part_symbols()
        super()._resume()
