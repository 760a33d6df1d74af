"""Image and text vectors of the same made-up objects, related as a picture and a caption are.

An object is a point of a heavy-tailed mixture in 28 dimensions. Each side knows it to within an
error of its own, as images have noise and captions are vague, and has 12 dimensions that the other
knows nothing of: the depth of an image, the wording of a caption. These 40 go through a random
smooth map of each side's own; noise of a power-law spectrum and a common offset are added, and
rows are brought to unit length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARED, PRIVATE, CLUSTERS, HIDDEN = 28, 12, 1500, 384

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class PairedVectors:
    """Row ``i`` of one side belongs to row ``i`` of the other.

    Attributes
    ----------
    images : ndarray, shape (N, Di), float32
    texts : ndarray, shape (N, Dt), float32
    """

    images: Floats
    texts: Floats

    def take(self, rows: slice | NDArray[np.bool_]) -> PairedVectors:
        """Give some of the pairs."""
        return PairedVectors(self.images[rows], self.texts[rows])

    def __len__(self) -> int:
        return len(self.images)


def draw_pairs(
    count: int, *, image_dim: int, text_dim: int, vagueness: float, noise: float, seed: int
) -> PairedVectors:
    """Draw ``count`` objects and see each from both sides.

    Parameters
    ----------
    vagueness : float
        Standard deviation of each side's error about an object, per dimension; the objects' own
        is about 1.
    noise : float
        Length of the noise vector relative to the root mean square length of the signal.
    seed : int
        Decides the mixture, the maps and the objects.
    """
    rng = np.random.default_rng(seed)
    shared = _draw_latents(rng, count)
    known = [
        shared + vagueness * rng.standard_normal(shared.shape, dtype=np.float32) for _ in range(2)
    ]
    return PairedVectors(
        images=_seen(rng, known[0], image_dim, noise), texts=_seen(rng, known[1], text_dim, noise)
    )


def _draw_latents(rng: np.random.Generator, count: int) -> Floats:
    """Draw from a mixture whose components have a Pareto tail of weights: ``(N, 28)``."""
    weights = rng.pareto(1.3, CLUSTERS) + 0.1
    centres = rng.normal(size=(CLUSTERS, SHARED)) * 0.9
    spectrum = np.arange(1, SHARED + 1) ** -0.35
    spread = (0.5 + 0.4 * rng.random((CLUSTERS, 1))) * spectrum
    cluster = rng.choice(CLUSTERS, count, p=weights / weights.sum())
    latents = centres[cluster] + spread[cluster] * rng.standard_normal((count, SHARED))
    return latents.astype(np.float32)


def _seen(rng: np.random.Generator, known: Floats, dim: int, noise: float) -> Floats:
    """Send what is known, with some of this side's own, through a random smooth map: ``(N, D)``."""
    count = len(known)
    latents = np.hstack([known, rng.standard_normal((count, PRIVATE))])
    width = latents.shape[1]
    inner = rng.normal(size=(width, HIDDEN)) / np.sqrt(width) * 1.4
    hidden = np.tanh(latents @ inner + 0.5 * rng.normal(size=HIDDEN))
    vectors = hidden @ (rng.normal(size=(HIDDEN, dim)) / np.sqrt(HIDDEN))
    vectors += latents @ (rng.normal(size=(width, dim)) / np.sqrt(width) * 0.35)
    vectors /= np.sqrt((vectors**2).sum(axis=1).mean())
    power = np.arange(1, dim + 1) ** -0.5
    rotation, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    noises = rng.standard_normal((count, dim)) * (noise * power / np.linalg.norm(power))
    offset = rng.normal(size=dim)
    vectors += noises @ rotation + 0.6 * offset / np.linalg.norm(offset)
    unit: Floats = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit
