"""Options that several commands of ``skylore infer`` have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Given", "Model", "Out", "Seed", "Table", "Target", "Targets", "names_in"]

Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="An archive, or a CSV, Parquet, FITS, VOTable or HDF5 file.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Option(metavar="FOLDER", help="The emulator.", show_default=False)]
Target = Annotated[
    str, typer.Option(metavar="COLUMN", help="What is asked for.", show_default=False)
]
Targets = Annotated[
    str, typer.Option("--target", metavar="A,B,…", help="What is asked for.", show_default=False)
]
Given = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,…",
        help='What is known: all other columns if not given, nothing if "".',
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(metavar="FILE", help=".parquet, .csv, .fits or .vot.", show_default=False),
]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of the draws.")]


def names_in(text: str | None) -> list[str] | None:
    """Part names at their commas; None where none were given."""
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]
