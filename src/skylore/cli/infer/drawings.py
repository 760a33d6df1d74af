"""``skylore infer plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from skylore.cli.infer.options import Given, Model, Seed, Table, names_in

__all__ = ["plot"]

_ABREAST = 6


def plot(
    kind: Annotated[
        Literal["marginals", "conditionals", "conditional", "corner", "calibration"],
        typer.Argument(metavar="KIND", help="marginals, conditionals, corner or calibration."),
    ],
    table: Table,
    *,
    model: Model,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…", help="What is drawn; all columns if not given.", show_default=False
        ),
    ] = None,
    given: Given = None,
    row: Annotated[
        list[int] | None,
        typer.Option(
            min=0, help="Of this row, counted from 0; may be repeated.", show_default=False
        ),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help=".png, .pdf or .svg; calibration of several columns: a folder.",
            show_default=False,
        ),
    ],
) -> None:
    """Draw densities beside the data.

    marginals: each column given nothing, over a histogram. conditionals: what a column could be in
    a --row, with the value that it has. corner: joint draws of several columns over the data, or
    of what one --row could be. calibration: PIT histogram and coverage of each column.
    """
    if row and kind in {"marginals", "calibration"}:
        raise typer.BadParameter(f"{kind} are of all rows: a --row has conditionals or a corner")
    if kind == "calibration" and out.suffix and len(names_in(target) or []) != 1:
        raise typer.BadParameter("calibration of several columns needs a folder: --out FOLDER")
    if given is not None and kind == "marginals":
        raise typer.BadParameter("marginals are given nothing: leave out --given")
    from skylore.density.steps import emulator_in

    emulator = emulator_in(str(model))
    names, known, rows = names_in(target), names_in(given), row or []
    if kind == "marginals":
        from skylore.density.plots.marginals import plot_marginals

        files = [plot_marginals(emulator, table, out, names)]
    elif kind in {"conditional", "conditionals"}:
        from skylore.density.plots.conditionals import plot_conditionals

        if names is None or len(names) != 1:
            raise typer.BadParameter("conditionals are drawn of one --target")
        files = [plot_conditionals(emulator, table, out, names[0], given=known, rows=rows or [0])]
    elif kind == "corner":
        from skylore.density.plots.corner import plot_corner

        if len(rows) > 1:
            raise typer.BadParameter("a corner plot is drawn of one --row, or of all")
        numbers = names or [c.name for c in emulator.columns if not c.is_categorical][:_ABREAST]
        one = rows[0] if rows else None
        files = [plot_corner(emulator, table, out, numbers, given=known, row=one, seed=seed)]
    else:
        from skylore.density.calibration import pits_of
        from skylore.density.plots.calibration import plot_calibration

        files = plot_calibration(pits_of(emulator, table, names, known, seed=seed), out)
    for file in files:
        typer.echo(f"drawn: {file}")
