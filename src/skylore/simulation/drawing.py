"""What a kind of object hands to the telescope."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from skylore.simulation.canvas import Colours

__all__ = ["Drawing", "Facts", "jitter", "random_angle"]

Facts: TypeAlias = dict[str, "bool | int | float | str | None"]
"""Truth by column."""


@dataclass(frozen=True)
class Drawing:
    """Light before the telescope, and what is true of it.

    Attributes
    ----------
    light
        Red, green and blue surface brightness. Where ``absolute``, in standard deviations of the
        sky's noise, else in any unit: it is scaled until the visible radius is the one asked for.
    facts
        The columns of :data:`~skylore.simulation.truth.TRUTH_SCHEMA` that apply.
    absolute
        Whether the brightness stands as it is.
    """

    light: Colours
    facts: Facts = field(default_factory=dict)
    absolute: bool = False


def random_angle(rng: np.random.Generator) -> float:
    """Return an angle in radians."""
    return float(rng.uniform(0, 2 * np.pi))


def jitter(rng: np.random.Generator) -> tuple[float, float]:
    """Return a centre a pixel or two off the middle, as catalogue positions are."""
    x, y = rng.normal(0, 1.2, 2)
    return float(x), float(y)
