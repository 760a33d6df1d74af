"""Training a classifier on an archive, and filling its columns."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from skylore.classification.examples import open_examples
from skylore.classification.finish import finish
from skylore.classification.guidance import Guidance, SymbolBank
from skylore.classification.labelled import Labelled, read_labelled
from skylore.classification.model import ClassifierModel
from skylore.classification.networks import load_trainable
from skylore.classification.report import ClassifierReport, classifier_card
from skylore.classification.run import ClassifierRun
from skylore.classification.separation import Separation
from skylore.classification.settings import ClassifierSettings
from skylore.classification.spoken import readable, spoken_names, with_symbols
from skylore.classification.warming import steps_of
from skylore.encoders.base import PairedEncoder, TextEncoder
from skylore.encoders.registry import load_image_encoder, load_text_encoder
from skylore.search.predicate import compile_for
from skylore.symbols.library import FAMILIES_BY_WORDS, Symbols, load_symbols
from skylore.training.folders import unfinished_in
from skylore.training.progress import progress_bar

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["checked_where", "fit_classifier", "words_of"]

_MARGIN = 1.125
"""Images are kept larger than the network's canvas, so that turning them blurs less."""


def fit_classifier(
    archive: Archive,
    column: str,
    folder: str | Path,
    settings: ClassifierSettings | None = None,
    *,
    where: str | None = None,
    group: str | None = None,
    separation: Separation = "cutout",
    progress: bool = True,
) -> ClassifierReport:
    """Train a classifier on a column of classes.

    The run keeps checkpoints in ``folder``; called again, it goes on where it stopped.

    Parameters
    ----------
    archive : Archive
    column : str
    folder : path
    settings : ClassifierSettings, optional
    where : str, optional
        Which objects may be seen: a predicate over the columns, as in a search.
    group, separation, progress
        As :func:`skylore.classification.labelled.read_labelled` takes them.

    Raises
    ------
    ColumnError
        A column is missing or of the wrong type.
    FilterError
        ``where`` is not a predicate over columns of the archive.
    ModelError
        There is too little to learn from, something else is in the folder, a symbol is missing, or
        training diverges.
    """
    folder, settings = Path(folder), settings or ClassifierSettings()
    work = unfinished_in(folder)
    where = checked_where(archive, where)
    labelled = read_labelled(
        archive, column, settings, where=where, group=group, separation=separation
    )
    # Before the images are decoded, which may take long.
    spoken = spoken_names(column, labelled.classes)
    settings, notice = with_symbols(settings, spoken)
    symbols = _symbols(settings, labelled.classes, spoken)
    network = load_trainable(settings.network)
    side = network.view.canvas
    kept = 2 * round(side * _MARGIN / 2)
    examples = open_examples(archive, labelled, settings, kept, work, progress=progress)
    guidance = Guidance(words_of(settings, spoken), _draw(settings, symbols, side))
    run = ClassifierRun(settings, examples, network, guidance, work / "checkpoint.safetensors")
    steps = steps_of(settings, len(examples.training)) + run.plan.steps
    with progress_bar("classify", steps, show=progress) as advance:
        run.go(advance)
    model = finish(run, column)
    report = _report(run, model, labelled, notice)
    model.save(folder, classifier_card(model.config, report), report.model_dump_json(indent=2))
    shutil.rmtree(work, ignore_errors=True)
    return report


def checked_where(archive: Archive, where: str | None) -> str | None:
    """Check a user's predicate; raises FilterError."""
    return None if where is None else compile_for(archive.schema, where)


def _symbols(
    settings: ClassifierSettings, classes: Sequence[str], spoken: Sequence[str]
) -> tuple[Symbols, Sequence[str]] | None:
    """Find symbols, and the names by which they are known."""
    if settings.objective != "tri-modal":
        return None
    names = spoken if settings.symbols == FAMILIES_BY_WORDS else classes
    return load_symbols(settings.symbols, names), names


def _draw(
    settings: ClassifierSettings, found: tuple[Symbols, Sequence[str]] | None, size: int
) -> SymbolBank | None:
    if found is None:
        return None
    return SymbolBank(*found, each=settings.drawings, size=size, seed=settings.seed)


def words_of(settings: ClassifierSettings, classes: Sequence[str]) -> Tensor:
    """Encode what is said of each class, ``(C, Dt)``."""
    said = [settings.caption.replace("{class}", readable(name)) for name in classes]
    return torch.from_numpy(_text_encoder(settings).encode(said))


def _text_encoder(settings: ClassifierSettings) -> TextEncoder:
    if settings.text_encoder is None and settings.network.startswith("hf:"):
        encoder = load_image_encoder(settings.network)
        paired = encoder.text_encoder if isinstance(encoder, PairedEncoder) else None
        if paired is not None:
            return paired
    return load_text_encoder(settings.text_encoder or "minilm")


def _report(
    run: ClassifierRun, model: ClassifierModel, labelled: Labelled, notice: str | None
) -> ClassifierReport:
    examples = run.examples
    names = Counter(examples.classes[i] for i in examples.labels.tolist())
    return ClassifierReport(
        column=model.config.column,
        classes={name: names[name] for name in examples.classes},
        training=len(examples.training),
        validation=len(examples.validation),
        unusable=int((~examples.images.usable).sum()),
        kept_back=labelled.kept_back,
        way=model.config.way,
        settings=run.settings,
        history=run.history,
        notice=notice,
    )
