"""The training loop of a classifier: heads, two stages, averaged weights, an early end."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
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
from skylore.errors import ModelError
from skylore.morphology.augment import augment
from skylore.morphology.sampling import Sampling
from skylore.training.checkpoint import read_checkpoint
from skylore.training.precision import training_precision
from skylore.training.state import Evaluation, RunNote, keep_run, restore_run
from skylore.training.steps import average_into, cosine_share

__all__ = ["ClassifierRun"]

_CHECKPOINT_STEPS = 100


class ClassifierRun:
    """One run, from a starting network or from its last checkpoint.

    Chance at each step depends on the seed and the number of the step alone, so that a run that
    was interrupted ends as if it had not been.

    Attributes
    ----------
    model, averaged, best : TriModalNetwork
        Weights as the optimiser sees them, their moving average, and the averaged ones that did
        best on the objects held out, which are the result.
    history : list of Evaluation
    """

    def __init__(
        self,
        settings: ClassifierSettings,
        examples: Examples,
        network: TrainableNetwork,
        guidance: Guidance,
        checkpoint: Path,
    ) -> None:
        self.settings, self.examples = settings, examples
        self.drawings = guidance.drawings
        self.checkpoint = checkpoint
        self.device = default_device()
        self.schedule = Schedule.of(settings, len(examples.training))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.model = TriModalNetwork(network, guidance.words, settings).to(self.device)
        self.averaged = copy.deepcopy(self.model).eval()
        self.best = copy.deepcopy(self.averaged)
        self.optimiser = torch.optim.AdamW(rates_of(self.model), betas=(0.9, 0.99))
        self.precision = training_precision(settings.precision, self.device)
        self.history: list[Evaluation] = []
        self.step = 0
        self._losses: list[float] = []
        self._sampling = self._plan()

    def go(self, progress: Callable[[int, float], None]) -> None:
        """Train until validation no longer improves, going on from the last checkpoint.

        Raises
        ------
        ModelError
            The loss is not finite.
        """
        self._resume()
        self._warm(progress)
        heads = steps_of(self.settings, len(self.examples.training))
        while self.step < self.schedule.most and not self._has_ended():
            if self.step == self.schedule.first:
                self._part_symbols()
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.settings.seed * 1_000_003 + self.step)
                self._losses.append(self._step())
            self.step += 1
            progress(heads + self.step, self._losses[-1])
            evaluates = self.step % self.schedule.every == 0 or self.step == self.schedule.most
            if evaluates:
                self._evaluate()
            if evaluates or self.step % _CHECKPOINT_STEPS == 0:
                self._keep()

    def _plan(self) -> Sampling:
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
        self._set_rate()
        self.model.train()
        self.optimiser.zero_grad()
        total = 0.0
        for _ in range(self.settings.accumulate):
            loss = self._loss() / self.settings.accumulate
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            total += float(loss.detach())
        if not math.isfinite(total):
            raise ModelError(f"the loss is {total} at step {self.step}; lower the learning rate")
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.gradient_clip)
        self.optimiser.step()
        average_into(self.averaged, self.model, self.step, self.settings.averaging)
        return total

    def _loss(self) -> Tensor:
        rows = self._sampling.draw(self.settings.batch_size)
        labels = self.examples.labels[rows]
        images = self._seen(self.examples.images.take(rows))
        symbols = None if self.drawings is None else self._seen(self.drawings.draw(labels))
        with torch.autocast(
            self.device.type, self.precision or torch.bfloat16, enabled=self.precision is not None
        ):
            return self.model.loss(images, symbols, labels.to(self.device))

    def _seen(self, pixels: Tensor) -> list[Tensor]:
        frames = augment(pixels, self.model.network.view, self.settings.augmentation)
        return [frame.to(self.device) for frame in frames]

    def _set_rate(self) -> None:
        share = cosine_share(self.step, self.schedule.most, self.settings.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * share * group["rate"]

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

    def _warm(self, progress: Callable[[int, float], None]) -> None:
        """Let the heads learn from the network as it came, if they have not."""
        if self.history or self.step or not self.settings.head_steps:
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
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

    def _evaluate(self) -> None:
        rows = self.examples.validation
        labels = self.examples.labels[rows].to(self.device)
        features = self.features(rows, self.averaged)
        with torch.inference_mode():
            logits = self.averaged.scores(features)
            # How sure it is will be calibrated at the end, and says nothing about when to stop.
            logits = logits / calibrate(logits, labels)
            nats = float(F.cross_entropy(logits, labels))
            right = float((logits.argmax(dim=1) == labels).float().mean())
        loss = sum(self._losses) / max(1, len(self._losses))
        self._losses = []
        self.history.append(
            Evaluation(
                step=self.step, loss=loss, held_out={"class": {"nats": nats, "accuracy": right}}
            )
        )
        if self.settings.steps is not None or self._best_at() == len(self.history) - 1:
            self.best.load_state_dict(self.averaged.state_dict())

    def _best_at(self) -> int:
        nats = [evaluation.held_out["class"]["nats"] for evaluation in self.history]
        return nats.index(min(nats))

    def _has_ended(self) -> bool:
        """Whether so many evaluations brought nothing, of the last stage or in all."""
        if self.settings.steps is not None or not self.history:
            return False
        begun = 0
        if not self.settings.head_steps:
            later = (i for i, e in enumerate(self.history) if e.step > (self.schedule.first or 0))
            begun = next(later, len(self.history))
        since = len(self.history) - 1 - max(self._best_at(), begun)
        return since >= self.settings.patience

    def _modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "averaged": self.averaged, "best": self.best}

    def _keep(self) -> None:
        note = RunNote(
            settings=self.settings.digest,
            data=self.examples.digest,
            step=self.step,
            losses=self._losses,
            history=self.history,
        )
        keep_run(self.checkpoint, note, self._modules(), self.optimiser)

    def _resume(self) -> None:
        kept = read_checkpoint(self.checkpoint)
        if kept is not None and any("symbol_network" in name for name in kept[0]):
            self._part_symbols()
        note = restore_run(
            self.checkpoint,
            self.settings.digest,
            self.examples.digest,
            self._modules(),
            self.optimiser,
        )
        if note is not None:
            self.step, self._losses, self.history = note.step, note.losses, note.history
