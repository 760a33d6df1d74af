"""The published sets of labelled galaxies, split by sky, and what is trained on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from skylore.archive.staging import ROW
from skylore.archive.table import Archive
from skylore.classification.examples import Examples
from skylore.classification.figures.shown import centred
from skylore.classification.finish import finish
from skylore.classification.guidance import Guidance, SymbolBank
from skylore.classification.labelled import digests_of
from skylore.classification.linear_head import best_ridge, fit_linear
from skylore.classification.networks import TrainableNetwork, load_trainable, make_network
from skylore.classification.run import ClassifierRun
from skylore.classification.scores import retrieval_precisions
from skylore.classification.separation import separation_columns, separations
from skylore.classification.service import words_of
from skylore.classification.settings import ClassifierSettings
from skylore.classification.sky_groups import sky_groups
from skylore.intake.ingest import IngestOptions, ingest
from skylore.morphology.dataset import share_by_hash
from skylore.morphology.images import open_images
from skylore.sources.open import open_source
from skylore.symbols.library import load_symbols

__all__ = [
    "ABLATIONS",
    "CROSS_ENTROPY",
    "METHODS",
    "START",
    "LabelledData",
    "Learner",
    "open_labelled",
    "train",
]

Found = dict[str, NDArray[np.float64]]
"""By name, a figure of each object asked about."""

TESTED, VALIDATED = 0.2, 0.15


@dataclass(frozen=True)
class Learner:
    """A way to learn.

    Attributes
    ----------
    update : mapping
        Settings that differ.
    warm_up : bool
        Whether training ends where the second stage would begin.
    scratch : bool
        Whether the weights that the network has learnt elsewhere are thrown away.
    """

    update: Mapping[str, object]
    warm_up: bool = False
    scratch: bool = False


PAIRS = {"objective": "tri-modal", "positives": "pair"}
START = "not trained: linear probe"
CROSS_ENTROPY = "cross-entropy"
METHODS = {
    CROSS_ENTROPY: Learner({"objective": "cross-entropy"}),
    "two modalities, as published": Learner({"objective": "bimodal", "positives": "pair"}),
    "two modalities, class positives": Learner({"objective": "bimodal"}),
    "three modalities, as published": Learner(PAIRS),
    "three modalities, class positives": Learner({"objective": "tri-modal"}),
}
ABLATIONS = {
    "v1: first stage, warm-up alone": Learner({**PAIRS, "stages": "first"}, warm_up=True),
    "v2: second stage alone": Learner({**PAIRS, "stages": "second"}),
    "v3: first stage to the end": Learner({**PAIRS, "stages": "first"}),
    "from scratch": Learner(PAIRS, scratch=True),
}


@dataclass(frozen=True)
class LabelledData:
    """One set: images of one network's size, classes, and three parts that share no galaxy.

    Attributes
    ----------
    name : str
    symbols : str
        The set of symbols drawn for it.
    examples : Examples
        All that may be learnt from, and what decides when to stop.
    groups : list of str
        The place on the sky of each object.
    tested : Tensor
        Rows asked about.
    """

    name: str
    symbols: str
    examples: Examples
    groups: list[str]
    tested: torch.Tensor

    def share(self, one_in: int, seed: int) -> Examples:
        """Keep about one group in so many of the training part; of each seed another."""
        rows = self.examples.training
        if one_in == 1:
            return self.examples
        named = [f"{seed} {self.groups[row]}" for row in rows.tolist()]
        kept = rows[torch.from_numpy(share_by_hash(named, 1 / one_in))]
        return Examples(
            classes=self.examples.classes,
            images=self.examples.images,
            labels=self.examples.labels,
            training=kept,
            validation=self.examples.validation,
            digests=self.examples.digests,
        )


def open_labelled(
    name: str, source: Path, symbols: str, work: Path, side: int, *, progress: bool
) -> LabelledData:
    """Ingest a published set, or go on with that, and split it.

    By places on the sky, a cutout's width apart, where there are positions; by the published split
    where there are none, as in GalaxyMNIST.
    """
    place = work / f"{symbols}.skylore"
    archive = Archive.open(place) if place.exists() else Archive.create(place)
    ingest(archive, open_source(str(source)), IngestOptions(progress=progress))
    positions = separation_columns(archive.schema, "cutout")
    split = ["split"] if "split" in archive.schema.names else []
    table = archive.read(
        ["id", "class", *positions, *split], where="class IS NOT NULL", row_ids=True
    ).sort_by("id")
    images = open_images(
        archive, table[ROW].combine_chunks(), side, work / f"{symbols}-{side}", progress=progress
    )
    groups = _groups(table) if positions else table["id"].to_pylist()
    tested = (
        np.array(table["split"].to_pylist()) == "test"
        if split
        else share_by_hash([f"test {group}" for group in groups], TESTED)
    )
    aside = share_by_hash([f"validation {group}" for group in groups], VALIDATED) & ~tested
    classes = load_symbols(symbols).classes
    examples = Examples(
        classes=classes,
        images=images,
        labels=torch.tensor([classes.index(label) for label in table["class"].to_pylist()]),
        training=torch.from_numpy(np.flatnonzero(~tested & ~aside & images.usable)),
        validation=torch.from_numpy(np.flatnonzero(aside & images.usable)),
        digests=digests_of(table["id"]),
    )
    asked = torch.from_numpy(np.flatnonzero(tested & images.usable))
    return LabelledData(name, symbols, examples, groups, asked)


def _groups(table: pa.Table) -> list[str]:
    """Name the place on the sky of each object, a cutout's width from all others."""
    ra, dec = (table[column].to_numpy() for column in ("ra", "dec"))
    numbers = sky_groups(ra, dec, separations(table, "cutout")).tolist()
    first: dict[int, str] = {}
    return [
        first.setdefault(n, name) for n, name in zip(numbers, table["id"].to_pylist(), strict=True)
    ]


