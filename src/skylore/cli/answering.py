"""Answers to what ``skylore search`` asks, and what is said of them on the way."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.query import Query
    from skylore.search.reranking.forecast import Forecast
    from skylore.search.results import Results

__all__ = ["Format", "answer_each_vector", "answer_query"]

Format = Literal["table", "json", "csv", "votable", "html"]


def answer_each_vector(
    archive: Archive,
    query: Query,
    vectors: list[tuple[float, ...]],
    output: Path | None,
    output_format: Format,
) -> None:
    """Answer a query for each vector: to a file, or a line of JSON or CSV rows each."""
    from skylore.search.many import answer_each, flat, json_line, with_vectors, write_many

    answers = answer_each(archive, with_vectors(query, vectors))
    if output is not None:
        write_many(list(answers), output)
        typer.echo(f"answers to {len(vectors)} vectors written to {output}", err=True)
    elif output_format == "csv":
        from pyarrow import csv

        csv.write_csv(flat(list(answers)), sys.stdout.buffer)
    elif output_format in ("table", "json"):
        for number, answer in enumerate(answers):
            typer.echo(json_line(number, answer))
    else:
        raise typer.BadParameter("answers to several vectors are printed as json or csv")


def answer_query(
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
    from skylore.search.reranking.live import LiveTable
    from skylore.search.reranking.service import rerank
    from skylore.search.reranking.settings import Reranking

    live = LiveTable() if not quiet and LiveTable.fits() else None

    def agree(forecast: Forecast) -> bool:
        if live:
            live.clear()
        typer.echo(forecast, err=True)
        return yes or typer.confirm("Go on?", err=True)

    judge = ModelJudge(archive, model, agree=agree, progress=not (quiet or live), **asked)
    with live or nullcontext():
        results = rerank(archive, query, Reranking(judge, **rules), watch=live)
    typer.echo(f"{results.reranked}; {judge.sent} requests sent, {judge.spent} spent", err=True)
    return results
