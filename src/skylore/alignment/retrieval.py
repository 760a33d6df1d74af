"""How well held-out images and captions find one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from skylore.evaluation.bootstrap import Interval, bootstrap_mean
from skylore.evaluation.metrics import expected_average_precision

__all__ = [
    "NEAR_IDENTICAL",
    "Direction",
    "Retrieval",
    "caption_relevance",
    "measure_retrieval",
    "query_precisions",
]

NEAR_IDENTICAL = 0.95
"""Captions whose vectors have at least this cosine say the same, so either image is a right hit."""

Floats = NDArray[np.float64]


class Direction(BaseModel):
    """Retrieval in one direction: means over the queries, with 95 % bootstrap intervals.

    ``average_precision`` equals the reciprocal rank where just one answer is right.
    ``random_precision`` is what its mean comes to when the answers are shuffled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    queries: int
    average_precision: Interval
    reciprocal_rank: Interval
    recall_at_1: Interval
    recall_at_10: Interval
    random_precision: float


class Retrieval(BaseModel):
    """Retrieval both ways at one length of the vectors; a recall counts one right hit as found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: int
    text_to_image: Direction
    image_to_text: Direction


def caption_relevance(
    texts: NDArray[np.float32], owners: NDArray[np.intp], objects: int
) -> NDArray[np.bool_]:
    """Say which texts are right for which objects.

    Parameters
    ----------
    texts : ndarray, shape (M, Dt)
        Caption vectors as the text encoder gave them.
    owners : ndarray, shape (M,)
        The object that each belongs to.
    objects : int

    Returns
    -------
    ndarray, shape (objects, M), bool
        True for an object's own texts, and for those all but identical to one of them.
    """
    unit = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    alike = unit @ unit.T >= NEAR_IDENTICAL
    relevant = np.zeros((objects, len(texts)), dtype=bool)
    np.logical_or.at(relevant, owners, alike)
    relevant[owners, np.arange(len(texts))] = True
    return relevant


def measure_retrieval(
    images: NDArray[np.float32], texts: NDArray[np.float32], relevant: NDArray[np.bool_]
) -> Retrieval:
    """Search images by text and texts by image.

    Parameters
    ----------
    images : ndarray, shape (N, D)
    texts : ndarray, shape (M, D)
    relevant : ndarray, shape (N, M), bool
    """
    scores = images @ texts.T
    return Retrieval(
        dimension=images.shape[1],
        text_to_image=_direction(scores.T, relevant.T),
        image_to_text=_direction(scores, relevant),
    )


def query_precisions(
    scores: NDArray[np.float32], relevant: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.intp]]:
    """Return each query's average precision, and the rank of its first right hit from 1.

    Parameters
    ----------
    scores : ndarray, shape (Q, N)
        Higher is better; ties count in the order of the columns.
    relevant : ndarray, shape (Q, N), bool
        With at least one right hit a query.

    Returns
    -------
    tuple of ndarray, shape (Q,)
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    hits = np.take_along_axis(relevant, order, axis=1)
    found = np.cumsum(hits, axis=1)
    ranks = np.arange(1, hits.shape[1] + 1)
    precision = np.sum(found / ranks * hits, axis=1) / found[:, -1]
    return precision, hits.argmax(axis=1) + 1


def _direction(scores: NDArray[np.float32], relevant: NDArray[np.bool_]) -> Direction:
    precision, first = query_precisions(scores, relevant)
    total = relevant.shape[1]
    shuffled = [expected_average_precision(int(count), total) for count in relevant.sum(axis=1)]
    return Direction(
        queries=len(scores),
        average_precision=bootstrap_mean(precision, seed=0),
        reciprocal_rank=bootstrap_mean(1 / first, seed=0),
        recall_at_1=bootstrap_mean(first <= 1, seed=0),
        recall_at_10=bootstrap_mean(first <= 10, seed=0),
        random_precision=float(np.mean(shuffled)),
    )
