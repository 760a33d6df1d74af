"""``skylore serve``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylore.cli.model_options import model_option, with_model_options
from skylore.cli.options import ArchivePath, parse_bytes

if TYPE_CHECKING:
    from skylore.app.settings import ServerSettings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(with_model_options(serve))


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
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Memory for the process, its requests and what it keeps between them: 2GB. "
            "Requests wait for it, and are refused with 503 after ten seconds.",
            show_default=False,
        ),
    ] = None,
    shared: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder or s3://… that several server processes share for uploaded images.",
            show_default=False,
        ),
    ] = None,
    rerank: Annotated[
        str | None,
        model_option(
            "--rerank",
            metavar="openai:MODEL",
            help="A vision-language model that clients may have look at hits. The budget holds for "
            "all of them, until the server stops.",
        ),
    ] = None,
    asked: dict[str, Any],
) -> None:
    """Search in a browser, and over REST, at http://127.0.0.1:8000 by default.

    With --rerank, clients may have hits put into order by a model. They are told what that costs
    before it is spent; the key is the server's (OPENAI_API_KEY), and no client sees it.
    """
    from skylore.app.server import serve as run

    run(
        archive,
        host=host,
        port=port,
        allow_remote=allow_remote,
        allowed_hosts=allowed_host or (),
        settings=_settings(rerank, asked, _limits(memory, shared)),
    )


def _limits(memory: str | None, shared: str | None) -> dict[str, Any]:
    limits: dict[str, Any] = {} if shared is None else {"shared": shared}
    if memory is None:
        return limits
    from skylore.app.room import LEAST

    size = parse_bytes(memory)
    if size < LEAST:
        raise typer.BadParameter(f"--memory: at least {-(-LEAST // 10**6)}MB")
    return limits | {"memory": size}


def _settings(model: str | None, asked: dict[str, Any], limits: dict[str, Any]) -> ServerSettings:
    from skylore.app.settings import ServerSettings
    from skylore.search.reranking.judge_settings import JudgeSettings

    if model is None:
        if asked:
            named = next(iter(asked)).replace("_", "-")
            raise typer.BadParameter(f"--{named} goes with --rerank openai:MODEL")
        return ServerSettings(**limits)
    return ServerSettings(rerank=JudgeSettings.build(model, **asked), **limits)
