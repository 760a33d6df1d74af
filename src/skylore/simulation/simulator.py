"""From a seed to a display image and what is true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from skylore.encoders.base import Pixels
from skylore.errors import SourceError
from skylore.simulation.canvas import Colours
from skylore.simulation.drawing import Drawing, Facts
from skylore.simulation.kinds.disturbed import draw_irregular, draw_merger
from skylore.simulation.kinds.lensing import draw_lens
from skylore.simulation.kinds.others import draw_artefact, draw_star
from skylore.simulation.kinds.rings import draw_ring
from skylore.simulation.kinds.smooth import draw_edge_on, draw_elliptical, draw_lenticular
from skylore.simulation.kinds.spirals import draw_barred_spiral, draw_spiral
from skylore.simulation.surroundings import add_surroundings
from skylore.simulation.telescope import blur, choose_conditions, expose
from skylore.simulation.truth import complete

__all__ = ["KINDS", "SMALLEST_RADIUS", "Simulated", "Simulator", "simulate"]

SMALLEST_RADIUS, LARGEST_RADIUS = 6.0, 60.0
"""Pixels between which the apparent radius lies."""

_EDGE = 25.0
"""Levels (of 255) above the sky at which a galaxy is seen to end."""

_BRIGHTEST = 3.0e4


@dataclass(frozen=True)
class _Kind:
    """How a kind is drawn, and what it takes to show it.

    Attributes
    ----------
    draw
        Draws it at about a radius in pixels.
    weight
        Its share of a default batch.
    smallest, largest
        Pixels of apparent radius.
    sharpness
        Seeing widths in a radius, below which its structure would be lost.
    """

    draw: Callable[[np.random.Generator, float], Drawing]
    weight: float
    smallest: float = SMALLEST_RADIUS
    largest: float = LARGEST_RADIUS
    sharpness: float = 0.0


_DRAWN: Mapping[str, _Kind] = MappingProxyType({
    "elliptical": _Kind(draw_elliptical, 0.18),
    "lenticular": _Kind(draw_lenticular, 0.08, 8.0),
    "spiral": _Kind(draw_spiral, 0.2, 14.0, sharpness=4.8),
    "barred spiral": _Kind(draw_barred_spiral, 0.14, 14.0, sharpness=5.2),
    "edge-on": _Kind(draw_edge_on, 0.12, 9.0, sharpness=3.5),
    "ring": _Kind(draw_ring, 0.07, 14.0, sharpness=6.0),
    "merger": _Kind(draw_merger, 0.1, 14.0, sharpness=5.0),
    "irregular": _Kind(draw_irregular, 0.05, 9.0, sharpness=4.0),
    "lens": _Kind(draw_lens, 0.03, 14.0, 40.0, sharpness=4.5),
    "star": _Kind(draw_star, 0.02, 6.0, 36.0),
    "artefact": _Kind(draw_artefact, 0.01),
})  # fmt: skip

KINDS: tuple[str, ...] = tuple(_DRAWN)
"""The kinds there are."""


@dataclass(frozen=True)
class Simulated:
    """An image, and what is true of the object in it.

    Attributes
    ----------
    image
        ``(160, 160, 3)`` uint8 RGB, as a survey's cutout service would give it.
    truth
        Every column of :data:`~skylore.simulation.truth.TRUTH_SCHEMA`; ``None`` where one does
        not apply.
    """

    image: Pixels
    truth: Facts


def simulate(seed: int, kind: str | None = None) -> Simulated:
    """Draw one object.

    Parameters
    ----------
    seed
        Not negative; equal seeds and kinds give equal images.
    kind
        One of :data:`KINDS`; by default chosen by its usual share.

    Raises
    ------
    SourceError
        There is no such kind, or the seed is negative.
    """
    weights = {kind: 1.0} if kind is not None else _usual()
    return Simulator(weights).at(seed)


def _usual() -> dict[str, float]:
    return {name: kind.weight for name, kind in _DRAWN.items()}


@dataclass(frozen=True)
class Simulator:
    """Draws objects of chosen kinds.

    Attributes
    ----------
    kinds
        A weight for each kind; they need not sum to 1. The usual shares unless given.
    """

    kinds: Mapping[str, float] = field(default_factory=_usual)

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist, and weights that choose nothing."""
        if unknown := sorted(set(self.kinds) - set(KINDS)):
            raise SourceError(
                f"no kind {', '.join(map(repr, unknown))} is simulated; choose from "
                f"{', '.join(KINDS)}"
            )
        weights = np.array(list(self.kinds.values()), dtype=np.float64)
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            raise SourceError("weights of kinds must be finite, not negative, and not all zero")

    def at(self, seed: int) -> Simulated:
        """Draw the object of one seed.

        Raises
        ------
        SourceError
            The seed is negative.
        """
        if seed < 0:
            raise SourceError(f"a seed is not negative; {seed} is")
        rng = np.random.default_rng(seed)
        names = list(self.kinds)
        weights = np.array([self.kinds[name] for name in names], dtype=np.float64)
        return _simulate(rng, str(rng.choice(names, p=weights / weights.sum())))

    def batch(self, n: int, seed: int) -> Iterator[Simulated]:
        """Draw ``n`` objects one after another; the first ``m`` of them do not depend on ``n``.

        Raises
        ------
        SourceError
            ``n`` or ``seed`` is negative.
        """
        if n < 0 or seed < 0:
            raise SourceError(f"the number of objects and the seed are not negative: {n}, {seed}")
        children = np.random.SeedSequence(seed).generate_state(max(n, 1), np.uint64)
        return (self.at(int(child)) for child in children[:n])


