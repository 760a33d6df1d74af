"""The commands about an archive as a whole: what it holds, its indexes, and its upkeep."""

from __future__ import annotations

from typing import Annotated

import typer

from skylore.cli.maintain import check, compact, delete
from skylore.cli.options import ArchivePath

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (info, index, delete, compact, check):
        app.command()(command)


def info(
    archive: ArchivePath,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="List every row that was set aside, and why.")
    ] = False,
) -> None:
    """Show what an archive holds: rows, columns and how they came to be, sizes, failures."""
    import json

    from skylore.archive.info import describe
    from skylore.archive.table import Archive

    opened = Archive.open(archive)
    if failures:
        for row in opened.quarantine.read().to_pylist():
            typer.echo(f"{row['step']}\t{row['id']}\t{row['kind']}: {row['reason']}")
        return
    summary = describe(opened)
    typer.echo(json.dumps(summary.to_json(), indent=2) if as_json else str(summary))


def index(
    archive: ArchivePath,
    *,
    vector_rows: Annotated[
        int, typer.Option(min=256, help="Index vectors from so many rows on; fewer are scanned.")
    ] = 100_000,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build anew what is there.")] = False,
    audit: Annotated[
        bool,
        typer.Option("--audit", help="Measure what the index loses; build nothing."),
    ] = False,
    queries: Annotated[int, typer.Option(min=1, help="For --audit.")] = 100,
) -> None:
    """Index ids, positions, captions and vectors, or measure the index.

    Rows added later are searched at once; run this again to take them into the indexes.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive
    from skylore.search.audit import audit_index

    opened = Archive.open(archive)
    if audit:
        lines = [str(audit) for audit in audit_index(opened, queries=queries)]
    else:
        lines = pipeline.index(opened, vector_rows=vector_rows, rebuild=rebuild)
    for line in lines or ["every index is up to date"]:
        typer.echo(line)
