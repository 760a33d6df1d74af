"""Colours and marks of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skylore.scaling.drawing import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["colour", "legend_of_classes", "mark", "readable"]

# Paul Tol's muted scheme (2021): ten that colour-blind readers tell apart, the paler ones last.
_COLOURS = (
    *("#332288", "#CC6677", "#117733", "#88CCEE", "#AA4499"),
    *("#DDAA33", "#44AA99", "#882255", "#999933", "#777777"),
)
_MARKS = ("o", "^", "s", "D", "v", "P", "X")


def colour(place: int) -> str:
    """Give the colour of a class."""
    return _COLOURS[place % len(_COLOURS)]


def mark(place: int) -> str:
    """Give the mark of a class; with its colour, one of seventy."""
    return _MARKS[(place + place // len(_COLOURS)) % len(_MARKS)]


def readable(name: str) -> str:
    """Write the name of a class for people."""
    return name.replace("_", " ")


def legend_of_classes(
    figure: Figure, classes: Sequence[str], columns: int = 5, *, marks: bool = True
) -> None:
    """Put the classes below a figure."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], linestyle="", marker=mark(i) if marks else "s", color=colour(i), markersize=7,
            label=readable(name),
        )
        for i, name in enumerate(classes)
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(columns, len(handles)),
        fontsize=9.5, labelcolor=INK, handletextpad=0.3, columnspacing=1.4,
    )  # fmt: skip
