"""What a source of objects must provide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["Failure", "Source", "SourceBatch"]


@dataclass(frozen=True)
class Failure:
    """An object that could not be read, and why."""

    id: str | int
    error: Exception


@dataclass(frozen=True)
class SourceBatch:
    """Some objects of a source.

    Attributes
    ----------
    objects
        One row an object. ``id`` (string or int64) is required. Optional: ``image`` (binary:
        encoded image bytes in any format that :func:`skylore.imaging.decode.to_display` reads),
        ``image_rendering`` (string: how the source made the image from its data; null where the
        bytes are as found), ``ra`` and ``dec`` (float64, ICRS degrees), ``image_vector``
        (fixed-size list of float16 or float32), ``source_item`` (string: the file, row or
        position it came from). All other columns are catalogue columns.
    failures
        Objects left out, with the reason.
    """

    objects: pa.Table
    failures: tuple[Failure, ...] = field(default=())


@runtime_checkable
class Source(Protocol):
    """Objects to be ingested, in a fixed order.

    A source may also have ``rows_a_batch``, how many objects a batch should best hold.
    """

    @property
    def name(self) -> str:
        """Where the objects come from, as recorded with each of them; without credentials."""

    @property
    def settings(self) -> Mapping[str, object]:
        """What else must be known to read the source again in the same way (JSON values)."""

    @property
    def remarks(self) -> Sequence[str]:
        """What to tell the user once it is read: what was renamed, left out or not understood."""

    def ids(self) -> pa.Array:
        """All ids, in order, strings or int64, duplicates included; cheap beside the images."""

    def batches(self, wanted: NDArray[np.bool_], rows: int) -> Iterator[SourceBatch]:
        """Read the objects whose ids are ``wanted``, at most ``rows`` of them at a time.

        Parameters
        ----------
        wanted
            One flag an id of :meth:`ids`, so that a resumed ingest reads only what it lacks.
        rows
            The largest number of objects in a batch.
        """
