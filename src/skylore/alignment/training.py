"""Training the projection heads on captioned objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from skylore import __version__
from skylore.alignment.closed_form import start_in_closed_form
from skylore.alignment.config import AlignmentConfig, EncoderReference, matryoshka_cuts
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.model import Alignment
from skylore.alignment.pairs import Pairs, check_pairs, held_out
from skylore.alignment.report import TrainingReport
from skylore.alignment.retrieval import Retrieval, measure_retrieval
from skylore.alignment.run import AlignmentRun
from skylore.alignment.selfcheck import check_learnable
from skylore.alignment.settings import TrainingSettings
from skylore.errors import ModelError
from skylore.training.chance import seeded

__all__ = ["TrainedAlignment", "train"]

_SMALLEST_SCALE = 1e-6
"""Dimensions that vary less than this, relative to the largest, are not blown up."""


@dataclass(frozen=True)
class TrainedAlignment:
    """A model and the account of its training."""

    model: Alignment
    report: TrainingReport


def train(
    image_vectors: ArrayLike,
    text_vectors: ArrayLike,
    owners: ArrayLike,
    *,
    ids: Sequence[object],
    image_encoder: EncoderReference,
    text_encoder: EncoderReference,
    start: Alignment | None = None,
    settings: TrainingSettings | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> TrainedAlignment:
    """Learn one space for images and their captions.

    Contrastive training of two residual heads on frozen encoders' vectors (AION-Search, arXiv
    2512.11982), with one caption an object drawn anew each step. The weights that are kept are
    those with which held-out images and captions find one another best.

    Parameters
    ----------
    image_vectors : array_like, shape (N, Di)
    text_vectors : array_like, shape (M, Dt)
        One or more for each object.
    owners : array_like, shape (M,), int
        The row of ``image_vectors`` that each text describes.
    ids : sequence, length N
        Unique names of the objects; their hashes decide which are held out.
    image_encoder, text_encoder : EncoderReference
        Where the vectors come from; the model remembers it.
    start : Alignment, optional
        A model of the same encoders to go on from. Its sizes are kept, and instead of towards
        zero, its weights decay towards what they were (Li et al. 2018, arXiv 1802.01483): what it
        knew and these captions do not speak of is not forgotten sooner than need be.
    settings : TrainingSettings, optional
        By default :meth:`TrainingSettings.adapting` where there is a model to start from, and
        else :meth:`TrainingSettings.for_objects`.
    seed : int
        Equal seeds give equal models on the same CPU and thread count.
    progress : callable, optional
        Called with the steps done and the steps there are at most.

    Returns
    -------
    TrainedAlignment

    Raises
    ------
    ModelError
        If the vectors cannot be used, are fewer than eight, or cannot be learnt from.
    """
    pairs = check_pairs(image_vectors, text_vectors, owners)
    if len(ids) != len(pairs):
        raise ModelError(f"there are {len(ids)} ids for {len(pairs)} image vectors")
    settings = settings or (
        TrainingSettings.adapting() if start else TrainingSettings.for_objects(len(pairs))
    )
    aside = held_out(ids, settings.validation)
    training, checking = pairs.take(np.flatnonzero(~aside)), pairs.take(np.flatnonzero(aside))
    config = (
        _configuration(training, settings, image_encoder, text_encoder)
        if start is None
        else _adapted(start, settings, image_encoder, text_encoder)
    )
    with seeded(seed):
        run = AlignmentRun(
            heads=_first_heads(config, settings, training, start, seed),
            config=config,
            settings=settings,
            training=training,
            checking=checking,
            seed=seed,
            towards_start=start is not None or settings.closed_form,
        )
        run.go(progress)
    return _told(run, pairs, seed)


def _first_heads(
    config: AlignmentConfig,
    settings: TrainingSettings,
    training: Pairs,
    start: Alignment | None,
    seed: int,
) -> ContrastiveHeads:
    heads = ContrastiveHeads(config)
    if start is not None:
        heads.load_state_dict(start.weights())
        return heads
    if settings.standardise:
        _standardise(heads, training)
    check_learnable(training, config, heads)
    if settings.closed_form:
        start_in_closed_form(heads, training, torch.Generator().manual_seed(seed))
    return heads


def _told(run: AlignmentRun, pairs: Pairs, seed: int) -> TrainedAlignment:
    """Put the best weights back, and write the account."""
    run.heads.load_state_dict(run.best)
    report = TrainingReport(
        objects=len(pairs),
        texts=len(pairs.texts),
        training_objects=len(run.training),
        held_out_objects=len(run.checking),
        seed=seed,
        settings=run.settings,
        chosen_step=run.chosen,
        history=run.history,
        retrieval=_retrieval(Alignment(run.config, run.heads), run.checking, run.relevant),
    )
    return TrainedAlignment(Alignment(run.config, run.heads, report), report)


def _configuration(
    training: Pairs,
    settings: TrainingSettings,
    image_encoder: EncoderReference,
    text_encoder: EncoderReference,
) -> AlignmentConfig:
    sizes = settings.model_sizes(len(training))
    full = sizes.embedding
    return AlignmentConfig(
        image_input_dim=training.images.shape[1],
        text_input_dim=training.texts.shape[1],
        embedding_dim=full,
        image_hidden_dim=sizes.image_hidden,
        text_hidden_dim=sizes.text_hidden,
        blocks=settings.blocks,
        dropout=settings.dropout,
        image_encoder=image_encoder,
        text_encoder=text_encoder,
        matryoshka_dims=matryoshka_cuts(full) if settings.matryoshka else (full,),
    )


def _adapted(
    start: Alignment,
    settings: TrainingSettings,
    image_encoder: EncoderReference,
    text_encoder: EncoderReference,
) -> AlignmentConfig:
    known = start.config.image_encoder.revision, start.config.text_encoder.revision
    if known != (image_encoder.revision, text_encoder.revision):
        raise ModelError("the model to start from was trained on vectors of other encoders")
    return start.config.model_copy(
        update={
            "dropout": settings.dropout,
            "image_encoder": image_encoder,
            "text_encoder": text_encoder,
            "skylore_version": __version__,
        }
    )


def _standardise(heads: ContrastiveHeads, training: Pairs) -> None:
    heads.image_mean.copy_(training.images.mean(dim=0))
    spread = training.images.std(dim=0, correction=0)
    floor = max(_SMALLEST_SCALE * float(spread.max()), torch.finfo(spread.dtype).tiny)
    heads.image_scale.copy_(spread.clamp(min=floor))
    heads.text_mean.copy_(training.texts.mean(dim=0))


def _retrieval(model: Alignment, checking: Pairs, relevant: NDArray[np.bool_]) -> list[Retrieval]:
    images, texts = checking.images.numpy(), checking.texts.numpy()
    return [
        measure_retrieval(
            model.encode_image_vectors(images, dim),
            model.encode_text_vectors(texts, dim),
            relevant,
        )
        for dim in model.config.matryoshka_dims
    ]
