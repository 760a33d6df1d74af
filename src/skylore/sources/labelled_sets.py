"""Published sets of labelled pictures, known by the layout of their HDF5 files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

import pyarrow as pa

from skylore.sources.hdf5_layout import Column

__all__ = ["PUBLISHED", "LabelledSet", "recognise"]

_PICTURES = "images"


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """How a published set lies in its files.

    Attributes
    ----------
    name
        As it is known.
    symbols
        The set of symbols whose classes have the published names, in the order of the numbers.
    labels
        The column of the numbers.
    others
        What else there is beside pictures and labels.
    sides
        Of its pictures, in pixels.
    splits
        What the name of a file says of all objects in it.
    copies
        Columns that repeat another by mistake, and which.
    """

    name: str
    symbols: str
    labels: str
    others: frozenset[str]
    sides: frozenset[int]
    splits: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The published names."""
        from skylore.symbols.library import load_symbols

        return load_symbols(self.symbols).classes

    def split_of(self, file: str) -> str | None:
        """Tell the split from the name of a file."""
        name = PurePosixPath(file).name.lower()
        return next((split for split in self.splits if split in name), None)

    def fits(self, columns: Mapping[str, Column]) -> bool:
        """Whether a file with these columns has the layout of this set."""
        pictures, labels = columns.get(_PICTURES), columns.get(self.labels)
        if pictures is None or labels is None:
            return False
        numbered = pa.types.is_integer(labels.type)
        sized = pictures.row_bytes in {3 * side**2 for side in self.sides}
        there = set(columns) - {_PICTURES, self.labels}
        return (
            numbered
            and pa.types.is_binary(pictures.type)
            and sized
            and there - set(self.copies) == self.others
        )


PUBLISHED = (
    LabelledSet(
        name="Galaxy10 DECaLS",
        symbols="galaxy10-decals",
        labels="ans",
        others=frozenset({"ra", "dec", "pxscale"}),
        sides=frozenset({256}),
        copies={"redshift": "dec"},
    ),
    LabelledSet(
        name="GalaxyMNIST",
        symbols="galaxymnist",
        labels="labels",
        others=frozenset(),
        sides=frozenset({64, 224}),
        splits=("train", "test"),
    ),
)
"""Galaxy10 DECaLS (Leung & Bovy, Zenodo 10845026) and GalaxyMNIST (Walmsley et al.)."""


def recognise(columns: Mapping[str, Column]) -> LabelledSet | None:
    """Tell which published set a file with these columns is of, if it is of one."""
    return next((published for published in PUBLISHED if published.fits(columns)), None)
