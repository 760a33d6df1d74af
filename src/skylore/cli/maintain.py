"""``skylore delete``, ``skylore compact`` and ``skylore check``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skylore.cli.options import ArchivePath, Quiet, parse_bytes

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["check", "compact", "delete", "parse_days"]

DAYS = {"s": 1 / 86_400, "m": 1 / 1_440, "h": 1 / 24, "d": 1, "w": 7}


def parse_days(text: str) -> float:
    """Read a duration such as ``7d``, ``12h`` or ``30m`` in days.

    Raises
    ------
    typer.BadParameter
        It is not a duration.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", str(text))
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; write 7d, 12h or 30m")
    return float(match[1]) * DAYS[match[2]]


def delete(
    archive: ArchivePath,
    *,
    where: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="Those: \"flag = 'star'\".", show_default=False),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Those: an id a line.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete objects, in one commit.

    An object that is still in its source comes back when that is ingested again. The space is freed
    by ``skylore compact``, and until then earlier versions can be opened.
    """
    from skylore.archive.table import Archive
    from skylore.errors import ArchiveError
    from skylore.search.predicate import compile_for

    if (where is None) == (ids is None):
        raise typer.BadParameter("say which objects: --where SQL or --ids FILE")
    opened = Archive.open(archive)
    if where is not None:
        chosen = compile_for(opened.schema, where)
        count = opened.count(chosen)
    else:
        listed = _read_ids(opened, ids or Path())
        count = opened.rows_of(listed).num_rows
        if listed and not count:
            raise ArchiveError(
                f"none of the {len(listed)} lines of {ids} is an id of {archive}; write one id a "
                "line, and nothing else"
            )
    if count and not yes:
        if not sys.stdin.isatty():
            raise ArchiveError(f"{count} of {len(opened)} objects would be deleted; say --yes")
        typer.confirm(f"Delete {count} of {len(opened)} objects?", abort=True)
    done = opened.delete(where=chosen) if where is not None else opened.delete(ids=listed)
    typer.echo(f"delete: {done} objects deleted, {len(opened)} are left")


def _read_ids(archive: Archive, file: Path) -> list[str | int]:
    import pyarrow as pa

    from skylore.errors import ArchiveError, SourceError

    try:
        lines = [line.strip() for line in file.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read ids from {file}: {error}") from error
    if not pa.types.is_integer(archive.schema.field("id").type):
        return list(lines)
    try:
        return [int(line) for line in lines]
    except ValueError as error:
        raise ArchiveError(f"the ids of {archive} are whole numbers: {error}") from error


def compact(
    archive: ArchivePath,
    *,
    keep_versions: Annotated[
        int | None,
        typer.Option(min=1, help="Remove all but the last so many versions.", show_default=False),
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            parser=parse_days,
            metavar="TIME",
            help="Remove versions older than this: 12h; 7d unless --keep-versions is given.",
            show_default=False,
        ),
    ] = None,
    memory: Annotated[
        int, typer.Option(parser=parse_bytes, metavar="SIZE", help="For rows under way.")
    ] = 1 << 30,
    quiet: Quiet = False,
) -> None:
    """Join small files, rewrite those of which a tenth is deleted, and remove old versions.

    Searches and steps may run beside it. A reader that still holds a version that is removed must
    open the archive again.
    """
    from datetime import timedelta

    from skylore.archive.table import Archive

    if keep_versions is None and older_than is None:
        older_than = 7.0
    report = Archive.open(archive).compact(
        keep_versions=keep_versions,
        older_than=None if older_than is None else timedelta(days=older_than),
        memory=memory,
        progress=not quiet,
    )
    typer.echo(report)


def check(
    archive: ArchivePath,
    *,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every value and decode every image.")
    ] = False,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["text", "json"], typer.Option(help="Of the report.")
    ] = "text",
    quiet: Quiet = False,
) -> None:
    """Prove that an archive is whole, or say what is wrong and what to do; exit code 1 if so.

    Every file, id and position, provenance, the kept model, vectors and images (a sample unless
    --deep), what is staged and set aside, and every index.
    """
    import json

    from skylore.archive.table import Archive

    report = Archive.open(archive).check(deep=deep, progress=not quiet)
    typer.echo(json.dumps(report.to_json(), indent=2) if format == "json" else str(report))
    if not report.whole:
        raise typer.Exit(1)
