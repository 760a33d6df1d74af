"""``skylore classify figures``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from skylore.cli.options import ArchivePath, OnlyWhere, Quiet

__all__ = ["figures"]


def figures(
    archive: ArchivePath,
    *,
    labels: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column of classes.", show_default=False)
    ],
    model: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The classifier.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the images go.")
    ] = Path("figures"),
    where: OnlyWhere = None,
    seen_too: Annotated[
        bool, typer.Option("--all", help="Objects that training saw as well, which flatters.")
    ] = False,
    method: Annotated[
        Literal["t-sne", "umap", "pca"] | None,
        typer.Option(
            "--map",
            help="How to flatten: t-sne where scikit-learn is there; umap takes umap-learn.",
            show_default=False,
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=4, help="Objects, by chance from more.")] = 2000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    quiet: Quiet = False,
) -> None:
    """Draw a classifier: map, image grid, queries, confusion and reliability.

    The map shows the space before training and after. Objects that training saw are left out.
    """
    from skylore.archive.table import Archive
    from skylore.classification.figures.drawing import draw_figures

    report = draw_figures(
        Archive.open(archive),
        labels,
        model,
        out,
        where=where,
        seen_too=seen_too,
        method=method,
        most=most,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(report)
