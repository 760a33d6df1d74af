"""Answering a query, with its first hits put into a judge's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from skylore.archive.schema import ID
from skylore.errors import ModelError
from skylore.search.query import Query
from skylore.search.reranking.allocation import Candidates
from skylore.search.reranking.deliberation import deliberate
from skylore.search.reranking.judge import Ask, Question, Verdict
from skylore.search.reranking.order import final_order
from skylore.search.reranking.settings import Reranked, Reranking
from skylore.search.reranking.tally import Tally
from skylore.search.results import Results
from skylore.search.service import answer

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["rerank"]

IMAGES_AT_ONCE = 256
NO_IMAGE = Verdict(error="it has no image")


def rerank(archive: Archive, query: Query, how: Reranking) -> Results:
    """Answer a query, and have a judge put its first hits into order.

    Judged hits come first, the most certain before the others, ties by similarity, then id. Those
    that could not be judged follow by similarity, and then all further hits.

    Returns
    -------
    Results
        With the columns ``rerank_certainty`` (mean of the answers), ``rerank_samples`` (their
        number) and ``rerank_error`` (why there are none, or fewer).

    Raises
    ------
    QueryError, ColumnError
        As :func:`skylore.search.service.answer`; or nothing says in words what is wanted, or there
        are no images.
    ModelError
        The judge cannot be asked.
    """
    wanted = how.words(query)
    archive.require(["image"])
    needed = max(how.candidates, query.offset + query.k)
    longer = query.model_copy(update={"k": needed, "offset": 0})
    found = answer(archive, longer)
    ids = found.table[ID].to_pylist()[: how.candidates]
    tally, cut_short = _judged(archive, ids, how, wanted)
    done = Reranked(
        wanted=wanted,
        policy=how.policy,
        candidates=len(ids),
        judged=int((tally.counts > 0).sum()),
        failed=int((~tally.can_be_asked).sum()),
        answers=int(tally.counts.sum()),
        cut_short=cut_short,
    )
    plan = found.plan.model_copy(update={"reason": f"{found.plan.reason}; {done}"})
    table = _reordered(found.table, tally).slice(query.offset, query.k)
    return Results(query, plan, table, archive, done)


def _judged(
    archive: Archive, ids: list[str | int], how: Reranking, wanted: str
) -> tuple[Tally, bool]:
    """Ask about the candidates; says too whether the judge ended early."""
    spending = how.spending(len(ids))
    ended = False
    if not ids:
        return Tally.empty(0), ended
    with how.judge.begin(spending.questions) as ask:

        def ask_about(about: Candidates, tally: Tally) -> Sequence[Verdict]:
            nonlocal ended
            verdicts: list[Verdict] = []
            samples = _nth(about, tally)
            for start in range(0, len(about), IMAGES_AT_ONCE):
                part = slice(start, start + IMAGES_AT_ONCE)
                names = [ids[i] for i in about[part].tolist()]
                verdicts += _ask(archive, ask, names, samples[part], wanted)
                ended = any(not verdict.was_asked for verdict in verdicts)
                if ended:
                    break
            return verdicts + [Verdict()] * (len(about) - len(verdicts))

        return deliberate(len(ids), spending, ask_about), ended


def _nth(about: Candidates, tally: Tally) -> list[int]:
    """Count how often each was asked about before this question."""
    counts = tally.counts.copy()
    numbers = []
    for i in about.tolist():
        numbers.append(int(counts[i]))
        counts[i] += 1
    return numbers


def _ask(
    archive: Archive, ask: Ask, ids: list[str | int], samples: list[int], wanted: str
) -> list[Verdict]:
    """Ask about objects; those without an image are an error that the judge is not asked for."""
    images = archive.images(list(dict.fromkeys(ids)))
    questions = [
        Question(name, image, wanted, sample)
        for name, sample in zip(ids, samples, strict=True)
        if (image := images.get(name)) is not None
    ]
    verdicts = ask(questions) if questions else ()
    if len(verdicts) != len(questions):
        raise ModelError(f"the judge gave {len(verdicts)} verdicts on {len(questions)} questions")
    said = iter(verdicts)
    return [NO_IMAGE if images.get(name) is None else next(said) for name in ids]


def _reordered(table: pa.Table, tally: Tally) -> pa.Table:
    judged, rows = len(tally), table.num_rows
    order = np.concatenate([final_order(tally.means), np.arange(judged, rows)])
    columns = {
        "rerank_certainty": (pa.array(tally.means, from_pandas=True), "certainty, from 1 to 10"),
        "rerank_samples": (pa.array(tally.counts), "answers that the certainty is the mean of"),
        "rerank_error": (pa.array(tally.errors, pa.string()), "why it was not judged each time"),
    }
    for place, (name, (values, description)) in enumerate(columns.items(), start=3):
        whole = pa.concat_arrays([values, pa.nulls(rows - judged, values.type)])
        field = pa.field(name, values.type, metadata={"description": description})
        table = table.add_column(place, field, whole)
    ranks = table["rank"]
    ordered = table.take(pa.array(order.astype(np.int64)))
    return ordered.set_column(0, table.schema.field("rank"), ranks)
