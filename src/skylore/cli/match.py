"""``skylore match``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skylore.cli.options import ArchivePath

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(match)


def match(
    archive: ArchivePath,
    positions: Annotated[
        Path,
        typer.Argument(
            metavar="POSITIONS",
            help="CSV, FITS, VOTable, Parquet … with ids and positions (ICRS degrees).",
            show_default=False,
        ),
    ],
    *,
    radius: Annotated[
        str, typer.Option(metavar="ANGLE", help="How near: 1arcsec, 500mas, 2arcmin.")
    ] = "1arcsec",
    every: Annotated[
        bool, typer.Option("--all/--nearest", help="All objects there, or the nearest alone.")
    ] = False,
    id_column: Annotated[
        str | None,
        typer.Option("--id", "--id-column", help="Column of the list's ids.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--out",
            "-o",
            help="Write to a file: .csv .parquet .fits .vot; else CSV is printed.",
            show_default=False,
        ),
    ] = None,
    keep_unmatched: Annotated[
        bool, typer.Option("--keep-unmatched", help="Write positions without an object too.")
    ] = False,
    join: Annotated[
        bool,
        typer.Option("--join", help="Add the columns of the list to the objects that match."),
    ] = False,
) -> None:
    """Find the objects at the positions of a list.

    Each line has the row of the list (from 0), its id, the id of the object and their separation
    in arcseconds.
    """
    import pyarrow as pa
    from pyarrow import csv

    from skylore.archive.table import Archive
    from skylore.matching.files import write_table
    from skylore.matching.service import join_matched, match_file, parse_angle

    opened = Archive.open(archive)
    found, listed = match_file(
        opened,
        positions,
        parse_angle(radius),
        which="all" if every else "nearest",
        id_column=id_column,
    )
    table = found.with_unmatched() if keep_unmatched else found.table
    if output is not None:
        write_table(table, output)
    elif not join:
        sink = pa.BufferOutputStream()
        csv.write_csv(table, sink)
        typer.echo(sink.getvalue().to_pybytes().decode(), nl=False)
    typer.echo(found, err=True)
    if join:
        typer.echo(join_matched(opened, found, listed, str(positions)))
