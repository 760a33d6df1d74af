"""Cones, boxes and polygons as values; ICRS degrees throughout."""

from __future__ import annotations

import math
import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from skylore.errors import QueryError
from skylore.search.regions.polygon import triangles_of
from skylore.search.value import Value

__all__ = ["MAX_VERTICES", "Box", "Cone", "Polygon"]

MAX_VERTICES = 128

RightAscension = Annotated[float, Field(ge=0, lt=360)]
Declination = Annotated[float, Field(ge=-90, le=90)]


class Cone(Value):
    """All positions within ``radius`` of a point; ICRS degrees."""

    ra: RightAscension
    dec: Declination
    radius: float = Field(gt=0, le=180)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"RA DEC RADIUS"`` in degrees, separated by spaces or commas.

        Raises
        ------
        QueryError
            It is not three numbers, or out of range.
        """
        try:
            ra, dec, radius = _numbers(text)
            return cls(ra=ra, dec=dec, radius=radius)
        except ValueError as error:
            raise QueryError(
                f'{text!r} is not a cone; write "RA DEC RADIUS" in degrees, such as "150.1 2.2 0.1"'
            ) from error


class Box(Value):
    """All positions between two right ascensions and two declinations, both included.

    Where ``ra_min`` is greater than ``ra_max`` the box goes through right ascension 0. Its sides
    are meridians and parallels, not great circles.
    """

    ra_min: RightAscension
    ra_max: float = Field(ge=0, le=360)
    dec_min: Declination
    dec_max: Declination

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        if self.dec_min >= self.dec_max:
            raise ValueError("a box goes from a lower declination to a higher one")
        if self.ra_min == self.ra_max:
            raise ValueError(
                "a box goes from one right ascension to another; all round is 0 to 360"
            )
        return self

    @property
    def width(self) -> float:
        """Degrees of right ascension that it spans."""
        return self.ra_max - self.ra_min + (360 if self.ra_min > self.ra_max else 0)

    @classmethod
    def around(cls, ra: float, dec: float, width: float, height: float) -> Self:
        """Give the box around a point.

        Parameters
        ----------
        ra, dec
            The middle.
        width
            Degrees along the parallel through the middle. Where that, or the height, reaches
            a pole, the box goes all round.
        height
            Degrees of declination.

        Raises
        ------
        ValueError
            A number is out of range.
        """
        if not (0 <= ra < 360 and 0 < width <= 360 and 0 < height <= 180):
            raise ValueError("a box lies between 0 and 360, and is at most 360 by 180 degrees")
        low, high = dec - height / 2, dec + height / 2
        half = width / 2 / max(math.cos(math.radians(dec)), 1e-300)
        if half >= 180 or low <= -90 or high >= 90:
            ends = {"ra_min": 0.0, "ra_max": 360.0}
        else:
            ends = {"ra_min": _turned(ra - half), "ra_max": _turned(ra + half)}
        return cls(**ends, dec_min=max(low, -90), dec_max=min(high, 90))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"RA1 RA2 DEC1 DEC2"``, or ``"RA DEC WIDTHxHEIGHT"`` around a point; degrees.

        Raises
        ------
        QueryError
            It is neither, or out of range.
        """
        size = re.fullmatch(r"(.+[\s,])([^\sx×,]+)\s*[x×]\s*([^\sx×,]+)\s*", text)
        try:
            if size:
                ra, dec = _numbers(size[1])
                return cls.around(ra, dec, float(size[2]), float(size[3]))
            ra_min, ra_max, dec_min, dec_max = _numbers(text)
            return cls(ra_min=ra_min, ra_max=ra_max, dec_min=dec_min, dec_max=dec_max)
        except ValueError as error:
            raise QueryError(
                f'{text!r} is not a box; write "RA1 RA2 DEC1 DEC2" in degrees, such as '
                '"350 10 -5 5", or "RA DEC WIDTHxHEIGHT", such as "150.1 2.2 0.5x0.3"'
            ) from error


class Polygon(Value):
    """All positions inside great circles from vertex to vertex, the sides included.

    It may be convex or not, and run either way. So that inside and outside cannot be confused, all
    of it lies within 85 degrees of the mean of its vertices; its sides do not cross.
    """

    vertices: tuple[tuple[RightAscension, Declination], ...] = Field(
        min_length=3, max_length=MAX_VERTICES
    )

    @model_validator(mode="after")
    def _encloses_something(self) -> Self:
        triangles_of(self.vertices)
        return self

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"RA DEC RA DEC RA DEC …"`` in degrees, separated by spaces or commas.

        Raises
        ------
        QueryError
            It is not three pairs of numbers or more, or they enclose nothing.
        """
        try:
            return cls(vertices=_pairs(_numbers(text)))
        except ValueError as error:
            raise QueryError(
                f'{text[:200]!r} is not a polygon; write "RA DEC RA DEC RA DEC …" in degrees, at '
                f"least three corners in their order along the border: {_reason(error)}"
            ) from error


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.replace(",", " ").split()]


def _pairs(numbers: list[float]) -> tuple[tuple[float, float], ...]:
    if len(numbers) % 2:
        raise ValueError("one coordinate is left over")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _turned(ra: float) -> float:
    turned = ra % 360
    return 0.0 if turned >= 360 else turned


def _reason(error: ValueError) -> str:
    from skylore.explaining import explain

    return explain(error)
