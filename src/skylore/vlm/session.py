"""A run of questions: an event loop in a thread of its own, which any thread may ask."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from skylore.cores import usable_cores
from skylore.vlm.asker import Asker
from skylore.vlm.drawing import Drawing
from skylore.vlm.endpoint import Endpoint
from skylore.vlm.faults import HaltedError
from skylore.vlm.limits import Limits
from skylore.vlm.purse import Purse
from skylore.vlm.sender import Sender
from skylore.vlm.sending import Sending
from skylore.vlm.settings import SessionSettings
from skylore.vlm.store import AnswerStore
from skylore.vlm.tariff import Tariff

__all__ = ["Session"]

T = TypeVar("T")
_GRACE_SECONDS = 15.0


class Session:
    """Asks a model from any thread, until it is closed.

    Parameters
    ----------
    settings
        Whom to ask.
    answers
        The file in which answers are kept.
    tokens_expected
        Tokens of a request, until answers have told.
    """

    def __init__(self, settings: SessionSettings, answers: Path, tokens_expected: float) -> None:
        self.settings = settings
        self.endpoint = Endpoint(settings.model, settings.base_url, timeout=settings.timeout)
        self.store = AnswerStore(answers)
        self._tokens_expected = tokens_expected
        self._threads = ThreadPoolExecutor(usable_cores(), thread_name_prefix="skylore-draw")
        self._sender = self._make_sender(Drawing(self._threads))
        self._asker = Asker(
            settings.model,
            self._sender,
            self.store,
            corrections=settings.asking.corrections,
            again=settings.asking.again,
        )
        self._loop = asyncio.new_event_loop()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="skylore-asking", daemon=True
        )

    def _make_sender(self, drawing: Drawing) -> Sending:
        budget = self.settings.budget
        self._purse = Purse(budget.amount if budget else None, self.store.spent())
        return Sender(
            endpoint=self.endpoint,
            store=self.store,
            purse=self._purse,
            limits=Limits(self.settings.limits, self._tokens_expected),
            tariff=Tariff(self.settings.prices),
            persistence=self.settings.asking,
            drawing=drawing,
            at_once=self.settings.at_once,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def halt(self) -> Exception | None:
        """Why the run must end, if it must."""
        return self._sender.halt

    @property
    def spent(self) -> int:
        """What was spent on this archive so far, in 10⁻¹² of the currency."""
        return self._purse.spent

    @property
    def sent(self) -> int:
        """Requests sent by this session."""
        return self._sender.sent

    def submit(self, work: Callable[[Asker], Coroutine[Any, Any, T]]) -> Future[T]:
        """Begin work that asks; after the session was closed it ends with HaltedError."""
        if self._loop.is_closed():
            refused: Future[T] = Future()
            refused.set_exception(HaltedError())
            return refused
        return asyncio.run_coroutine_threadsafe(self._tracked(work), self._loop)

    async def _tracked(self, work: Callable[[Asker], Coroutine[Any, Any, T]]) -> T:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("a coroutine runs in a task")
        self._under_way.add(task)
        try:
            return await work(self._asker)
        finally:
            self._under_way.discard(task)

    def close(self) -> None:
        """Finish what is under way, keep it, and close the connections and the file."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._threads.shutdown()
        self.store.close()

    async def _end(self) -> None:
        self._sender.end(HaltedError("the session was closed"))
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE_SECONDS)
        current = asyncio.current_task()
        rest = [task for task in asyncio.all_tasks() if task is not current]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self.endpoint.close()
