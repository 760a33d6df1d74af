"""Options that several commands share."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from skylore.archive.fill import FillOptions

__all__ = [
    "ArchivePath",
    "BatchSize",
    "Engine",
    "GroupBy",
    "OnlyWhere",
    "Quiet",
    "Workers",
    "check_workers",
    "parse_bytes",
    "with_fill_options",
    "with_shared_options",
]

ArchivePath = Annotated[
    str,
    typer.Argument(
        metavar="ARCHIVE",
        help="Folder or object-store URL (s3://…) of the archive.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
BatchSize = Annotated[int | None, typer.Option(min=2, show_default=False)]
OnlyWhere = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="SQL", help="Only these: \"split = 'train'\".", show_default=False
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        "--group-by", metavar="COLUMN", help="Never split what is equal here.", show_default=False
    ),
]
Engine = Annotated[
    Literal["ray"] | None,
    typer.Option(
        help="Work on a Ray cluster: of RAY_ADDRESS, else of this machine.", show_default=False
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="With --engine: workers; as many as it has cores.", show_default=False
    ),
]

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_bytes(text: str) -> int:
    """Read a size such as ``512MB``, ``2 GB`` or ``1.5G`` in bytes (K is 1024).

    Raises
    ------
    typer.BadParameter
        It is not a size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", str(text), re.IGNORECASE)
    size = float(match[1]) * UNITS[match[2].upper()] if match else 0
    if size < 1:
        raise typer.BadParameter(f"{text!r} is not a size; write 512MB or 2GB")
    return int(size)


def check_workers(engine: str | None, workers: int | None) -> None:
    """Raise BadParameter for ``--workers`` where nothing is spread."""
    if workers is not None and engine is None:
        raise typer.BadParameter("--workers goes with --engine ray")


_FILL_OPTIONS: dict[str, tuple[Any, Any]] = {
    "limit": (
        Annotated[
            int | None, typer.Option(min=0, help="Do at most so many rows now.", show_default=False)
        ],
        None,
    ),
    "seconds": (
        Annotated[
            float | None,
            typer.Option(
                "--max-seconds",
                min=0.1,
                help="Begin nothing after so long.",
                show_default=False,
            ),
        ],
        None,
    ),
    "retry_failed": (
        Annotated[bool, typer.Option("--retry-failed", help="Try again what was set aside.")],
        False,
    ),
    "overwrite": (
        Annotated[
            bool, typer.Option("--overwrite", help="Drop the columns first if made another way.")
        ],
        False,
    ),
    "workers": (
        Annotated[
            int | None,
            typer.Option(
                min=0,
                help="Worker processes, or 0 to work in this one; chosen if not given. With "
                "--engine: batches under way at a time.",
                show_default=False,
            ),
        ],
        None,
    ),
    "engine": (Engine, None),
    "memory": (
        Annotated[
            int,
            typer.Option(parser=parse_bytes, metavar="SIZE", help="For the batches under way."),
        ],
        "2GB",
    ),
    "quiet": (Quiet, False),
}


def with_fill_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of every step, and call it with ``options=FillOptions(…)``."""

    def gather(chosen: dict[str, Any]) -> FillOptions:
        from skylore.archive.fill import FillOptions

        if chosen["engine"] is not None and chosen["workers"] == 0:
            raise typer.BadParameter("--workers 0 works in this process, and --engine ray does not")
        return FillOptions(progress=not chosen.pop("quiet"), **chosen)

    return with_shared_options(command, "options", _FILL_OPTIONS, gather)


def with_shared_options(
    command: Callable[..., None],
    name: str,
    options: Mapping[str, tuple[Any, Any]],
    gather: Callable[[dict[str, Any]], object],
) -> Callable[..., None]:
    """Give a command options that others have too, in place of its parameter ``name``.

    Parameters
    ----------
    command
        The function, with a parameter of that name.
    options
        Annotation and default of each option.
    gather
        Makes the parameter of what was given.
    """
    not_imported_yet = {"FillOptions": object}
    own = inspect.signature(command, eval_str=True, locals=not_imported_yet)
    parameters = [p for p in own.parameters.values() if p.name != name]
    parameters += [
        Parameter(option, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for option, (annotation, default) in options.items()
    ]

    def run(**given: Any) -> None:  # noqa: ANN401 - as the command's own
        chosen = {option: given.pop(option) for option in options}
        command(**{name: gather(chosen)}, **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run