def train(
    data: LabelledData,
    examples: Examples,
    learner: Learner | None,
    settings: ClassifierSettings,
    checkpoint: Path,
) -> Found:
    """Train, and give each tested object's class as found, and its average precisions.

    It classifies in the way that suited the validation objects best. Without a learner the network
    stays as it is, and a linear head is fitted to its features.
    """
    chosen = _settings(learner, settings, data)
    network = load_trainable(chosen.network)
    if learner is not None and learner.scratch:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            network = make_network(network.description)
    run = ClassifierRun(chosen, examples, network, _guidance(chosen, examples, network), checkpoint)
    truth = data.examples.labels[data.tested].numpy()
    if learner is None:
        features = run.features(data.tested, run.best).cpu()
        known = run.features(examples.training, run.best).cpu()
        labels, classes = examples.labels[examples.training], len(examples.classes)
        weight, bias = fit_linear(known, labels, classes, best_ridge(known, labels, classes))
        logits, vectors = features @ weight.T + bias, centred(features.numpy())
    else:
        run.go(_unseen)
        features = run.features(data.tested, run.best).cpu()
        model = finish(run, "class")
        with torch.inference_mode():
            logits = model.raw_logits(features, model.config.way)
            vectors = model.shared(features).numpy()
    checkpoint.unlink(missing_ok=True)
    precisions = retrieval_precisions(vectors, truth)
    found: Found = {"truth": truth, "found": logits.argmax(dim=1).numpy()}
    return {**found, "ap": precisions["ap"], "ap_at_5": precisions["ap_at_5"]}


def _settings(
    learner: Learner | None, settings: ClassifierSettings, data: LabelledData
) -> ClassifierSettings:
    update: dict[str, object] = {"objective": "cross-entropy", "symbols": data.symbols}
    if learner is not None:
        update |= learner.update
        if learner.warm_up:
            update["most_epochs"] = settings.first_epochs
            update["steps"] = None if settings.steps is None else max(1, settings.steps // 3)
    return ClassifierSettings.model_validate({**settings.model_dump(), **update})


def _guidance(
    settings: ClassifierSettings, examples: Examples, network: TrainableNetwork
) -> Guidance:
    words, classes = words_of(settings, examples.classes), examples.classes
    if settings.objective != "tri-modal":
        return Guidance(words, None)
    symbols = load_symbols(settings.symbols, classes)
    size = network.view.canvas
    return Guidance(
        words,
        SymbolBank(symbols, classes, each=settings.drawings, size=size, seed=settings.seed),
    )


def _unseen(step: int, loss: float) -> None:
    """Show no progress: that is told run by run."""
