"""``skylore search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from skylore.cli.options import ArchivePath

__all__ = ["register"]

Format = Literal["table", "json", "csv", "votable", "html"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(search)


def search(
    archive: ArchivePath,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What to look for.", show_default=False)
    ] = None,
    *,
    image: Annotated[
        Path | None, typer.Option(help="An image file to resemble.", show_default=False)
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar="ID", help="An object to resemble.", show_default=False)
    ] = None,
    vector: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npy", help="A vector of that space.", show_default=False),
    ] = None,
    minus: Annotated[
        list[str] | None, typer.Option(help="Words to push away from.", show_default=False)
    ] = None,
    cone: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"RA DEC RADIUS"', help="Only there; ICRS degrees.", show_default=False
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="SQL", help='Only these: "ellipticity > 0.6".', show_default=False),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many first.")] = 0,
    mode: Annotated[
        Literal["vector", "text", "hybrid"] | None,
        typer.Option(
            help="vector: by look; text: words of the captions; hybrid: both.", show_default=False
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Columns to show.", show_default=False),
    ] = None,
    exact: Annotated[bool | None, typer.Option(help="Never, or always, use an index.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write to a file: .csv .parquet .fits .vot .json .html",
            show_default=False,
        ),
    ] = None,
    output_format: Annotated[Format, typer.Option("--format", help="What to print.")] = "table",
) -> None:
    """Search in words, by image, object or vector, under filters.

    Several --minus and --cone may be given. With no TEXT and nothing to resemble, the objects that
    pass the filters are listed.
    """
    from skylore.archive.table import Archive
    from skylore.search.export import dumps
    from skylore.search.query import Query
    from skylore.search.vector_file import read_vector

    query = Query.build(
        text,
        image=image,
        like=like,
        vector=read_vector(vector) if vector else None,
        minus=minus,
        cone=cone,
        where=where,
        k=k,
        offset=offset,
        mode=mode,
        columns=tuple(name.strip() for name in columns.split(",")) if columns else None,
        exact=exact,
    )
    results = Archive.open(archive).answer(query)
    if output is not None:
        results.write(output)
        typer.echo(f"{len(results)} hits written to {output}", err=True)
        return
    typer.echo(dumps(results, output_format), nl=False)
    if query.mode is None and results.plan.method == "full text":
        typer.echo(f"searched the words of the captions: {results.plan.reason}", err=True)
    if results.message:
        typer.echo(results.message, err=True)
