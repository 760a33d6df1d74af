"""Having a model look at hits for clients: one job after the other, within one budget."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from queue import SimpleQueue
from typing import TYPE_CHECKING

from skylore.app.failures import NotFoundError, failure_of
from skylore.app.reranking.job import Job
from skylore.errors import ArchiveBusyError, ModelError, QueryError, SkyloreError
from skylore.search.reranking.by_model import ModelJudge
from skylore.search.reranking.service import rerank
from skylore.search.reranking.settings import Reranking
from skylore.vlm.money import Budget, shown

if TYPE_CHECKING:
    from skylore.app.searcher import Searcher
    from skylore.app.settings import ServerSettings
    from skylore.search.query import Query
    from skylore.search.reranking.judge_settings import JudgeSettings
    from skylore.search.results import Results

__all__ = ["Reranker"]

LOG = logging.getLogger(__name__)
PATIENCE = 5.0
"""Seconds to wait at the end for what is under way."""


class _EndedError(Exception):
    """The server ends."""


class Reranker:
    """Works on the jobs of all clients, one at a time.

    The budget is what all of them together may spend from the start of the server to its end. A job
    begins with what is left of it, so that it is never overrun; and no job goes on beyond a sample
    of its questions before its client has agreed to what it will cost.

    Parameters
    ----------
    judging
        The model, and the budget of the server.
    settings
        Limits.
    """

    def __init__(self, judging: JudgeSettings, settings: ServerSettings) -> None:
        self._judging = judging
        self._settings = settings
        self._spent = 0
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[Job | None] = SimpleQueue()
        self._worker: threading.Thread | None = None
        self._ended = threading.Event()

    @property
    def name(self) -> str:
        """The model."""
        return self._judging.name

    @property
    def budget(self) -> dict[str, str | None]:
        """What was spent since the server was started, and the most that may be."""
        limit = self._judging.session.budget
        currency = limit.currency if limit else "USD"
        return {
            "spent": shown(self._spent, currency),
            "limit": shown(limit.amount, currency) if limit else None,
        }

    def start(self, searcher: Searcher, query: Query, *, confirmed: bool = False) -> Job:
        """Answer a query by similarity, and queue it for the model.

        Raises
        ------
        QueryError, ColumnError
            The query does not ask for it, asks too much, or cannot be answered.
        ArchiveBusyError
            Too many jobs are waiting.
        """
        request = query.rerank
        if request is None:
            raise QueryError('say how to re-rank: "rerank" is missing')
        most = self._settings.rerank_candidates
        if request.candidates > most:
            raise QueryError(f"this server re-ranks at most {most} hits, not {request.candidates}")
        request.words(query)
        archive = searcher.current()
        archive.require(["image"])
        whole = max(request.candidates, query.offset + query.k)
        plain = query.model_copy(update={"k": whole, "offset": 0, "rerank": None})
        first = searcher.answer(archive, plain)
        job = Job(archive, query, request, first, confirmed=confirmed)
        self._keep(job)
        self._queue(job)
        return job

    def get(self, identifier: str) -> Job:
        """Give a job; raises NotFoundError where it made room for others."""
        with self._lock:
            job = self._jobs.get(identifier)
        if job is None:
            raise NotFoundError(
                "this re-ranking is not here: it made room for others, or another process of "
                "this server works on it. Search again; what was answered is not paid for twice"
            )
        return job

    def confirm(self, identifier: str) -> Job:
        """Agree to the cost of a job, and let it go on; what went on already is left alone."""
        job = self.get(identifier)
        with self._lock:
            goes_on = job.standing.state == "told"
            if goes_on:
                job.confirmed = True
                job.stand(state="waiting")
        if goes_on:
            self._queue(job)
        return job

    def close(self) -> None:
        """End: what waits is dropped, and what is under way is finished and paid for."""
        self._ended.set()
        self._waiting.put(None)
        if self._worker is not None:
            self._worker.join(PATIENCE)

    def _keep(self, job: Job) -> None:
        """Keep a job, in place of the oldest one that is over or not agreed to."""
        with self._lock:
            if len(self._jobs) >= self._settings.rerank_jobs:
                over = [key for key, old in self._jobs.items() if old.standing.is_settled]
                if not over:
                    raise ArchiveBusyError("too many re-rankings are waiting; try again later")
                del self._jobs[over[0]]
            self._jobs[job.id] = job

    def _queue(self, job: Job) -> None:
        with self._lock:
            if self._worker is None:
                self._worker = threading.Thread(
                    target=self._work, name="skylore-reranking", daemon=True
                )
                self._worker.start()
        self._waiting.put(job)

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None and not self._ended.is_set():
            try:
                self._judge(job)
            except _EndedError:
                return
            except Exception as error:  # noqa: BLE001 - it must be told to the client, whatever it is
                self._fail(job, error)

    def _judge(self, job: Job) -> None:
        agree = None if job.confirmed else job.agrees
        judge = ModelJudge(job.archive, self._rest(), agree=agree, progress=False)
        whole = len(job.standing.results)
        query = job.query.model_copy(update={"k": max(whole, 1), "offset": 0})
        job.stand(state="asking")

        def watch(results: Results) -> None:
            if self._ended.is_set():
                raise _EndedError
            job.stand(results=results)

        results: Results | None
        try:
            results = rerank(job.archive, query, Reranking.of(judge, job.request), watch)
        except ModelError:
            if agree is None or job.standing.forecast is None:
                raise
            results = None
        finally:
            self._spent += judge.spent_amount
        if results is None:
            job.stand(state="told")
        else:
            job.stand(state="done", results=results)

    def _fail(self, job: Job, error: Exception) -> None:
        if not isinstance(error, SkyloreError):
            LOG.error("re-ranking failed", exc_info=error)
        job.stand(state="failed", failure=failure_of(error))

    def _rest(self) -> JudgeSettings:
        """Give the model with what is left of the budget."""
        limit = self._judging.session.budget
        if limit is None:
            return self._judging
        left = Budget(amount=max(0, limit.amount - self._spent), currency=limit.currency)
        session = self._judging.session.model_copy(update={"budget": left})
        return self._judging.model_copy(update={"session": session})
