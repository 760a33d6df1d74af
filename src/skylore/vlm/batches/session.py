"""A session whose questions go into batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from skylore.vlm.asker import Asker
from skylore.vlm.batches.composer import Composer
from skylore.vlm.batches.courier import Courier
from skylore.vlm.batches.ledger import BatchLedger
from skylore.vlm.batches.provider import Provider
from skylore.vlm.batches.sender import BatchSender
from skylore.vlm.batches.settings import BatchSettings
from skylore.vlm.drawing import Drawing
from skylore.vlm.sending import Sending
from skylore.vlm.session import Session
from skylore.vlm.settings import SessionSettings
from skylore.vlm.tariff import Tariff

__all__ = ["BatchSession"]

T = TypeVar("T")


class BatchSession(Session):
    """Asks a model in batches, from any thread.

    Work that is submitted ends with AwaitedError where an answer is not there yet. It is submitted
    anew once batches have come back.

    Parameters
    ----------
    settings, answers
        As for :class:`skylore.vlm.session.Session`.
    batches
        How batches are made and watched.
    """

    def __init__(self, settings: SessionSettings, answers: Path, batches: BatchSettings) -> None:
        self.batches = batches
        super().__init__(settings, answers, tokens_expected=0.0)

    def _make_sender(self, drawing: Drawing) -> Sending:
        settings, folder = self.settings, self.store.path.with_suffix(".batches")
        self.ledger = BatchLedger(self.store, settings.model)
        tariff = Tariff(settings.prices, self.batches.discount)
        self._composer = Composer(
            self.ledger, self.batches, folder, settings.model, self.endpoint.place
        )
        self._batch_sender = BatchSender(
            endpoint=self.endpoint,
            store=self.store,
            ledger=self.ledger,
            composer=self._composer,
            tariff=tariff,
            persistence=settings.asking,
            drawing=drawing,
            settings=self.batches,
            limit=settings.budget.amount if settings.budget else None,
        )
        self._courier = Courier(
            provider=Provider(self.endpoint),
            ledger=self.ledger,
            sender=self._batch_sender,
            settings=self.batches,
            persistence=settings.asking,
            tariff=tariff,
            folder=folder,
            model=settings.model,
        )
        self._courier.tidy()
        return self._batch_sender

    @property
    def spent(self) -> int:
        """What was spent on this archive so far, and may be by what is under way."""
        return self.store.spent()

    def begin(self) -> None:
        """Take questions into batches from now on."""
        self._batch_sender.begin()

    def seal(self) -> None:
        """Take no more questions, and submit what there is."""
        self._do(self._batch_sender.seal)
        self._do(self._courier.bring)

    def bring(self) -> None:
        """Submit the batches that are full."""
        self._do(self._courier.bring)

    def fetch(self) -> tuple[int, int]:
        """Look at the batches; see :meth:`skylore.vlm.batches.courier.Courier.fetch`."""
        return self._do(self._courier.fetch)

    def close(self) -> None:
        """Keep what is under way, and close the connections and the file."""
        super().close()
        self._composer.discard()

    def _do(self, work: Callable[[], Awaitable[T]]) -> T:
        async def run(_: Asker) -> T:
            return await work()

        done: Future[T] = self.submit(run)
        return done.result()
