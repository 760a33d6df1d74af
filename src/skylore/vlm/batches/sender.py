"""A sender that answers nothing itself: it puts questions into the next batch.

What asks is told that the answer is awaited, and asks again once batches have come back. All that
was answered is found among the kept answers then, so that each time it gets a question further, in
this process or in another one days later.
"""

from __future__ import annotations

import asyncio
from dataclasses import InitVar, dataclass, field
from typing import NoReturn

from skylore.vlm.batches.composer import Composer
from skylore.vlm.batches.ledger import BatchLedger, Line
from skylore.vlm.batches.settings import BatchSettings
from skylore.vlm.calls import Call
from skylore.vlm.drawing import Drawing
from skylore.vlm.endpoint import Endpoint
from skylore.vlm.faults import AwaitedError, HaltedError, PassingError, Persistence, RefusedError
from skylore.vlm.purse import BudgetSpentError
from skylore.vlm.store import Answer, AnswerStore
from skylore.vlm.tariff import Tariff

__all__ = ["BatchSender"]


@dataclass(eq=False, kw_only=True)
class BatchSender:
    """Puts questions to one model into batches, between :meth:`begin` and :meth:`seal`.

    Attributes
    ----------
    endpoint, store, ledger, composer
        The server, the kept answers, the batches, and what writes them.
    tariff, persistence, drawing, settings
        What tokens cost, how often to try, what draws the images, and the bounds.
    limit
        The most that may be spent in all, in 10⁻¹² of the currency; None for no limit.
    halt
        Why the run must end, if it must.
    sent
        Requests put into batches so far.
    """

    endpoint: Endpoint
    store: AnswerStore
    ledger: BatchLedger
    composer: Composer
    tariff: Tariff
    persistence: Persistence
    drawing: Drawing
    settings: InitVar[BatchSettings]
    limit: int | None
    halt: Exception | None = field(init=False, default=None)
    sent: int = field(init=False, default=0)

    def __post_init__(self, settings: BatchSettings) -> None:
        self._most_tokens = settings.most_tokens
        self._composing = False
        self._full = False
        self._spent = self._tokens = 0
        self._one_by_one = asyncio.Lock()

    def begin(self) -> None:
        """Begin to take questions."""
        self._composing, self._full = True, False
        self._spent = self.store.spent()
        self._tokens = sum(batch.tokens for batch in self.ledger.open())

    async def seal(self) -> None:
        """Take no more, and make a batch of the last ones."""
        self._composing = False
        await self.composer.seal()

    async def send(self, call: Call, key: str) -> Answer:
        """Say what became of a question, or put it into the next batch.

        Never gives an answer: see :class:`skylore.vlm.sending.Sending` for what it raises.
        """
        self._recall(key)
        image = await self.drawing.of(call)
        async with self._one_by_one:
            self._recall(key)
            most, tokens = self.tariff.most(call), call.most_tokens_in + call.prompt.max_tokens
            if not self._has_room(most, tokens):
                self._full = True
                raise AwaitedError
            body = call.body(self.endpoint.model, image, self.endpoint.tokens_field)
            shown = call.picture.digest if call.picture else ""
            await self.composer.add(Line(key, shown, call.prompt.digest, most, tokens), body)
            self._spent += most
            self._tokens += tokens
            self.sent += 1
        raise AwaitedError

    def answered_now(self, key: str) -> bool:
        """Whether a batch of this run, or one that it found under way, gave the answer."""
        return self.ledger.answered_now(key)

    def take_less(self, tokens: int) -> None:
        """Keep within fewer tokens under way, as the provider has them limited."""
        self._most_tokens = max(1, tokens)

    def end(self, reason: Exception) -> None:
        """End the run: what is with the provider stays there, and nothing new is sent."""
        if self.halt is None:
            self.halt = reason

    def _recall(self, key: str) -> None:
        """Raise what is known of a question without asking it."""
        if self.halt is not None:
            raise HaltedError from self.halt
        known = self.ledger.outcome(key)
        if known.refused is not None:
            raise RefusedError(known.refused)
        if known.waiting or self.composer.holds(key):
            raise AwaitedError
        if known.failures >= self.persistence.attempts:
            raise PassingError(f"{known.fault}, at the last of {known.failures} attempts")
        if self._full or not self._composing:
            raise AwaitedError

    def _has_room(self, most: int, tokens: int) -> bool:
        under_way = self._tokens > 0
        if self.limit is not None and self._spent + most > self.limit:
            # Batches that come back free what they did not need; with none, nothing will.
            if not under_way:
                self._stop()
            return False
        # A single request above the limit is sent all the same: it is for the provider to say.
        return not (under_way and self._most_tokens and self._tokens + tokens > self._most_tokens)

    def _stop(self) -> NoReturn:
        self.end(BudgetSpentError())
        raise HaltedError from self.halt
