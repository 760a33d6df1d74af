"""``skylore infer fit | check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skylore.cli.infer.options import Given, Model, Seed, Table, names_in
from skylore.cli.model_options import given_of
from skylore.cli.options import GroupBy, Quiet

if TYPE_CHECKING:
    from skylore.density.settings import DensitySettings

__all__ = ["check", "fit"]


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
    head: Annotated[
        Literal["mixture", "diffusion"] | None,
        typer.Option(
            help="mixture (default): exact densities in one pass; diffusion: in 16 steps.",
            show_default=False,
        ),
    ] = None,
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
        "emphasis": names_in(target),
        "head": head,
        "members": members,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    chosen = _settings(settings, given_of(given))
    _, report = fit_density(
        table, model, names_in(columns), chosen, group=group_by, progress=not quiet
    )
    typer.echo(report)


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
    report, pits = measure(emulator, table, names_in(target), names_in(given), seed=seed)
    if plots is not None:
        from skylore.density.plots.calibration import plot_calibration

        plot_calibration(pits, plots)
    shown = report.model_dump_json(indent=2) if report_format == "json" else str(report)
    typer.echo(shown)


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
        where = f" ({file})" if file else ""
        raise ModelError(f"a density cannot be learnt so{where}: {reason}") from error
