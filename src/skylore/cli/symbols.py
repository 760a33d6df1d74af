"""``skylore symbols``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(symbols)


def symbols(
    source: Annotated[
        str,
        typer.Argument(
            help="galaxy10-decals, galaxymnist, tree:gz2, tree:gz-decals, words, a JSON file, or a "
            "folder of drawings.",
        ),
    ] = "galaxy10-decals",
    *,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…", help="Only these; with 'words' any names.", show_default=False
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The image to write.")] = Path(
        "symbols.png"
    ),
    each: Annotated[int, typer.Option(min=1, max=64, help="Drawings of each class.")] = 8,
    size: Annotated[int, typer.Option(min=16, max=1024, help="Pixels of one's side.")] = 96,
    seed: Annotated[int, typer.Option(help="Equal seeds draw equal sheets.")] = 0,
) -> None:
    """Draw a sheet of schematic symbols, as a classifier learns from them.

    Symbols are line drawings of what a class looks like: skylore symbols words --classes "barred
    spiral,edge-on,ring". Figures such as bar, arms and pitch vary within a class, and each drawing
    is turned at random.
    """
    from skylore.symbols.library import load_symbols
    from skylore.symbols.sheet import draw_sheet

    wanted = [name.strip() for name in classes.split(",")] if classes else None
    found = load_symbols(source, wanted)
    sheet = draw_sheet(found, classes=wanted, each=each, size=size, seed=seed)
    output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(output)
    typer.echo(f"{len(wanted or found.classes)} classes, {each} symbols each: {output}")
