"""Laying out what a scaling experiment recorded: runs, laws, advice, and the figure."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import DOCUMENT, arguments, table
from skylore.archive.table import Archive
from skylore.scaling.account import FittedLaw, ScalingAccount, equation
from skylore.scaling.experiments.settings import Grid
from skylore.scaling.fitted import Bounds
from skylore.scaling.service import draw_runs

__all__ = ["document_text", "experiment_arguments", "figure_of", "grid_of"]


def experiment_arguments(description: str | None, sizes: str, widths: str) -> ArgumentParser:
    """Start a parser with the options of an experiment."""
    parser = arguments(description)
    parser.add_argument("--archive", type=Path, required=True, help="what is learnt from")
    parser.add_argument("--runs", type=Path, required=True, help="archive of runs, kept for reuse")
    parser.add_argument("--sizes", default=sizes)
    parser.add_argument("--widths", default=widths)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each run, for a quick look")
    return parser


def figure_of(name: str, options: Namespace) -> Path:
    """Say where the figure goes: into the document, or beside the runs."""
    folder = DOCUMENT.parent / "images" if options.write else options.runs.absolute().parent
    return Path(folder) / f"{name}.png"


def grid_of(sizes: str, widths: str, seeds: int) -> Grid:
    """Read the grid from its options."""
    first, second = (tuple(int(x) for x in text.split(",")) for text in (sizes, widths))
    return Grid(sizes=first, widths=second, seeds=seeds)


def document_text(
    figure: Path,
    runs: Archive,
    account: ScalingAccount,
    metrics: Sequence[str],
    baseline: list[object],
) -> str:
    """Draw the figure, and write tables of runs and laws, and what more labels would buy."""
    draw_runs(account, figure)
    advice = "\n".join(
        f"- {law.title}: {law.advice}{f' {law.remark}.' if law.remark else ''}"
        for law in account.laws
    )
    lack = f"\n\nNot fitted: {'; '.join(account.left_out)}." if account.left_out else ""
    return (
        f"{runs_table(runs, metrics, baseline)}\n\n{laws_table(account)}{lack}\n\n{advice}\n\n"
        f"![{account.name}: loss against data](images/{figure.name})"
    )


def runs_table(runs: Archive, metrics: Sequence[str], baseline: list[object]) -> str:
    """Give mean and standard deviation over seeds of loss and metrics, a row an amount of data."""
    columns = ["data", "width", "loss", *metrics, "parameters", "seconds"]
    rows = runs.read(columns, where="loss IS NOT NULL").to_pandas()
    widths = sorted(rows["width"].unique())
    header = ["D"]
    for width in widths:
        parameters = rows.loc[rows["width"] == width, "parameters"].iloc[0]
        header += [f"loss, {parameters:,} parameters", *(m.replace("_", " ") for m in metrics)]
    lines: list[list[object]] = [baseline + [""] * (len(header) - len(baseline))]
    for size, alike in rows.groupby("data"):
        line: list[object] = [f"{size:,}"]
        for width in widths:
            own = alike[alike["width"] == width]
            line += [spread(own[name].to_numpy()) for name in ("loss", *metrics)]
        lines.append(line)
    seconds = rows["seconds"].sum() / 60
    return f"{table(header, lines)}\n\n{len(rows)} runs, {seconds:.0f} minutes of training."


def spread(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    """Show mean and standard deviation."""
    if values.size < 2:
        return "".join(f"{value:.3f}" for value in values)
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def laws_table(account: ScalingAccount) -> str:
    """Give each law with its intervals."""
    header = ["runs", "law", "β", "α", "E", "loss at 4 × the data", "RMSLE at the largest D"]
    return table(header, [law_row(law) for law in account.laws])


def law_row(law: FittedLaw) -> list[object]:
    """Lay out one law; errors of extrapolation for all forms that were tried."""
    tried = law.comparison.trials if law.comparison is not None else ()
    errors = ", ".join(f"{one.form} {one.rmsle:.3f}" for one in tried if one.rmsle is not None)
    ahead = "; ".join(f"D = {size:,.0f}: {shown(b)}" for size, b in law.ahead.items())
    exponents = [shown(law.intervals.get(name)) for name in ("beta", "alpha", "E")]
    return [law.title, equation(law.fit.law), *exponents, ahead, errors]


def shown(bounds: Bounds | None) -> str:
    """Show an estimate with its interval."""
    if bounds is None:
        return ""
    return f"{bounds.estimate:.3g} [{bounds.low:.3g}, {bounds.high:.3g}]"
