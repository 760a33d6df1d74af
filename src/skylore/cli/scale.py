"""``skylore scale``: how a model improves with labels, and what more of them would buy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skylore.cli.options import ArchivePath, BatchSize, GroupBy, OnlyWhere, with_fill_options

if TYPE_CHECKING:
    from skylore.archive.fill import FillOptions

__all__ = ["register"]

_HELP = "Train on nested subsets, fit the scaling law, and say what more labels would buy."

RunsPath = Annotated[
    str, typer.Argument(metavar="RUNS", help="Archive of training runs.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    scale = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)
    scale.command("run")(with_fill_options(run))
    scale.command("fit")(fit)
    app.add_typer(scale, name="scale")


def numbers(text: str) -> tuple[int, ...]:
    """Read ``250,500,1000``."""
    try:
        return tuple(int(part) for part in str(text).split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list such as 250,500,1000") from None


def run(
    archive: ArchivePath,
    *,
    runs: Annotated[
        str,
        typer.Option(metavar="RUNS", help="Archive for the runs, a row each.", show_default=False),
    ],
    task: Annotated[
        str,
        typer.Option(help="classification, votes or alignment.", show_default=False),
    ],
    label: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column of classes; for votes the tree: gz2, gz-decals or a JSON file.",
            show_default=False,
        ),
    ] = None,
    sizes: Annotated[
        str, typer.Option(metavar="D,D,…", help="Objects to learn from.")
    ] = "250,500,1000,2000,4000",
    widths: Annotated[
        str,
        typer.Option(
            metavar="W,W,…",
            help="Model sizes: channels of the first stage, or entries of the shared vectors.",
        ),
    ] = "8,16,32",
    seeds: Annotated[
        int, typer.Option(help="Runs of each size and width, each with its own subsets.")
    ] = 3,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of each run; by default 24 passes, and never fewer than 300 steps.",
            show_default=False,
        ),
    ] = None,
    batch_size: BatchSize = None,
    pixels: Annotated[
        int | None, typer.Option(help="Side of what an encoder sees.", show_default=False)
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            help="1 for the whole image; 2 for its middle half as well.", show_default=False
        ),
    ] = None,
    test: Annotated[
        float | None,
        typer.Option(help="Share of the objects that all runs are tested on.", show_default=False),
    ] = None,
    where: OnlyWhere = None,
    group_by: GroupBy = None,
    work: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="For decoded images and checkpoints.", show_default=False
        ),
    ] = None,
    options: FillOptions,
) -> None:
    """Train a model at every size, width and seed, and record each as a row.

    Subsets of a seed are nested, and all runs are tested on the same objects. Interrupt it whenever
    you like, and run it again to go on, or to add sizes, widths and seeds.
    """
    from skylore.archive.table import Archive
    from skylore.scaling.experiments.making import make_experiment
    from skylore.scaling.experiments.settings import Grid
    from skylore.scaling.service import run_experiment

    experiment = make_experiment(
        task,
        label,
        steps=steps,
        batch_size=batch_size,
        pixels=pixels,
        frames=frames,
        test=test,
        where=where,
        group_by=group_by,
    )
    grid = Grid(sizes=numbers(sizes), widths=numbers(widths), seeds=seeds)
    typer.echo(run_experiment(Archive.open(archive), runs, experiment, grid, options, work=work))
    typer.echo(f"see what it says with: skylore scale fit {runs}")


def fit(
    runs: RunsPath,
    *,
    law: Annotated[
        Literal["best", "floor", "power", "joint", "broken"],
        typer.Option(
            help="floor (E + B·D^−β), power, joint (with parameters), broken; best takes what "
            "foretells the largest size best."
        ),
    ] = "best",
    more: Annotated[float, typer.Option(help="Labels that would be added …")] = 10_000,
    now: Annotated[
        float | None,
        typer.Option(help="… to so many; the largest size if not given.", show_default=False),
    ] = None,
    cost_per_label: Annotated[
        float | None, typer.Option(help="In any currency, or in hours.", show_default=False)
    ] = None,
    width: Annotated[int | None, typer.Option(help="This model alone.", show_default=False)] = None,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.9,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw it too.", show_default=False)
    ] = None,
    format: Annotated[  # noqa: A002 - the name of the option
        Literal["text", "json"], typer.Option(help="Of the answer.")
    ] = "text",
) -> None:
    """Fit laws to finished runs, with intervals, and say what more labels would buy."""
    import json

    from skylore.archive.table import Archive
    from skylore.scaling.service import draw_runs, fit_runs
    from skylore.scaling.verdict import Asked

    asked = Asked(law, more, now, cost_per_label, width, confidence)
    account = fit_runs(Archive.open(runs), asked)
    if figure is not None:
        draw_runs(account, figure)
    typer.echo(json.dumps(account.to_dict(), indent=2) if format == "json" else account)
