"""``skylore infer fit | logprob | sample | fill | check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skylore.cli.model_options import given_of
from skylore.cli.options import ArchivePath, GroupBy, Quiet, with_fill_options

if TYPE_CHECKING:
    from skylore.archive.fill import FillOptions
    from skylore.density.settings import DensitySettings

__all__ = ["register"]

Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="An archive, or a CSV, Parquet, FITS, VOTable or HDF5 file.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Option(metavar="FOLDER", help="The emulator.", show_default=False)]
Target = Annotated[
    str, typer.Option(metavar="COLUMN", help="What is asked for.", show_default=False)
]
Targets = Annotated[
    str, typer.Option("--target", metavar="A,B,…", help="What is asked for.", show_default=False)
]
Given = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,…",
        help='What is known: all other columns if not given, nothing if "".',
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(metavar="FILE", help=".parquet, .csv, .fits or .vot.", show_default=False),
]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of the draws.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Learn the density of any column given any others, and ask for it.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for command in (fit, logprob, sample, with_fill_options(fill), check):
        group.command()(command)
    app.add_typer(group, name="infer")


def fit(
    table: Table,
    *,
    model: Model,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…", help="Only these; all that can be if not given.", show_default=False
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…", help="Columns to learn best: half of the work.", show_default=False
        ),
    ] = None,
    group_by: GroupBy = None,
    members: Annotated[
        int | None, typer.Option(min=1, help="Networks to average: 2.", show_default=False)
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="At most so many.", show_default=False)
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**31 - 1, show_default=False)] = None,
    settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="All settings; options win.", show_default=False),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Learn the columns of a table.

    A column x_err holds the errors of x. Values such as -999 are told from real ones, and reported.
    Run it again to go on after an interruption.
    """
    from skylore.density.service import fit_density

    given = {
        "emphasis": _names(target),
        "members": members,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    chosen = _settings(settings, given_of(given))
    _, report = fit_density(
        table, model, _names(columns), chosen, group=group_by, progress=not quiet
    )
    typer.echo(report)


def logprob(table: Table, *, model: Model, target: Targets, given: Given = None, out: Out) -> None:
    """Write the log density of each row's own value, in nats, in the column's own unit.

    Several targets give their joint density, by the chain rule in that order.
    """
    from skylore.density.asking import write_logprob
    from skylore.density.emulator import DensityEmulator

    emulator = DensityEmulator.load(model)
    typer.echo(write_logprob(emulator, table, _names(target) or [], _names(given), out))


def sample(
    table: Table,
    *,
    model: Model,
    target: Targets,
    given: Given = None,
    draws: Annotated[int, typer.Option("-n", "--draws", min=1, help="Of each row.")] = 200,
    seed: Seed = 0,
    out: Out,
) -> None:
    """Write draws of columns given others, a line a draw; several targets are drawn jointly."""
    from skylore.density.asking import write_samples
    from skylore.density.emulator import DensityEmulator

    emulator = DensityEmulator.load(model)
    wanted, known = _names(target) or [], _names(given)
    typer.echo(write_samples(emulator, table, wanted, known, out, draws=draws, seed=seed))


def fill(
    archive: ArchivePath,
    *,
    model: Model,
    target: Target,
    given: Given = None,
    options: FillOptions,
) -> None:
    """Fill what a column could be, given the others: mean, quantiles, and how usual its value is.

    Then search on them: skylore search ARCHIVE "spiral" --where "redshift_q100 > 0.3", which is
    where redshift is above 0.3 with 90 %; the most unusual are where redshift_logp is lowest.
    """
    from skylore.archive.table import Archive
    from skylore.density.steps import Infer

    names = _names(given)
    step = Infer(str(model), target, None if names is None else tuple(names))
    typer.echo(Archive.open(archive).fill(step, options))


def check(
    table: Table,
    *,
    model: Model,
    target: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="All columns if not given.", show_default=False),
    ] = None,
    given: Given = None,
    plots: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="For PIT and coverage.", show_default=False),
    ] = None,
    seed: Seed = 0,
    report_format: Annotated[
        Literal["table", "json"], typer.Option("--format", help="What to print.")
    ] = "table",
) -> None:
    """Measure calibration: log density, CRPS, PIT and coverage, with intervals.

    Give rows that the emulator has not learnt from: on others, figures flatter.
    """
    from skylore.density.calibration import check as measure
    from skylore.density.emulator import DensityEmulator

    emulator = DensityEmulator.load(model)
    report, pits = measure(emulator, table, _names(target), _names(given), seed=seed)
    if plots is not None:
        from skylore.density.plots import plot_calibration

        plot_calibration(pits, plots)
    shown = report.model_dump_json(indent=2) if report_format == "json" else str(report)
    typer.echo(shown)


def _names(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def _settings(file: Path | None, given: dict[str, Any]) -> DensitySettings:
    from pydantic import ValidationError

    from skylore.density.settings import DensitySettings
    from skylore.errors import ModelError
    from skylore.explaining import explain

    try:
        read = json.loads(file.read_bytes()) if file else {}
        return DensitySettings.model_validate({**read, **given})
    except (OSError, ValueError, ValidationError, TypeError) as error:
        reason = explain(error) if isinstance(error, (OSError, ValueError)) else str(error)
        raise ModelError(f"a density cannot be learnt so: {reason}") from error
