"""The commands about an archive as a whole: what it holds, its indexes, and its upkeep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from skylore.cli.maintain import check, compact, delete
from skylore.cli.options import ArchivePath, Engine, Quiet, Workers, check_workers

if TYPE_CHECKING:
    from skylore.archive.table import Archive

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
    code_bytes: Annotated[
        int, typer.Option(min=8, max=1024, help="Bytes kept of each vector: see --plan.")
    ] = 128,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Say what each compression takes and loses; build nothing."),
    ] = False,
    audit: Annotated[
        bool,
        typer.Option("--audit", help="Measure what the index loses and takes; build nothing."),
    ] = False,
    queries: Annotated[int, typer.Option(min=1, help="For --audit.")] = 100,
    recall: Annotated[
        float, typer.Option(min=0.01, max=0.999, help="For --plan and --audit.")
    ] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="For --plan and --audit.")] = False,
    engine: Engine = None,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Index ids, positions, filters, captions and vectors, or measure the index.

    Rows added later are searched at once; run this again to take them into the indexes. With
    --engine, the codes of vectors are made on a cluster; the other indexes, in this process.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive
    from skylore.search.codes.options import CodeOptions

    check_workers(engine, workers)
    opened = Archive.open(archive)
    if plan:
        _print_plan(opened, recall, as_json=as_json)
        return
    if audit:
        _print_audit(opened, queries, recall, as_json=as_json)
        return
    lines = pipeline.index(
        opened,
        vector_rows=vector_rows,
        codes=CodeOptions(bytes_a_row=code_bytes, progress=not quiet),
        rebuild=rebuild,
        say=None if quiet else lambda text: typer.echo(text, err=True),
        engine=engine,
        workers=workers,
    )
    for line in lines or ["every index is up to date"]:
        typer.echo(line)


def _print_plan(archive: Archive, recall: float, *, as_json: bool) -> None:
    import json

    from skylore.archive.schema import VECTORS
    from skylore.search.codes.compression import HEADER, compare_compressions

    there = [n for n in VECTORS if n in archive.schema.names and archive.filled(n)]
    found = {name: compare_compressions(archive, name, recall=recall) for name in there}
    if as_json:
        values = {name: [each.to_json() for each in tried] for name, tried in found.items()}
        typer.echo(json.dumps(values, indent=2))
        return
    for name, tried in found.items():
        typer.echo(f"{name}: {archive.filled(name)} rows; read in full for a recall of {recall}")
        typer.echo("\n".join([HEADER, *map(str, tried)]))


def _print_audit(archive: Archive, queries: int, recall: float, *, as_json: bool) -> None:
    import json

    from skylore.search.audit import audit_index

    audits = audit_index(archive, queries=queries, recall=recall)
    if as_json:
        typer.echo(json.dumps([audit.to_json() for audit in audits], indent=2))
        return
    for audit in audits:
        typer.echo(audit)
