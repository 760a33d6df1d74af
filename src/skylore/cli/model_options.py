"""Options of the commands that ask a model on a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from skylore.cli.options import with_shared_options

__all__ = ["PANEL", "Yes", "given_of", "model_option", "with_model_options"]

PANEL = "Asking a model on a server"


def model_option(*names: str, help: str, **more: Any) -> Any:  # noqa: A002, ANN401 - as typer's own
    """Make an option that is shown among these."""
    return typer.Option(*names, help=help, show_default=False, rich_help_panel=PANEL, **more)


Yes = Annotated[bool, model_option("--yes", "-y", help="Go on within the budget without asking.")]

_MODEL_OPTIONS: dict[str, Any] = {
    "base_url": Annotated[
        str | None,
        model_option("--base-url", metavar="URL", help="The model's server, if not OpenAI's."),
    ],
    "budget": Annotated[
        str | None,
        model_option(
            "--budget",
            help="Spend at most this: 20USD. On captions of the archive in all, or on this search.",
        ),
    ],
    "price_in": Annotated[
        str | None,
        model_option("--price-in", metavar="X", help="Price of a million tokens read."),
    ],
    "price_out": Annotated[
        str | None,
        model_option("--price-out", metavar="Y", help="Price of a million tokens written."),
    ],
    "image_size": Annotated[
        int | None, model_option("--image-size", help="Pixels of the longer side shown: 512.")
    ],
    "detail": Annotated[
        Literal["low", "high", "auto"] | None,
        model_option("--detail", help="Asked of servers that know it: high."),
    ],
    "concurrency": Annotated[
        int | None, model_option("--concurrency", min=1, help="Requests under way at a time: 64.")
    ],
    "requests_per_minute": Annotated[
        float | None, model_option("--requests-per-minute", help="No limit if not given.")
    ],
    "tokens_per_minute": Annotated[
        float | None, model_option("--tokens-per-minute", help="No limit if not given.")
    ],
    "timeout": Annotated[
        float | None, model_option("--timeout", help="Seconds for one request: 120.")
    ],
}


def with_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, and call it with ``asked``, a dictionary of those given."""
    options = {name: (annotation, None) for name, annotation in _MODEL_OPTIONS.items()}
    return with_shared_options(command, "asked", options, given_of)


def given_of(options: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the user did not give."""
    return {name: value for name, value in options.items() if value is not None}
