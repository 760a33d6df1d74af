"""``skylore serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from skylore.cli.options import ArchivePath

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    archive: ArchivePath,
    *,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8000,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Let other machines in: there is no log-in."),
    ] = False,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="A name that requests may be addressed to.", show_default=False),
    ] = None,
) -> None:
    """Search in a browser, and over REST, at http://127.0.0.1:8000 by default."""
    from skylore.app.server import serve as run

    run(
        archive,
        host=host,
        port=port,
        allow_remote=allow_remote,
        allowed_hosts=allowed_host or (),
    )
