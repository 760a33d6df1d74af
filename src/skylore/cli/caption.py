"""``skylore caption``: words for images, from measurements, a catalogue or a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylore.cli.model_options import Yes, given_of, model_option
from skylore.cli.options import ArchivePath
from skylore.cli.outcome import refuse_nothing_but_failures

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
    batch: Annotated[
        bool,
        model_option(
            "--batch",
            help="Ask through the provider's batch interface: cheaper, within a day. Run it again "
            "to go on.",
        ),
    ] = False,
    no_wait: Annotated[
        bool,
        model_option("--no-wait", help="Submit and fetch batches, and leave them alone then."),
    ] = False,
    batch_discount: Annotated[
        str | None,
        model_option(
            "--batch-discount",
            metavar="SHARE",
            help="What batches take off both prices: 0.5 for half of them (default: nothing).",
        ),
    ] = None,
    batch_tokens: Annotated[
        int | None,
        model_option("--batch-tokens", min=1, help="Most tokens in batches under way, if limited."),
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
    from skylore.archive.fill import FillReport
    from skylore.archive.table import Archive

    asked |= given_of({"prompt": prompt, "summary": summary or None, "temperature": temperature})
    in_batches = {"batch_discount": batch_discount, "batch_tokens": batch_tokens}
    in_batches = given_of(in_batches | {"wait": False if no_wait else None})
    if in_batches and not batch:
        raise typer.BadParameter("--no-wait, --batch-discount and --batch-tokens go with --batch")
    asked |= given_of({"batch": batch or None}) | in_batches
    if asked and not (captioner or "").startswith("openai:"):
        named = next(iter(asked)).replace("_", "-")
        raise typer.BadParameter(f"--{named} goes with --captioner openai:MODEL")

    def agree(estimate: Estimate) -> bool:
        typer.echo(estimate, err=True)
        return yes or typer.confirm("Go on?", err=True)

    opened = Archive.open(archive)
    report = pipeline.caption(opened, options, captioner=captioner, agree=agree, **asked)
    typer.echo(report)
    filled = report if isinstance(report, FillReport) else report.filled
    if filled is not None:
        refuse_nothing_but_failures(opened, filled)
