"""What a symbol shows, in a few figures, and families of symbols that vary in them."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Bounds", "Family", "Symbol"]

Share = Annotated[float, Field(ge=0, le=1)]
Few = Annotated[int, Field(ge=0, le=12)]
Bounds = float | tuple[float, float]
"""A figure, or two between which to draw, both included."""

EDGE_ON = 0.16
"""Axis ratios from which on a disc is seen from its side."""


class Symbol(BaseModel):
    """A schematic galaxy. Lengths are in radii of its body.

    Attributes
    ----------
    axis_ratio : float
        Of the body as seen: 1 is round.
    shading : float
        How bright the centre of the body is: 0 is a faint disc, 1 a bright ball.
    bulge, ring : float
        Radii; 0 is none.
    boxiness : float
        0 for a round bulge, 1 for a rectangle.
    bar : float
        Half its length; 0 is none.
    arms : int
        How many spiral arms.
    pitch : float
        The angle between an arm and a circle, degrees: small is tightly wound.
    lopsidedness : float
        How far the body is from an ellipse.
    companions : int
        Smaller galaxies that touch it.
    companion_size : float
        Their radii.
    tails, arcs, clumps : int
        Streams drawn out by tides, images bent around it by gravity, and bright knots.
    spikes : int
        Rays, as a star has them.
    lane : float
        Half the width of a dark band along it; 0 is none.
    chance : float
        Decides the outline of what is lopsided, and where knots lie.
    angle : float
        By which it is turned, degrees.
    mirrored : bool
        Whether arms wind the other way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    axis_ratio: float = Field(1.0, ge=0.03, le=1)
    shading: Share = 0.0
    bulge: Share = 0.0
    boxiness: Share = 0.0
    ring: Share = 0.0
    bar: Share = 0.0
    arms: Few = 0
    pitch: float = Field(20.0, ge=4, le=70)
    lopsidedness: float = Field(0.0, ge=0, le=0.5)
    companions: Annotated[int, Field(ge=0, le=3)] = 0
    companion_size: float = Field(0.7, ge=0.1, le=1)
    tails: Annotated[int, Field(ge=0, le=3)] = 0
    arcs: Annotated[int, Field(ge=0, le=4)] = 0
    clumps: Few = 0
    spikes: Few = 0
    lane: Share = 0.0
    chance: float = Field(0.0, ge=0, lt=1)
    angle: float = 0.0
    mirrored: bool = False

    @property
    def is_edge_on(self) -> bool:
        """Whether it is a disc seen from its side."""
        return self.axis_ratio < EDGE_ON


class Family(BaseModel):
    """Symbols of one class: each figure of :class:`Symbol` fixed, or drawn between two bounds.

    Angle, handedness and chance are drawn unless they are given, since no class of galaxies is
    defined by them.

    Attributes
    ----------
    figures : dict
        By the names of :class:`Symbol`: a number, or two between which to draw, both included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: dict[str, Bounds] = {}

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        for end in (0, 1):
            Symbol.model_validate(
                {name: _end(bounds, end) for name, bounds in self.figures.items()}
            )
        if any(_end(bounds, 0) > _end(bounds, 1) for bounds in self.figures.values()):
            raise ValueError("the lower bound comes first")
        return self

    def joined(self, other: Family) -> Family:
        """Add the figures of another family, which win over these."""
        return Family(figures={**self.figures, **other.figures})

    def sample(self, rng: np.random.Generator) -> Symbol:
        """Draw a member."""
        whole = {n for n, field in Symbol.model_fields.items() if field.annotation is int}
        drawn: dict[str, float] = {
            "angle": rng.uniform(0, 360),
            "mirrored": bool(rng.integers(2)),
            "chance": rng.uniform(),
        }
        for name, bounds in self.figures.items():
            low, high = _end(bounds, 0), _end(bounds, 1)
            drawn[name] = (
                int(rng.integers(int(low), int(high) + 1))
                if name in whole
                else rng.uniform(low, high)
            )
        return Symbol.model_validate(drawn)

    def typical(self) -> Symbol:
        """Give the member in the middle of all bounds, not turned."""
        figures = {
            name: (_end(bounds, 0) + _end(bounds, 1)) / 2 for name, bounds in self.figures.items()
        }
        whole = {n for n, field in Symbol.model_fields.items() if field.annotation is int}
        return Symbol.model_validate(
            {name: int(value) if name in whole else value for name, value in figures.items()}
        )


def _end(bounds: Bounds, end: int) -> float:
    return bounds[end] if isinstance(bounds, tuple) else bounds
