"""What files of rows have in common, whatever their format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import SourceError
from skylore.sources.walk import printable

__all__ = ["Piece", "RowFiles", "one_line", "unified"]


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of one file.

    Attributes
    ----------
    file
        The file's name, relative to the folder where there is one.
    first
        The first row's number in the file.
    start
        The first row's number in the sequence of all files.
    table
        The rows.
    """

    file: str
    first: int
    start: int
    table: pa.Table


class RowFiles(Protocol):
    """One file, or all those below a folder, as one sequence of rows."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of all files; one that a file lacks is null there."""

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of rows of each file."""

    def scan(
        self, columns: Sequence[str], rows: int, wanted: NDArray[np.bool_] | None = None
    ) -> Iterator[Piece]:
        """Read columns in pieces of at most ``rows`` rows, in order.

        Parameters
        ----------
        columns
            The columns to read.
        rows
            The largest number of rows in a piece.
        wanted
            One flag a row. Pieces without a wanted row may be left out, unread where the format
            allows it; the others come whole.
        """


def unified(schemas: Sequence[pa.Schema], root: Path) -> pa.Schema:
    """Join the columns of files.

    Raises
    ------
    SourceError
        If a column has types that have none in common.
    """
    bare = [schema.remove_metadata() for schema in schemas]
    if all(schema.equals(bare[0]) for schema in bare):
        return bare[0]
    try:
        return pa.unify_schemas(bare, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SourceError(
            f"The files below {printable(root)} do not have the same columns: "
            f"{one_line(error)}. Ingest them one by one."
        ) from error


def one_line(error: Exception) -> str:
    """Give the message of an error without line breaks."""
    return " ".join(str(error).split())
