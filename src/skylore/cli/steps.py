"""The commands that fill columns, and ``build``, which does whatever is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from skylore.cli.caption import caption
from skylore.cli.model_options import with_model_options
from skylore.cli.options import ArchivePath, with_fill_options
from skylore.cli.outcome import refuse_nothing_but_failures

if TYPE_CHECKING:
    from skylore.archive.fill import FillOptions

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (measure, with_model_options(caption), embed, align, build):
        app.command()(with_fill_options(command))


def measure(archive: ArchivePath, *, options: FillOptions) -> None:
    """Measure the structure of the object in each image.

    Sérsic index, ellipticity, Gini, M20, concentration, asymmetry, smoothness, radii, colour and
    companions become columns. Interrupt it whenever you like: it goes on where it stopped.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive

    opened = Archive.open(archive)
    report = pipeline.measure(opened, options)
    typer.echo(report)
    refuse_nothing_but_failures(opened, report)


def embed(
    archive: ArchivePath,
    *,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Image encoder: galaxy-nano (default), scattering, model:FOLDER, "
            "hf:ID-or-folder, aion:ID-or-folder, timm:NAME.",
            show_default=False,
        ),
    ] = None,
    text_encoder: Annotated[
        str | None,
        typer.Option(
            help="Text encoder: minilm (default), hf:ID-or-folder, openai:MODEL.",
            show_default=False,
        ),
    ] = None,
    options: FillOptions,
) -> None:
    """Turn images, and captions where there are some, into vectors.

    With galaxy-nano, and with CLIP or SigLIP (hf:…), images can then be searched in words: no
    captions and no training needed. AION-1 (aion:…) reads the flux that `ingest --flux` keeps.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive

    opened = Archive.open(archive)
    reports = pipeline.embed(opened, options, encoder=encoder, text_encoder=text_encoder)
    for report in reports:
        typer.echo(report)
    if not reports:
        typer.echo("embed: there are neither images nor captions to embed")
    refuse_nothing_but_failures(opened, *reports)


def align(
    archive: ArchivePath,
    *,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Train nothing: take this model, a folder or hub id; AION-Search as released.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the training.")] = 0,
    options: FillOptions,
) -> None:
    """Adapt the space that images and words share to the archive's own captions.

    It starts from the space that ships with galaxy-nano, and from nothing with other encoders. An
    archive that was aligned keeps its model, and new images are brought into its space; --overwrite
    trains anew.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive

    typer.echo(pipeline.align(Archive.open(archive), options, start=start, seed=seed))


def build(archive: ArchivePath, *, options: FillOptions) -> None:
    """Do whatever is missing, in order: measure, caption, embed, align, index."""
    from skylore import pipeline
    from skylore.archive.table import Archive

    for line in pipeline.build(Archive.open(archive), options):
        typer.echo(line)
