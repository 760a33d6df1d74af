"""``skylore ingest``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from skylore.cli.options import ArchivePath, Quiet
from skylore.cli.outcome import refuse_nothing_but_failures

__all__ = ["register"]

CUTOUTS = "Images from a survey's cutout service"


def _cutout_option(name: str, help: str, **more: Any) -> Any:  # noqa: A002, ANN401 - as typer's own
    return typer.Option(name, help=help, show_default=False, rich_help_panel=CUTOUTS, **more)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)


def ingest(
    archive: ArchivePath,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of images or FITS cutouts, a mosaic, Parquet, Arrow, HDF5 (Multimodal "
            "Universe), a HATS catalogue, a table, or with --cutouts a list of positions.",
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
        typer.Option(min=8, help="Side of cutouts, pixels.", show_default=False),
    ] = None,
    flux: Annotated[
        bool,
        typer.Option(
            "--flux", help="Keep the flux of HDF5 and Parquet too, for AION and the like."
        ),
    ] = False,
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
    update: Annotated[
        bool,
        typer.Option("--update", help="Replace objects that are here where SOURCE has changed."),
    ] = False,
    cutouts: Annotated[
        str | None,
        _cutout_option(
            "--cutouts",
            "SOURCE is a list of positions (id, ra, dec), and the images come from this service: "
            "legacy, or hsc (account in SSP_PDR_USR and SSP_PDR_PWD, or ~/.netrc).",
            metavar="SERVICE",
        ),
    ] = None,
    cutout_url: Annotated[
        str | None, _cutout_option("--cutout-url", "A mirror of the service.", metavar="URL")
    ] = None,
    layer: Annotated[
        str | None,
        _cutout_option("--layer", "Layer (default ls-dr10), or HSC's rerun (pdr3_wide)."),
    ] = None,
    bands: Annotated[
        str | None, _cutout_option("--bands", "A letter a band (griz; for hsc gri).")
    ] = None,
    pixscale: Annotated[
        float | None, _cutout_option("--pixscale", "Arcseconds a pixel (default 0.262).")
    ] = None,
    file_format: Annotated[
        str | None,
        _cutout_option("--file-format", "fits, whose flux is drawn here (default), or jpeg."),
    ] = None,
    cutout_cache: Annotated[
        str | None,
        _cutout_option(
            "--cutout-cache",
            "Folder of what was fetched, so that nothing is fetched twice (0.4 MB an object as "
            "fits; default ~/.cache/skylore/cutouts).",
            metavar="FOLDER",
        ),
    ] = None,
    concurrency: Annotated[
        int | None, _cutout_option("--concurrency", "Requests at a time (default 4).")
    ] = None,
    per_second: Annotated[
        float | None, _cutout_option("--per-second", "Requests a second, at most (default 5).")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Bring objects into an archive, which is made if there is none.

    Run it again to go on after an interruption, or to add what is new in SOURCE. Catalogue columns
    come along; a catalogue of known objects is added with --join.

    skylore ingest A positions.csv --cutouts legacy fetches an image of each position, politely. A
    position without an image is set aside, and not asked for again.
    """
    from skylore import pipeline
    from skylore.intake.ingest import IngestOptions

    if join and cutouts is not None:
        raise typer.BadParameter("--join adds columns, and --cutouts images; say them one by one")
    if encoder is not None and vector_column is None:
        raise typer.BadParameter("--encoder names what made ready-made vectors; say --vectors too")
    if join:
        typer.echo(pipeline.join(archive, source, id_column=id_column))
        return
    given: dict[str, object] = {
        "kind": kind,
        "id_column": id_column,
        "image_column": image_column,
        "vector_column": vector_column,
        "size": size,
        "keep_flux": flux or None,
    }
    fetching = {
        "url": cutout_url,
        "layer": layer,
        "bands": bands,
        "pixscale": pixscale,
        "file_format": file_format,
        "cache": cutout_cache,
        "concurrency": concurrency,
        "per_second": per_second,
    }
    if cutouts is not None:
        given |= {"kind": "cutouts", "service": cutouts, **fetching}
    elif any(value is not None for value in fetching.values()):
        raise typer.BadParameter("these options of cutout services need --cutouts SERVICE")
    options = IngestOptions(
        limit=limit,
        retry_failed=retry_failed,
        keep_first=keep_first,
        update=update,
        vector_encoder=encoder,
        progress=not quiet,
    )
    chosen = {name: value for name, value in given.items() if value is not None}
    opened, report = pipeline.ingest(archive, source, options, **chosen)
    typer.echo(report)
    refuse_nothing_but_failures(opened, report)
