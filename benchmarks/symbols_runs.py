"""Classifiers trained side by side: with and without symbols, and with symbols that say nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from benchmarks.downstream_runs import TaskData
from skylore.classification.examples import Examples
from skylore.classification.finish import finish
from skylore.classification.guidance import Guidance, SymbolBank
from skylore.classification.networks import TrainableNetwork
from skylore.classification.run import ClassifierRun
from skylore.classification.scores import retrieval_precisions
from skylore.classification.service import words_of
from skylore.classification.settings import ClassifierSettings
from skylore.encoders.base import Pixels
from skylore.morphology.network import frames_of
from skylore.symbols.library import Symbols, load_symbols

__all__ = ["CONTROLS", "METHODS", "TUNED", "Learner", "remembering", "train", "zero_shot"]

Found = dict[str, NDArray[np.float64]]
"""By name, a figure of each held-out object."""


@dataclass(frozen=True)
class Learner:
    """A way to learn.

    Attributes
    ----------
    update : mapping
        Of the settings.
    way : str
        By which it classifies here.
    symbols : str
        How symbols go with classes: ``own``, ``shuffled``, ``wrong`` or ``noise``.
    """

    update: Mapping[str, object]
    way: str
    symbols: str = "own"


TRI = {"objective": "tri-modal"}
METHODS = {
    "cross-entropy": Learner({"objective": "cross-entropy"}, "linear"),
    "two modalities": Learner({"objective": "bimodal"}, "text"),
    "three modalities, as published": Learner({**TRI, "positives": "pair"}, "both"),
    "three modalities, class positives": Learner(TRI, "both"),
}
TUNED = {
    f"{name}; network too": replace(
        learner, update={**learner.update, "network_rate": ClassifierSettings().network_rate}
    )
    for name, learner in METHODS.items()
}
"""As the recipe has it by default: the network learns once the heads have."""
VALIDATED = 0.15
"""Share of the labels that calibrates ways and chooses among them."""
CONTROLS = {
    "one drawing a class": Learner({**TRI, "drawings": 1}, "both"),
    "symbols shuffled": Learner(TRI, "text", "shuffled"),
    "symbols of another class": Learner(TRI, "text", "wrong"),
    "noise for symbols": Learner(TRI, "text", "noise"),
}


@dataclass(frozen=True)
class _Mixed:
    """Symbols that do not go with their classes."""

    own: Symbols
    how: str

    @property
    def classes(self) -> tuple[str, ...]:
        return self.own.classes

    def sample(self, name: str, rng: np.random.Generator, size: int) -> Pixels:
        place, count = self.classes.index(name), len(self.classes)
        if self.how == "noise":
            return rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
        other = rng.integers(count) if self.how == "shuffled" else (place + 1) % count
        return self.own.sample(self.classes[other], rng, size)


def remembering(network: TrainableNetwork) -> TrainableNetwork:
    """Let a network that stays as it is compute the features of no image twice.

    Copies of it compute with the weights of the first, which a run sets to training.
    """
    compute = network.forward
    known: dict[bytes, torch.Tensor] = {}

    def forward(frames: Sequence[torch.Tensor]) -> torch.Tensor:
        precise = b"bf16" if torch.is_autocast_enabled("cpu") else b"f32"
        digest = hashlib.sha256(precise)
        for frame in frames:
            digest.update(frame.contiguous().numpy().data)
        key = digest.digest()
        if key not in known:
            network.eval()
            known[key] = compute(frames)
        return known[key].clone()

    network.forward = forward  # type: ignore[method-assign]  # it computes the same
    return network


def train(
    data: TaskData,
    rows: NDArray[np.intp],
    learner: Learner,
    settings: ClassifierSettings,
    network: TrainableNetwork,
) -> Found:
    """Train heads on these rows, and ask about the held-out objects.

    Parameters
    ----------
    data : TaskData
    rows : ndarray
        Labelled objects; a part of them is set aside to calibrate.
    learner : Learner
    settings : ClassifierSettings
    network : TrainableNetwork
        That stays as it is.
    """
    chosen = settings.model_copy(update=dict(learner.update))
    learnt, validated = _parted(rows, data.classes, settings.seed)
    examples = Examples(
        classes=data.training.labels[0].classes,
        images=data.training.images,
        labels=torch.from_numpy(data.classes),
        training=learnt,
        validation=validated,
        digests=np.zeros(len(data.classes), np.int64),
    )
    guidance = Guidance(_words(chosen, examples.classes), _bank(learner, chosen, data, network))
    with TemporaryDirectory() as place:
        run = ClassifierRun(chosen, examples, network, guidance, Path(place) / "c.safetensors")
        run.go(_unseen)
    asked = data.training.held_out
    features = run.features(asked, run.best).cpu()
    model = finish(run, "label")
    labels = data.classes[asked.numpy()]
    found: Found = {}
    with torch.inference_mode():
        for way in model.config.temperatures:
            right = model.raw_logits(features, way).argmax(dim=1).numpy() == labels
            found[f"right by {way}"] = right.astype(float)
        spaces = {"ap": model.shared(features), "ap with classes": model.vectors(features)}
        for name, space in spaces.items():
            found[name] = retrieval_precisions(space.numpy(), labels)["ap"]
    found["right"] = found[f"right by {learner.way}"]
    found["right by default"] = found[f"right by {model.config.way}"]
    return found


def _parted(
    rows: NDArray[np.intp], classes: NDArray[np.int64], seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Set a share of each class aside, and at least one of a class that has two."""
    order = np.random.default_rng(seed).permutation(rows)
    aside: list[int] = []
    for number in np.unique(classes[order]):
        own = order[classes[order] == number]
        aside += own[: min(len(own) - 1, ceil(VALIDATED * len(own)))].tolist()
    validated = np.sort(np.array(aside, np.int64))
    return torch.from_numpy(np.setdiff1d(rows, validated)), torch.from_numpy(validated)


