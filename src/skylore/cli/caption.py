"""``skylore caption``: words for images, from measurements, a catalogue or a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skylore.cli.options import ArchivePath

if TYPE_CHECKING:
    from skylore.archive.fill import FillOptions
    from skylore.vlm.estimate import Estimate

__all__ = ["caption"]

PANEL = "With openai:MODEL"


def _option(*names: str, help: str, **more: Any) -> Any:  # noqa: A002, ANN401 - as typer's own
    return typer.Option(*names, help=help, show_default=False, rich_help_panel=PANEL, **more)


def caption(
    archive: ArchivePath,
    *,
    captioner: Annotated[
        str | None,
        typer.Option(
            help="'measurements' writes sentences from the measured columns (default); "
            "'column:NAME' takes texts that came with the catalogue; 'openai:MODEL' asks a "
            "vision-language model on any OpenAI-compatible server.",
            show_default=False,
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        _option("--base-url", metavar="URL", help="The model's server, if it is not OpenAI's."),
    ] = None,
    budget: Annotated[
        str | None,
        _option("--budget", help="Spend at most this on the archive in all: 20USD."),
    ] = None,
    price_in: Annotated[
        str | None,
        _option("--price-in", metavar="X", help="Price of a million tokens read."),
    ] = None,
    price_out: Annotated[
        str | None,
        _option("--price-out", metavar="Y", help="Price of a million tokens written."),
    ] = None,
    prompt: Annotated[
        str | None,
        _option("--prompt", metavar="NAME-OR-FILE", help="describe (default), galaxy-zoo, FILE."),
    ] = None,
    summary: Annotated[
        bool, _option("--summary", help="Ask for a one-sentence summary as well.")
    ] = False,
    temperature: Annotated[
        float | None, _option("--temperature", help="The server's own if not given.")
    ] = None,
    image_size: Annotated[
        int | None, _option("--image-size", help="Pixels of the longer side shown: 512.")
    ] = None,
    detail: Annotated[
        Literal["low", "high", "auto"] | None,
        _option("--detail", help="Asked of servers that know it: high."),
    ] = None,
    concurrency: Annotated[
        int | None, _option("--concurrency", min=1, help="Requests under way at a time: 64.")
    ] = None,
    requests_per_minute: Annotated[
        float | None, _option("--requests-per-minute", help="No limit if not given.")
    ] = None,
    tokens_per_minute: Annotated[
        float | None, _option("--tokens-per-minute", help="No limit if not given.")
    ] = None,
    timeout: Annotated[
        float | None, _option("--timeout", help="Seconds for one request: 120.")
    ] = None,
    yes: Annotated[
        bool, _option("--yes", "-y", help="Go on within the budget without asking.")
    ] = False,
    options: FillOptions,
) -> None:
    """Describe each object in words.

    A model is asked about a few objects first, which says what all will cost. It never spends more
    than the budget, and never pays twice for an answer: run it again to go on.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive

    given = {
        "base_url": base_url,
        "budget": budget,
        "price_in": price_in,
        "price_out": price_out,
        "prompt": prompt,
        "summary": summary or None,
        "temperature": temperature,
        "image_size": image_size,
        "detail": detail,
        "concurrency": concurrency,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "timeout": timeout,
    }
    asked = {name: value for name, value in given.items() if value is not None}
    if asked and not (captioner or "").startswith("openai:"):
        named = next(iter(asked)).replace("_", "-")
        raise typer.BadParameter(f"--{named} goes with --captioner openai:MODEL")

    def agree(estimate: Estimate) -> bool:
        typer.echo(estimate, err=True)
        return yes or typer.confirm("Go on?", err=True)

    report = pipeline.caption(
        Archive.open(archive), options, captioner=captioner, agree=agree, **asked
    )
    typer.echo(report)
