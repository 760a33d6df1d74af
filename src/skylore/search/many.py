"""Answers to many queries as one table, so that engines can be compared on the same queries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.errors import QueryError
from skylore.search.flatten import flatten, is_vector
from skylore.search.query import Query, VectorTerm
from skylore.search.results import Results

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["QUERY", "answer_each", "flat", "json_line", "with_vectors", "write_many"]

QUERY = "query"


def with_vectors(query: Query, vectors: Sequence[tuple[float, ...]]) -> list[Query]:
    """Ask the same of each vector, in the place of the query's own."""
    return [
        query.model_copy(
            update={
                "terms": tuple(
                    VectorTerm(values=vector, weight=term.weight)
                    if isinstance(term, VectorTerm)
                    else term
                    for term in query.terms
                )
            }
        )
        for vector in vectors
    ]


def answer_each(archive: Archive, queries: Sequence[Query]) -> Iterator[Results]:
    """Answer queries one after the other, at one version of the archive."""
    return (archive.answer(query) for query in queries)


def _joined(answers: Sequence[Results]) -> pa.Table:
    """Put answers into one table; its column ``query`` counts them from 0."""
    parts = []
    for number, answer in enumerate(answers):
        numbers = pa.array([number] * len(answer), pa.int64())
        parts.append(answer.table.add_column(0, QUERY, numbers))
    return pa.concat_tables(parts, promote_options="permissive")


def json_line(number: int, answer: Results) -> str:
    """Write an answer on one line: its number, plan, hits and message."""
    values = answer.to_json()
    line = {QUERY: number, **{name: values[name] for name in ("plan", "hits", "message")}}
    return json.dumps(line, ensure_ascii=False)


def write_many(answers: Sequence[Results], path: Path) -> None:
    """Write answers to ``.csv``, ``.parquet`` or ``.jsonl``.

    Raises
    ------
    QueryError
        The suffix is another, or the file cannot be written.
    """
    from pyarrow import csv, parquet

    try:
        if path.suffix == ".parquet":
            parquet.write_table(_joined(answers), path)
        elif path.suffix == ".csv":
            csv.write_csv(flat(answers), path)
        elif path.suffix == ".jsonl":
            lines = (json_line(number, answer) for number, answer in enumerate(answers))
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        else:
            raise QueryError(
                f"answers to several vectors go to .csv, .parquet or .jsonl, not to {path.name!r}"
            )
    except OSError as error:
        raise QueryError(f"cannot write {path}: {error.strerror or error}") from error


def flat(answers: Sequence[Results]) -> pa.Table:
    """Put answers into one table that holds numbers and texts only."""
    table, _ = flatten(_joined(answers))
    for i, field in enumerate(table.schema):
        if is_vector(field.type):
            texts = [None if v is None else json.dumps(v) for v in table[i].to_pylist()]
            table = table.set_column(i, field.name, pa.array(texts, pa.string()))
    return table
