"""``skylore infer fit | logprob | sample | fill | unusual | check | plot``."""

from __future__ import annotations

import typer

from skylore.cli.infer.answers import fill, logprob, sample, unusual
from skylore.cli.infer.drawings import plot
from skylore.cli.infer.learning import check, fit
from skylore.cli.options import with_fill_options

__all__ = ["register"]

_HELP = """Learn the density of any column given any others, and ask for it.

fit learns a model of a table: an archive, or a CSV, Parquet, FITS, VOTable or HDF5 file. check
says how far to trust it, on rows that it has not learnt from. logprob, sample and unusual answer
for rows of a table; fill and unusual write columns of an archive, to filter and sort by.
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)
    for command in (fit, check, logprob, sample, with_fill_options(fill)):
        group.command()(command)
    for command in (with_fill_options(unusual), plot):
        group.command()(command)
    app.add_typer(group, name="infer")