def _simulate(rng: np.random.Generator, name: str) -> Simulated:
    kind = _DRAWN[name]
    radius = _radius(rng, kind)
    conditions = choose_conditions(rng, radius, kind.sharpness)
    drawing = kind.draw(rng, radius)
    light = drawing.light
    factor, reached = 1.0, None
    if not drawing.absolute:
        ratio = drawing.facts.get("axis_ratio")
        shape = float(ratio) if isinstance(ratio, float) else 1.0
        edge = _EDGE / conditions.noise
        factor, reached = _brighten(blur(light, conditions), edge, radius, shape)
    scene = light * np.float32(factor)
    add_surroundings(rng, scene, radius, conditions.seeing)
    image = expose(blur(scene, conditions), conditions, rng)
    seen = {"apparent_radius": reached, "look": conditions.look, "seeing": conditions.seeing}
    return Simulated(image, complete(name, drawing.facts | seen))


def _radius(rng: np.random.Generator, kind: _Kind) -> float:
    """Return an apparent radius: mostly of the size that survey cutouts are framed to."""
    if rng.random() < 0.25:
        return float(np.exp(rng.uniform(np.log(kind.smallest), np.log(kind.largest))))
    return float(np.clip(np.exp(rng.normal(np.log(36), 0.32)), kind.smallest, kind.largest))


def _brighten(seen: Colours, edge: float, radius: float, ratio: float) -> tuple[float, float]:
    """Find the factor at which the isophote ``edge`` has the semi-major axis ``radius``.

    Returns
    -------
    tuple
        The factor, and the semi-major axis that it gives, which is smaller than ``radius`` only
        where the object would have to be brighter than any is.
    """
    mean = seen.mean(axis=0).ravel()
    area = min(max(int(np.pi * radius**2 * ratio), 4), mean.size - 1)
    there = float(np.partition(mean, mean.size - area)[mean.size - area])
    factor = min(edge / max(there, 1e-30), _BRIGHTEST / float(mean.max()))
    visible = int(np.count_nonzero(mean * factor >= 0.999 * edge))
    return factor, float(np.sqrt(max(visible, 1) / (np.pi * ratio)))
