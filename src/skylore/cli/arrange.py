"""``skylore arrange``."""

from __future__ import annotations

from typing import Annotated

import typer

from skylore.cli.options import ArchivePath, Quiet, parse_bytes

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(arrange)


def arrange(
    archive: ArchivePath,
    *,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="For the rows under way.")] = "1GB",
    quiet: Quiet = False,
) -> None:
    """Write rows anew in the order of the sky, so that a region is read from few files.

    Nothing is lost if it is killed, and it goes on where it stopped. Indexes that were there are
    built anew.
    """
    from skylore import pipeline
    from skylore.archive.arranging import forecast
    from skylore.archive.table import Archive

    opened, size = Archive.open(archive), parse_bytes(memory)
    typer.echo(forecast(opened, size), err=True)
    for line in pipeline.arrange(opened, memory=size, progress=not quiet):
        typer.echo(line)
