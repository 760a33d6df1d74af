"""``skylore demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    *,
    folder: Annotated[
        Path, typer.Option("--dir", help="Where hdf.skylore and the page of results go.")
    ] = Path("demo"),
    seconds: Annotated[
        float,
        typer.Option(
            "--measure-seconds", min=1, help="How long to measure galaxies, the slowest stage."
        ),
    ] = 20,
) -> None:
    """Find the galaxies of the Hubble Deep Field, describe them, and search them in words.

    Needs no network. What is there already is reused; a folder that is not the demo's is left
    alone.
    """
    from skylore.demo import run

    run(folder, measure_seconds=seconds)
