"""``skylore caption``: words for images, from measurements, a catalogue or a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylore.cli.model_options import Yes, given_of, model_option
from skylore.cli.options import ArchivePath

if TYPE_CHECKING:
    from skylore.archive.fill import FillOptions
    from skylore.vlm.estimate import Estimate

__all__ = ["caption"]


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
    prompt: Annotated[
        str | None,
        model_option(
            "--prompt", metavar="NAME-OR-FILE", help="describe (default), galaxy-zoo, FILE."
        ),
    ] = None,
    summary: Annotated[
        bool, model_option("--summary", help="Ask for a one-sentence summary as well.")
    ] = False,
    temperature: Annotated[
        float | None, model_option("--temperature", help="The server's own if not given.")
    ] = None,
    yes: Yes = False,
    asked: dict[str, Any],
    options: FillOptions,
) -> None:
    """Describe each object in words.

    A model is asked about a few objects first, which says what all will cost. It never spends more
    than the budget, and never pays twice for an answer: run it again to go on.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive

    asked |= given_of({"prompt": prompt, "summary": summary or None, "temperature": temperature})
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
