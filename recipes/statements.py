"""Texts, and of which training images each is true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recipes.facts import Fact, Known
from skylore.captions.phrasing import phrases

__all__ = ["Corpus", "write_statements"]

_FEWEST_TRUE = 8
_DRAWS_OF_ONE = 24
_DRAWS_OF_TWO = 8


@dataclass(frozen=True)
class Corpus:
    """Texts with their truth.

    Attributes
    ----------
    texts : list of str
    truth : ndarray, shape (M, N), int8
    weights : ndarray, shape (M,), float32
        So that each fact is spoken of equally often, however many wordings it has.
    """

    texts: list[str]
    truth: NDArray[np.int8]
    weights: NDArray[np.float32]


def write_statements(facts: dict[Fact, Known], seed: int) -> Corpus:
    """Write texts of one fact, and of a kind together with one more fact.

    A text of two facts is true of an image if both are, and false if both are false; it may speak
    of one of them only, so that where one is true nobody knows.
    """
    rng = np.random.default_rng(seed)
    usable = {f: k for f, k in facts.items() if (k == 1).sum() >= _FEWEST_TRUE and (k == 0).any()}
    texts: dict[str, tuple[NDArray[np.int8], float]] = {}
    for fact, known in usable.items():
        truth = np.where(np.isnan(known), -1, known).astype(np.int8)
        _add(texts, [fact], truth, weight=1.0, draws=_DRAWS_OF_ONE, rng=rng)
    single = set(texts)
    kinds = [fact for fact in usable if fact[0] == "kind"]
    others = [fact for fact in usable if fact[0] != "kind"]
    for kind in kinds:
        for other in others:
            both = usable[kind] + usable[other]
            if (both == 2).sum() >= _FEWEST_TRUE:
                truth = np.where(both == 2, 1, np.where(both == 0, 0, -1)).astype(np.int8)
                _add(
                    texts,
                    [kind, other],
                    truth,
                    weight=0.25,
                    draws=_DRAWS_OF_TWO,
                    rng=rng,
                    said=single,
                )
    return Corpus(
        list(texts),
        np.stack([truth for truth, _ in texts.values()]),
        np.array([weight for _, weight in texts.values()], np.float32),
    )


def _add(
    texts: dict[str, tuple[NDArray[np.int8], float]],
    facts: list[Fact],
    truth: NDArray[np.int8],
    *,
    weight: float,
    draws: int,
    rng: np.random.Generator,
    said: set[str] | None = None,
) -> None:
    told = dict(facts)
    written = {text for _ in range(draws) for text in phrases(told, rng)} - set(texts)
    if said is not None:
        written -= said
    for text in sorted(written):
        texts[text] = truth, weight / len(written)
