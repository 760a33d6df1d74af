"""``skylore pretrain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylore.cli.options import ArchivePath, BatchSize, GroupBy, OnlyWhere, Quiet

if TYPE_CHECKING:
    from skylore.morphology.settings import PretrainSettings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pretrain)


def pretrain(
    archive: ArchivePath,
    *,
    model: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the encoder goes.", show_default=False)
    ],
    classes: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of classes.", show_default=False),
    ] = None,
    figures: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="Columns to learn by regression; `measurements` for all that were measured.",
            show_default=False,
        ),
    ] = None,
    votes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TREE",
            help="Vote counts, a column an answer: gz2, gz-decals or a JSON file.",
            show_default=False,
        ),
    ] = None,
    fractions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TREE", help="Vote fractions whose counts are not known.", show_default=False
        ),
    ] = None,
    published_head: Annotated[
        bool, typer.Option("--published-head", help="Zoobot's head for votes: α = 100 σ(z) + 1.")
    ] = False,
    self_supervision: Annotated[
        float | None,
        typer.Option(min=0, help="Weight of learning from images alone.", show_default=False),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ENCODER",
            help="Train this one on: galaxy-nano or model:FOLDER.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, show_default=False)] = None,
    batch_size: BatchSize = None,
    learning_rate: Annotated[float | None, typer.Option(show_default=False)] = None,
    pixels: Annotated[
        int | None, typer.Option(min=16, help="Side of the canvas.", show_default=False)
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=1, help="Channels of the first stage.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**31 - 1, show_default=False)] = None,
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="All settings; options win.", show_default=False),
    ] = None,
    where: OnlyWhere = None,
    group_by: GroupBy = None,
    quiet: Quiet = False,
) -> None:
    """Train an image encoder on an archive's labels, of any mixture, or on its images alone.

    Labels may be missing anywhere: an object teaches what is known of it. Interrupt it whenever
    you like: it goes on from its last checkpoint. A tenth of the objects is held out to report
    on. Then `skylore embed ARCHIVE --encoder model:FOLDER` uses the encoder.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive
    from skylore.morphology.labels import ClassLabels, VoteCounts, VoteFractions

    if published_head and not votes:
        raise typer.BadParameter("--published-head is for vote counts; name them with --votes")
    opened = Archive.open(archive)
    head = "published" if published_head else "free"
    sources = [
        *(ClassLabels(column=name) for name in classes or ()),
        *(VoteCounts(tree=name, head=head) for name in votes or ()),
        *(VoteFractions(tree=name) for name in fractions or ()),
        *_figures(figures),
    ]
    given = {
        "labels": tuple(sources) or None,
        "self_supervision": self_supervision,
        "start": start,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    sizes = {"pixels": pixels, "width": width}
    chosen = _settings(settings, _given(given), _given(sizes))
    report = pipeline.pretrain(
        opened, model, chosen, where=where, group=group_by, progress=not quiet
    )
    typer.echo(report)
    typer.echo(f"use it with: skylore embed {archive} --encoder model:{model} --overwrite")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _figures(names: str | None) -> list[Any]:
    from skylore.imaging.measurements import MEASUREMENT_SCHEMA
    from skylore.morphology.labels import FigureLabels

    if not names:
        return []
    if names == "measurements":
        unlearnable = {"measure_flag", "orientation"}
        columns = [name for name in MEASUREMENT_SCHEMA.names if name not in unlearnable]
    else:
        columns = [name.strip() for name in names.split(",")]
    return [FigureLabels(columns=tuple(columns))]


def _settings(file: Path | None, given: dict[str, Any], sizes: dict[str, Any]) -> PretrainSettings:
    from pydantic import ValidationError

    from skylore.errors import ModelError
    from skylore.explaining import explain
    from skylore.morphology.settings import PretrainSettings

    try:
        read = (
            PretrainSettings.model_validate_json(file.read_bytes()) if file else PretrainSettings()
        )
    except (OSError, ValidationError) as error:
        raise ModelError(f"the settings in {file} cannot be read: {explain(error)}") from error
    asked = read.model_dump()
    try:
        # Validated as a whole, since an option may be impossible, alone or with the file's.
        return PretrainSettings.model_validate(
            {**asked, **given, "network": {**asked["network"], **sizes}}
        )
    except ValidationError as error:
        raise ModelError(f"an encoder cannot be trained so: {explain(error)}") from error
