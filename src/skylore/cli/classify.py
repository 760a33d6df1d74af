"""``skylore classify fit | predict | evaluate | figures``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skylore.cli.classify_figures import figures
from skylore.cli.model_options import given_of
from skylore.cli.options import ArchivePath, BatchSize, GroupBy, OnlyWhere, Quiet, with_fill_options
from skylore.cli.outcome import refuse_nothing_but_failures
from skylore.cli.settings_file import read_settings

if TYPE_CHECKING:
    from skylore.archive.fill import FillOptions
    from skylore.classification.separation import Separation

__all__ = ["register"]

Labels = Annotated[
    str, typer.Option(metavar="COLUMN", help="The column of classes.", show_default=False)
]
Model = Annotated[Path, typer.Option(metavar="FOLDER", help="The classifier.", show_default=False)]
Way = Annotated[
    Literal["text", "symbol", "both", "neighbours", "linear", "combined"] | None,
    typer.Option(help="Classify so, not as suited the validation objects.", show_default=False),
]

Apart = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Arcsec within which objects are taken for one galaxy: a cutout's width, or 60 where "
        "that is unknown.",
        show_default=False,
    ),
]

_UNBOUNDED = 10**9
"""Steps: who asks for epochs gets them."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Learn classes from few labels, with schematic symbols and words.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command()(fit)
    group.command()(with_fill_options(predict))
    group.command()(evaluate)
    group.command()(figures)
    app.add_typer(group, name="classify")


def fit(
    archive: ArchivePath,
    *,
    labels: Labels,
    model: Model,
    objective: Annotated[
        Literal["tri-modal", "bimodal", "cross-entropy"] | None,
        typer.Option(
            help="tri-modal (default): images, symbols and words; bimodal: images and words; "
            "cross-entropy: neither.",
            show_default=False,
        ),
    ] = None,
    positives: Annotated[
        Literal["class", "pair"] | None,
        typer.Option(
            help="class (default): all of a class belong together; pair: as published.",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="To fine-tune: galaxy-nano (default), model:FOLDER, hf:ID-or-folder (CLIP, "
            "DINOv2, ViT, MAE, MSN, ResNet, ConvNeXt …), timm:hf-hub:ID or timm:local-dir:FOLDER "
            "(Zoobot and other ConvNeXts of timm).",
            show_default=False,
        ),
    ] = None,
    symbols: Annotated[
        str | None,
        typer.Option(
            help="words (default) draws what the classes' names say; or as `skylore symbols` "
            "takes them.",
            show_default=False,
        ),
    ] = None,
    mirror: Annotated[
        bool, typer.Option(help="Mirror images in training; not where classes are handed.")
    ] = True,
    where: OnlyWhere = None,
    group_by: GroupBy = None,
    separation: Apart = None,
    test: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.8,
            help="Share of the objects to keep back, on which `evaluate` judges then: 0.",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, help="At most so many: 40, or 600 steps if those are fewer.", show_default=False
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=3, help="Just so many steps, and no early end.", show_default=False),
    ] = None,
    batch_size: BatchSize = None,
    accumulate: Annotated[
        int | None, typer.Option(min=1, help="Batches to a step: 1.", show_default=False)
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(show_default=False)] = None,
    fewest: Annotated[
        int | None, typer.Option(min=2, help="Examples that a class needs: 5.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**31 - 1, show_default=False)] = None,
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="All settings; options win.", show_default=False),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Learn a column of classes.

    Begins with galaxy-nano, brings images, symbols and words of a class together, first by heads on
    its features and then by all of it, and stops when the objects that are held out no longer gain.
    Run it again to go on after an interruption. --test 0.2 keeps a fifth of the galaxies back, on
    which `skylore classify evaluate` judges, and which `figures` draws.
    """
    from skylore.archive.table import Archive
    from skylore.classification.service import fit_classifier
    from skylore.classification.settings import ClassifierSettings

    given = {
        "objective": objective,
        "positives": positives,
        "network": network,
        "symbols": symbols,
        "most_epochs": epochs,
        "most_steps": None if epochs is None else _UNBOUNDED,
        "test": test,
        "first_epochs": None if epochs is None else max(1, min(10, epochs // 2)),
        "steps": steps,
        "batch_size": batch_size,
        "accumulate": accumulate,
        "learning_rate": learning_rate,
        "fewest": fewest,
        "seed": seed,
        "augmentation": None if mirror else {"mirror": False},
    }
    report = fit_classifier(
        Archive.open(archive),
        labels,
        model,
        read_settings(
            ClassifierSettings, settings, given_of(given), "a classifier cannot be trained"
        ),
        where=where,
        group=group_by,
        separation=_separation(separation),
        progress=not quiet,
    )
    typer.echo(report)


def predict(
    archive: ArchivePath,
    *,
    model: Model,
    prefix: Annotated[
        str, typer.Option(help="Of the columns, of which models side by side take one each.")
    ] = "galaxalign",
    way: Way = None,
    options: FillOptions,
) -> None:
    """Fill the class of each image, and its probability, as columns.

    Then search on them: skylore search ARCHIVE "dust lane" --where "galaxalign_class = 'edge-on'".
    """
    from skylore.archive.table import Archive
    from skylore.classification.galaxalign import GalaxAlign

    opened = Archive.open(archive)
    report = GalaxAlign.load(model).fill(opened, options, prefix=prefix, way=way)
    typer.echo(report)
    refuse_nothing_but_failures(opened, report)


def evaluate(
    archive: ArchivePath,
    *,
    labels: Labels,
    model: Model,
    where: OnlyWhere = None,
    seen_too: Annotated[
        bool, typer.Option("--all", help="Objects that training saw as well, which flatters.")
    ] = False,
    separation: Apart = None,
    resamples: Annotated[int, typer.Option(min=20, help="Of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    report_format: Annotated[
        Literal["table", "json"], typer.Option("--format", help="What to print.")
    ] = "table",
    quiet: Quiet = False,
) -> None:
    """Measure a classifier: accuracy, F1, calibration, and similarity search by class.

    Objects that training saw are left out, by a digest of their ids that the model keeps, and so
    are those whose image overlaps one of theirs on the sky.
    """
    from skylore.archive.table import Archive
    from skylore.classification.evaluate import evaluate_classifier

    report = evaluate_classifier(
        Archive.open(archive),
        labels,
        model,
        where=where,
        seen_too=seen_too,
        separation=_separation(separation),
        resamples=resamples,
        seed=seed,
        progress=not quiet,
    )
    shown = json.dumps(report.to_json(), indent=2) if report_format == "json" else str(report)
    typer.echo(shown)


def _separation(given: float | None) -> Separation:
    return "cutout" if given is None else given or None
