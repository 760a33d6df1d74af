"""``skylore export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from skylore.cli.options import ArchivePath, Quiet

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    archive: ArchivePath,
    folder: Annotated[Path, typer.Argument(help="Missing or empty.", show_default=False)],
    *,
    form: Annotated[
        Literal["hats", "parquet"],
        typer.Option("--format", help="hats: partitioned over the sky, for LSDB; or plain files."),
    ] = "hats",
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="These; all but images if none.", show_default=False),
    ] = None,
    rows_a_file: Annotated[int, typer.Option(min=1, help="At most.")] = 1_000_000,
    quiet: Quiet = False,
) -> None:
    """Write an archive's columns, vectors included, as Parquet that other programs read."""
    from skylore.archive.table import Archive
    from skylore.exporting.service import export as write

    report = write(
        Archive.open(archive),
        folder,
        form=form,
        columns=[name.strip() for name in columns.split(",")] if columns else None,
        rows_a_file=rows_a_file,
        progress=not quiet,
    )
    typer.echo(report)
