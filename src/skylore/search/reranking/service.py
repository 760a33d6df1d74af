"""Answering a query, with its first hits put into a judge's order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
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

__all__ = ["Watch", "rerank"]

IMAGES_AT_ONCE = 256
SECONDS_BETWEEN = 0.25
"""Whoever watches is shown the answer so far at most so often."""
NO_IMAGE = Verdict(error="it has no image")

Watch = Callable[[Results], None]
"""Shown the answer as far as it is judged: at once by similarity, and then as verdicts come."""


def rerank(archive: Archive, query: Query, how: Reranking, watch: Watch | None = None) -> Results:
    """Answer a query, and have a judge put its first hits into order.

    Judged hits come first, the most certain before the others, ties by similarity, then id. Those
    that could not be judged follow by similarity, and then all further hits.

    Parameters
    ----------
    archive, query
        What is asked, and of what.
    how
        Who judges, and by which rules; they take the place of those that the query has.
    watch
        Shown the answer while it is being judged.

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
    query = query.model_copy(update={"rerank": how.request})
    needed = max(how.candidates, query.offset + query.k)
    longer = query.model_copy(update={"k": needed, "offset": 0, "rerank": None})
    found = answer(archive, longer)
    ids = found.table[ID].to_pylist()[: how.candidates]

    def drawn(tally: Tally, *, cut_short: bool = False) -> Results:
        done = _account(how, wanted, tally, cut_short=cut_short)
        plan = found.plan.model_copy(update={"reason": f"{found.plan.reason}; {done}"})
        table = _reordered(found.table, tally).slice(query.offset, query.k)
        return Results(query, plan, table, archive, done)

    shown = _Shown(watch, drawn)
    shown.now(Tally.empty(len(ids)))
    tally, cut_short = _Hearing(archive, ids, wanted, shown).judged(how)
    return drawn(tally, cut_short=cut_short)


def _account(how: Reranking, wanted: str, tally: Tally, *, cut_short: bool) -> Reranked:
    return Reranked(
        judge=str(getattr(how.judge, "name", type(how.judge).__name__)),
        wanted=wanted,
        policy=how.policy,
        candidates=len(tally),
        judged=int((tally.counts > 0).sum()),
        failed=int((~tally.can_be_asked).sum()),
        answers=int(tally.counts.sum()),
        cut_short=cut_short,
    )


class _Shown:
    """Lets somebody watch, now and then."""

    def __init__(self, watch: Watch | None, drawn: Callable[[Tally], Results]) -> None:
        self._watch = watch
        self._drawn = drawn
        self._last = 0.0

    def now(self, tally: Tally) -> None:
        """Show the answer with what was said so far."""
        if self._watch is not None:
            self._watch(self._drawn(tally))
            self._last = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is time to show it again."""
        return self._watch is not None and time.monotonic() - self._last >= SECONDS_BETWEEN


class _Hearing:
    """Asks a judge about candidates."""

    def __init__(
        self, archive: Archive, ids: Sequence[str | int], wanted: str, shown: _Shown
    ) -> None:
        self._archive = archive
        self._ids = ids
        self._wanted = wanted
        self._shown = shown

    def judged(self, how: Reranking) -> tuple[Tally, bool]:
        """Ask about the candidates; says too whether the judge ended early."""
        if not self._ids:
            return Tally.empty(0), False
        spending, ended = how.spending(len(self._ids)), False
        with how.judge.begin(spending.questions) as ask:

            def ask_about(about: Candidates, tally: Tally) -> Sequence[Verdict]:
                nonlocal ended
                verdicts: list[Verdict] = []
                for verdict in self._verdicts(ask, about, tally):
                    verdicts.append(verdict)
                    if self._shown.is_due:
                        self._shown.now(tally.with_verdicts(about[: len(verdicts)], verdicts))
                missing = len(about) - len(verdicts)
                ended = bool(missing) or any(not verdict.was_asked for verdict in verdicts)
                return [*verdicts, *[Verdict()] * missing]

            return deliberate(len(self._ids), spending, ask_about), ended

    def _verdicts(self, ask: Ask, about: Candidates, tally: Tally) -> Iterator[Verdict]:
        """Ask about candidates, a number of images at a time, until the judge ends."""
        samples = _nth(about, tally)
        for start in range(0, len(about), IMAGES_AT_ONCE):
            part = slice(start, start + IMAGES_AT_ONCE)
            names = [self._ids[i] for i in about[part].tolist()]
            more = True
            for verdict in self._ask(ask, names, samples[part]):
                more = more and verdict.was_asked
                yield verdict
            if not more:
                return

    def _ask(self, ask: Ask, ids: list[str | int], samples: list[int]) -> Iterator[Verdict]:
        """Ask about objects; no image is an error that the judge is not asked for."""
        images = self._archive.images(list(dict.fromkeys(ids)))
        questions = [
            Question(name, image, self._wanted, sample)
            for name, sample in zip(ids, samples, strict=True)
            if (image := images.get(name)) is not None
        ]
        said = iter(ask(questions) if questions else ())
        given = 0
        for name in ids:
            if images.get(name) is None:
                yield NO_IMAGE
                continue
            verdict = next(said, None)
            if verdict is None:
                break
            given += 1
            yield verdict
        given += sum(1 for _ in said)
        if given != len(questions):
            raise ModelError(f"the judge gave {given} verdicts on {len(questions)} questions")


def _nth(about: Candidates, tally: Tally) -> list[int]:
    """Count how often each was asked about before this question."""
    counts = tally.counts.copy()
    numbers = []
    for i in about.tolist():
        numbers.append(int(counts[i]))
        counts[i] += 1
    return numbers


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