def zero_shot(data: TaskData, settings: ClassifierSettings, network: TrainableNetwork) -> Found:
    """Ask the starting network, which saw no label here: by the nearest symbol, and by itself."""
    asked = data.training.held_out
    bank = _bank(METHODS["three modalities, class positives"], settings, data, network)
    if bank is None:
        raise AssertionError("three modalities have symbols")
    with torch.inference_mode():
        drawn = torch.stack([_vectors(network, part).mean(dim=0) for part in bank.pixels])
        seen = torch.cat(
            [_vectors(network, data.training.images.take(part)) for part in torch.split(asked, 256)]
        )
    labels = data.classes[asked.numpy()]
    # Drawings lie far from photographs; each kind is compared about its own middle.
    cosines = (
        F.normalize(seen - seen.mean(dim=0), dim=1)
        @ F.normalize(drawn - drawn.mean(dim=0), dim=1).T
    )
    right = cosines.argmax(dim=1).numpy() == labels
    centred = F.normalize(seen - seen.mean(dim=0), dim=1)
    return {
        "right": right.astype(float),
        "ap": retrieval_precisions(centred.numpy(), labels)["ap"],
    }


def _vectors(network: TrainableNetwork, pixels: torch.Tensor) -> torch.Tensor:
    side = network.view.canvas
    canvases = F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
    features: torch.Tensor = network(frames_of(canvases, network.view)).float()
    return F.normalize(features, dim=1)


def _bank(
    learner: Learner, settings: ClassifierSettings, data: TaskData, network: TrainableNetwork
) -> SymbolBank | None:
    if settings.objective != "tri-modal":
        return None
    classes = data.training.labels[0].classes
    return _drawings(
        settings.symbols,
        classes,
        learner.symbols,
        (settings.drawings, network.view.canvas, settings.seed),
    )


@cache
def _drawings(
    source: str, classes: tuple[str, ...], how: str, numbers: tuple[int, int, int]
) -> SymbolBank:
    each, size, seed = numbers
    symbols = load_symbols(source, classes)
    shown = symbols if how == "own" else _Mixed(symbols, how)
    return SymbolBank(shown, classes, each=each, size=size, seed=seed)


_encoded: dict[tuple[str, ...], torch.Tensor] = {}


def _words(settings: ClassifierSettings, classes: tuple[str, ...]) -> torch.Tensor:
    """Encode what is said of classes, once for all runs."""
    if classes not in _encoded:
        _encoded[classes] = words_of(settings, classes)
    return _encoded[classes]


def _unseen(step: int, loss: float) -> None:
    """Show no progress: that is told run by run."""
