"""``skylore ingest``."""

from __future__ import annotations

from typing import Annotated

import typer

from skylore.cli.options import ArchivePath, Quiet

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)


def ingest(
    archive: ArchivePath,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of images or FITS cutouts, a mosaic, Parquet, Arrow or a catalogue.",
            show_default=False,
        ),
    ],
    *,
    kind: Annotated[
        str | None,
        typer.Option(help="What SOURCE is, where that is not clear.", show_default=False),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column of ids.", show_default=False)
    ] = None,
    image_column: Annotated[
        str | None, typer.Option("--image", help="Column of image bytes.", show_default=False)
    ] = None,
    vector_column: Annotated[
        str | None,
        typer.Option("--vectors", help="Column of ready-made vectors.", show_default=False),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Name of the encoder behind --vectors.", show_default=False),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=8, help="Side of a mosaic's cutouts, pixels.", show_default=False),
    ] = None,
    join: Annotated[
        bool,
        typer.Option("--join", help="Add SOURCE's columns to objects that are here, by id."),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=0, help="At most so many objects.", show_default=False)
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what was set aside.")
    ] = False,
    keep_first: Annotated[
        bool, typer.Option("--keep-first", help="Where ids repeat, take the first of each.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Bring objects into an archive, which is made if there is none.

    Run it again to go on after an interruption, or to add what is new in SOURCE. Catalogue columns
    come along; a catalogue of known objects is added with --join.
    """
    from skylore import pipeline
    from skylore.intake.ingest import IngestOptions

    if join:
        typer.echo(pipeline.join(archive, source, id_column=id_column))
        return
    given = {
        "kind": kind,
        "id_column": id_column,
        "image_column": image_column,
        "vector_column": vector_column,
        "size": size,
    }
    options = IngestOptions(
        limit=limit,
        retry_failed=retry_failed,
        keep_first=keep_first,
        vector_encoder=encoder,
        progress=not quiet,
    )
    chosen = {name: value for name, value in given.items() if value is not None}
    _, report = pipeline.ingest(archive, source, options, **chosen)
    typer.echo(report)
