"""``skylore search``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skylore.cli.options import ArchivePath

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.query import Query
    from skylore.search.reranking.forecast import Forecast
    from skylore.search.results import Results

__all__ = ["register"]

Format = Literal["table", "json", "csv", "votable", "html"]
PANEL = "Re-ranking by a model"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(search)


def _option(*names: str, help: str, **more: Any) -> Any:  # noqa: A002, ANN401 - as typer's own
    return typer.Option(*names, help=help, show_default=False, rich_help_panel=PANEL, **more)


def search(
    archive: ArchivePath,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What to look for.", show_default=False)
    ] = None,
    *,
    image: Annotated[
        Path | None, typer.Option(help="An image file to resemble.", show_default=False)
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar="ID", help="An object to resemble.", show_default=False)
    ] = None,
    vector: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npy", help="A vector of that space.", show_default=False),
    ] = None,
    minus: Annotated[
        list[str] | None, typer.Option(help="Words to push away from.", show_default=False)
    ] = None,
    cone: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"RA DEC RADIUS"', help="Only there; ICRS degrees.", show_default=False
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="SQL", help='Only these: "ellipticity > 0.6".', show_default=False),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many first.")] = 0,
    mode: Annotated[
        Literal["vector", "text", "hybrid"] | None,
        typer.Option(
            help="vector: by look; text: words of the captions; hybrid: both.", show_default=False
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Columns to show.", show_default=False),
    ] = None,
    exact: Annotated[bool | None, typer.Option(help="Never, or always, use an index.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write to a file: .csv .parquet .fits .vot .json .html",
            show_default=False,
        ),
    ] = None,
    output_format: Annotated[Format, typer.Option("--format", help="What to print.")] = "table",
    rerank: Annotated[
        str | None,
        _option(
            "--rerank",
            metavar="openai:MODEL",
            help="Have a vision-language model look at the first hits and put them into order.",
        ),
    ] = None,
    rerank_top: Annotated[
        int | None, _option("--rerank-top", metavar="N", help="How many it looks at: 100.")
    ] = None,
    rerank_samples: Annotated[
        int | None,
        _option("--rerank-samples", metavar="M", help="Answers about each, on average: 3."),
    ] = None,
    rerank_policy: Annotated[
        Literal["adaptive", "uniform"] | None,
        _option(
            "--rerank-policy",
            help="adaptive (default): ask again where it may change the hits; uniform: everywhere.",
        ),
    ] = None,
    rerank_words: Annotated[
        str | None,
        _option("--rerank-words", help="What images should show, if not the words of the search."),
    ] = None,
    rerank_prompt: Annotated[
        str | None, _option("--rerank-prompt", metavar="FILE", help="A prompt of your own.")
    ] = None,
    base_url: Annotated[
        str | None,
        _option("--base-url", metavar="URL", help="The model's server, if it is not OpenAI's."),
    ] = None,
    budget: Annotated[
        str | None, _option("--budget", help="Spend at most this on this search: 2USD.")
    ] = None,
    price_in: Annotated[
        str | None, _option("--price-in", metavar="X", help="Price of a million tokens read.")
    ] = None,
    price_out: Annotated[
        str | None, _option("--price-out", metavar="Y", help="Price of a million tokens written.")
    ] = None,
    image_size: Annotated[
        int | None, _option("--image-size", help="Pixels of the longer side shown: 512.")
    ] = None,
    concurrency: Annotated[
        int | None, _option("--concurrency", min=1, help="Requests under way at a time: 64.")
    ] = None,
    yes: Annotated[
        bool, _option("--yes", "-y", help="Go on within the budget without asking.")
    ] = False,
    quiet: Annotated[bool, _option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Search in words, by image, object or vector, under filters.

    Several --minus and --cone may be given. With no TEXT and nothing to resemble, the objects that
    pass the filters are listed.

    With --rerank a model is asked about a few hits first, which says what all will cost. It never
    spends more than the budget, and never pays twice for an answer.
    """
    from skylore.archive.table import Archive
    from skylore.search.export import dumps
    from skylore.search.query import Query
    from skylore.search.vector_file import read_vector

    query = Query.build(
        text,
        image=image,
        like=like,
        vector=read_vector(vector) if vector else None,
        minus=minus,
        cone=cone,
        where=where,
        k=k,
        offset=offset,
        mode=mode,
        columns=tuple(name.strip() for name in columns.split(",")) if columns else None,
        exact=exact,
    )
    opened = Archive.open(archive)
    rules = {
        "candidates": rerank_top,
        "samples": rerank_samples,
        "policy": rerank_policy,
        "wanted": rerank_words,
    }
    asked = {
        "prompt": rerank_prompt,
        "base_url": base_url,
        "budget": budget,
        "price_in": price_in,
        "price_out": price_out,
        "image_size": image_size,
        "concurrency": concurrency,
    }
    results = _answer(opened, query, rerank, _given(rules), _given(asked), yes=yes, quiet=quiet)
    if output is not None:
        results.write(output)
        typer.echo(f"{len(results)} hits written to {output}", err=True)
        return
    typer.echo(dumps(results, output_format), nl=False)
    if query.mode is None and results.plan.method == "full text":
        typer.echo(f"searched the words of the captions: {results.plan.reason}", err=True)
    if results.message:
        typer.echo(results.message, err=True)


def _answer(
    archive: Archive,
    query: Query,
    model: str | None,
    rules: dict[str, Any],
    asked: dict[str, Any],
    *,
    yes: bool,
    quiet: bool,
) -> Results:
    """Answer, re-ranked if a model was named; then say what that took."""
    if model is None:
        if rules or asked:
            raise typer.BadParameter("options of re-ranking go with --rerank openai:MODEL")
        return archive.answer(query)
    from skylore.search.reranking.by_model import ModelJudge
    from skylore.search.reranking.settings import Reranking

    def agree(forecast: Forecast) -> bool:
        typer.echo(forecast, err=True)
        return yes or typer.confirm("Go on?", err=True)

    judge = ModelJudge(archive, model, agree=agree, progress=not quiet, **asked)
    results = archive.answer(query, rerank=Reranking(judge, **rules))
    typer.echo(f"{results.reranked}; {judge.sent} requests sent, {judge.spent} spent", err=True)
    return results


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
