"""``skylore infer logprob | sample | fill | unusual``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skylore.cli.infer.options import Given, Model, Out, Seed, Table, Target, Targets, names_in
from skylore.cli.options import ArchivePath
from skylore.cli.outcome import refuse_nothing_but_failures

if TYPE_CHECKING:
    from skylore.archive.fill import FillOptions

__all__ = ["fill", "logprob", "sample", "unusual"]


def logprob(table: Table, *, model: Model, target: Targets, given: Given = None, out: Out) -> None:
    """Write the log density of each row's own value, in nats, in the column's own unit.

    Several targets give their joint density: the mean of those that up to four orders of the chain
    rule give, whatever order they are named in. How far the orders differ is told.
    """
    from skylore.density.asking import write_logprob
    from skylore.density.emulator import DensityEmulator

    emulator = DensityEmulator.load(model)
    typer.echo(write_logprob(emulator, table, names_in(target) or [], names_in(given), out))


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
    """Write draws of columns given others, a line a draw.

    Several targets are drawn jointly: one after the other in that order, each given those before.
    """
    from skylore.density.asking import write_samples
    from skylore.density.emulator import DensityEmulator

    emulator = DensityEmulator.load(model)
    wanted, known = names_in(target) or [], names_in(given)
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

    Then search on them: skylore search ARCHIVE "spiral" --where "p(redshift > 0.3) > 0.9", where
    redshift is above 0.3 with more than 90 %; `skylore infer unusual` finds the odd ones.
    """
    from skylore.archive.table import Archive
    from skylore.density.steps import Infer, check_known, emulator_in

    names, opened = names_in(given), Archive.open(archive)
    check_known(emulator_in(str(model)), opened.schema.names, [target], names)
    step = Infer(str(model), target, None if names is None else tuple(names))
    report = opened.fill(step, options)
    typer.echo(report)
    refuse_nothing_but_failures(opened, report)


def unusual(
    table: Table,
    *,
    model: Model,
    target: Targets,
    given: Given = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write there, .parquet, .csv, .fits or .vot, instead of into the archive.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of the column NAME_unusual: the targets.", show_default=False
        ),
    ] = None,
    options: FillOptions,
) -> None:
    """Say how unusual each row's own values are, given others.

    A number from 0 to 1: the share of what could be that is as unlikely as what is, or less. It
    is uniform where nothing is odd, so that one row in a thousand is below 0.001 by chance. Several
    targets are taken together, over up to four orders of the chain rule, whatever order they are
    named in.

    In an archive it becomes the column TARGET_unusual. The oddest objects first: skylore search
    ARCHIVE --sort redshift_unusual; or only the odd ones: --where "redshift_unusual < 0.001".
    """
    from skylore.density.asking import write_unusual
    from skylore.density.steps import check_known, emulator_in

    names, known = names_in(target) or [], names_in(given)
    if out is not None:
        typer.echo(write_unusual(emulator_in(str(model)), table, names, known, out))
        return
    from skylore.density.tables import is_archive
    from skylore.density.unusual_step import Unusual

    if not is_archive(table):
        raise typer.BadParameter(f"{table} is no archive: say where to write, with --out FILE")
    from skylore.archive.table import Archive

    opened = Archive.open(table)
    check_known(emulator_in(str(model)), opened.schema.names, names, known)
    step = Unusual(str(model), tuple(names), None if known is None else tuple(known), label)
    report = opened.fill(step, options)
    typer.echo(report)
    refuse_nothing_but_failures(opened, report)
