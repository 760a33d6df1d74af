"""``skylore search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from skylore.cli.answering import Format, answer_each_vector, answer_query
from skylore.cli.model_options import Yes, given_of, model_option, with_model_options
from skylore.cli.options import ArchivePath, Quiet

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(with_model_options(search))


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
        typer.Option(
            metavar="FILE.npy",
            help="A vector of that space, or one a row: then each is answered.",
            show_default=False,
        ),
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
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"RA1 RA2 DEC1 DEC2"',
            help='Only there; or "RA DEC WIDTHxHEIGHT" around a point.',
            show_default=False,
        ),
    ] = None,
    polygon: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"RA DEC RA DEC …"', help="Only inside these corners.", show_default=False
        ),
    ] = None,
    moc: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Only in this coverage map: FITS, JSON.", show_default=False
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="SQL", help='Only these: "ellipticity > 0.6".', show_default=False),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar='"COLUMN [desc]"',
            help="Order by this, where nothing is to resemble.",
            show_default=False,
        ),
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
    recall: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Share of the exact hits to be found.")
    ] = 0.95,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say how it was answered, and what that took.")
    ] = False,
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
        model_option(
            "--rerank",
            metavar="openai:MODEL",
            help="Have a vision-language model look at the first hits and put them into order.",
        ),
    ] = None,
    rerank_top: Annotated[
        int | None, model_option("--rerank-top", metavar="N", help="How many it looks at: 100.")
    ] = None,
    rerank_samples: Annotated[
        int | None,
        model_option("--rerank-samples", metavar="M", help="Answers about each, on average: 3."),
    ] = None,
    rerank_policy: Annotated[
        Literal["adaptive", "uniform"] | None,
        model_option(
            "--rerank-policy",
            help="adaptive (default): ask again where it may change the hits; uniform: everywhere.",
        ),
    ] = None,
    rerank_words: Annotated[
        str | None,
        model_option(
            "--rerank-words", help="What images should show, if not the words of the search."
        ),
    ] = None,
    rerank_prompt: Annotated[
        str | None, model_option("--rerank-prompt", metavar="FILE", help="A prompt of your own.")
    ] = None,
    yes: Yes = False,
    quiet: Quiet = False,
    asked: dict[str, Any],
) -> None:
    """Search in words, by image, object or vector, under filters.

    Several --minus may be given, and several of a kind of region, which are then alternatives; all
    else narrows. With no TEXT and nothing to resemble, the objects that
    pass the filters are listed, by id or in the order of --sort.

    With --rerank a model is asked about a few hits first, which says what all will cost. It never
    spends more than the budget, and never pays twice for an answer.
    """
    from skylore.archive.table import Archive
    from skylore.search.export import dumps
    from skylore.search.query import Query
    from skylore.search.vector_file import read_vectors

    vectors = read_vectors(vector) if vector else []
    query = Query.build(
        text,
        image=image,
        like=like,
        vector=vectors[0] if vectors else None,
        minus=minus,
        cone=cone,
        box=box,
        polygon=polygon,
        moc=moc,
        where=where,
        sort=sort,
        k=k,
        offset=offset,
        mode=mode,
        columns=tuple(name.strip() for name in columns.split(",")) if columns else None,
        exact=exact,
        recall=recall,
    )
    opened = Archive.open(archive)
    if len(vectors) > 1:
        if rerank is not None:
            raise typer.BadParameter("--rerank takes one query, not several vectors")
        answer_each_vector(opened, query, vectors, output, output_format)
        return
    rules = {
        "candidates": rerank_top,
        "samples": rerank_samples,
        "policy": rerank_policy,
        "wanted": rerank_words,
    }
    if rerank_prompt is not None:
        asked["prompt"] = rerank_prompt
    results = answer_query(opened, query, rerank, given_of(rules), asked, yes=yes, quiet=quiet)
    if explain:
        typer.echo(results.explanation, err=True)
    if output is not None:
        results.write(output)
        typer.echo(f"{len(results)} hits written to {output}", err=True)
        return
    typer.echo(dumps(results, output_format), nl=False)
    if query.mode is None and results.plan.method == "full text":
        typer.echo(f"searched the words of the captions: {results.plan.reason}", err=True)
    if results.message:
        typer.echo(results.message, err=True)
