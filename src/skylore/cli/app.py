"""The ``skylore`` command and its errors."""

from __future__ import annotations

import errno
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from skylore import __version__
from skylore.cli import (
    archive,
    arrange,
    classify,
    demo,
    evaluate,
    export,
    infer,
    ingest,
    match,
    pretrain,
    scale,
    search,
    serve,
    steps,
    symbols,
)
from skylore.errors import SkyloreError

__all__ = ["app"]

EPILOG = """Exit codes: 0 done, 1 unexpected error, 2 wrong usage, 3 archive, 4 input, 5 query,
6 model or missing package, 130 interrupted (what was finished is kept; run it again to go on)."""

_UNEXPECTED = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(RuntimeError, TypeError, ValueError),
)
"""Errors of ours that nobody foresaw; those of wrong usage are for the base class to tell."""


class _Group(TyperGroup):
    """Says what went wrong in one line, with the exit code of its kind."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - the base class's types are private
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except SkyloreError as error:
            _fail(ctx, error, str(error), error.exit_code)
        except KeyboardInterrupt as error:
            _fail(ctx, error, "interrupted; run the same command again to go on", 130)
        except BrokenPipeError:
            sys.stderr.close()
            raise typer.Exit(0) from None
        except OSError as error:
            full = error.errno == errno.ENOSPC or "No space left" in str(error)
            hint = "the disk is full; free some space and run the same command again"
            _fail(ctx, error, hint if full else str(error), 1)
        except _UNEXPECTED as error:
            hint = "; run with --debug for the traceback"
            _fail(ctx, error, f"{type(error).__name__}: {error}{hint}", 1)


def _fail(ctx: typer.Context, error: BaseException, message: str, code: int) -> None:
    if ctx.params.get("debug"):
        raise error
    typer.echo(f"skylore: {' '.join(message.split())}", err=True)
    raise typer.Exit(code) from None


app = typer.Typer(
    cls=_Group,
    name="skylore",
    help="Make an archive of science images searchable in words, classifiable and measurable.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"skylore {__version__}")
        raise typer.Exit


@app.callback()
def _skylore(
    debug: Annotated[bool, typer.Option(help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Start here: ``skylore demo``, or ``skylore ingest my.skylore FOLDER``."""


for module in (
    demo,
    ingest,
    steps,
    search,
    match,
    export,
    evaluate,
    archive,
    arrange,
    pretrain,
    scale,
    symbols,
    classify,
    infer,
    serve,
):
    module.register(app)
