"""Sending a question until there is an answer, with the money for it reserved beforehand.

The order of things is what makes the promises hold. Money is reserved, on disk, before a request
is sent; an answer is on disk, with what it cost, before it is used; and where it cannot be known
whether an attempt was charged for, the most that it may have cost counts as spent.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import InitVar, dataclass, field
from typing import NoReturn

from skylore.errors import EndpointError
from skylore.vlm.calls import Call
from skylore.vlm.drawing import Drawing
from skylore.vlm.endpoint import Endpoint
from skylore.vlm.faults import HaltedError, PassingError, Persistence, RefusedError, pause_before
from skylore.vlm.limits import Limits
from skylore.vlm.purse import BudgetSpentError, Purse
from skylore.vlm.store import Answer, AnswerStore
from skylore.vlm.tariff import Tariff

__all__ = ["Sender"]

OUTAGE = 3
"""Requests given up in a row, with no success between them, after which nobody seems to answer."""


@dataclass(eq=False, kw_only=True)
class Sender:
    """Sends questions to one model, from the event loop that it was made in.

    Attributes
    ----------
    endpoint, store, purse, limits, tariff, persistence, drawing
        The server, where answers are kept, the budget, the rate limits, what tokens cost, how
        often to try, and what draws the images.
    at_once
        Requests that are being prepared, sent, waited for or kept at a time.
    halt
        Why the run must end, if it must.
    sent
        Requests sent so far.
    """

    endpoint: Endpoint
    store: AnswerStore
    purse: Purse
    limits: Limits
    tariff: Tariff
    persistence: Persistence
    drawing: Drawing
    at_once: InitVar[int]
    halt: Exception | None = field(init=False, default=None)
    sent: int = field(init=False, default=0)

    def __post_init__(self, at_once: int) -> None:
        self._admitted = asyncio.Semaphore(at_once)
        self._answered: set[str] = set()
        self._halted = asyncio.Event()
        self._given_up = 0
        self._chance = random.Random()  # noqa: S311 - spreads requests in time

    async def send(self, call: Call, key: str) -> Answer:
        """Try until an answer is kept; see :class:`skylore.vlm.sending.Sending`."""
        async with self._admitted:
            self.refuse_if_halted()
            answer = await self._persist(call, key, await self.drawing.of(call))
        self._answered.add(key)
        return answer

    def answered_now(self, key: str) -> bool:
        """Whether this run has asked it."""
        return key in self._answered

    async def _persist(self, call: Call, key: str, image: str | None) -> Answer:
        limited = faults = certain = 0
        while True:
            try:
                answer = await self._attempt(call, key, image, f"skylore-{key}-{certain}")
            except PassingError as fault:
                limited += fault.limited
                faults += not fault.limited
                # A fault that the server told of is over: the next attempt is another request.
                certain += not fault.doubtful
                if fault.limited:
                    self.limits.close_for(fault.after)
                if faults >= self.persistence.attempts or limited > self.persistence.rate_limited:
                    self._give_up(fault, faults + limited)
                await self._wait(pause_before(faults + limited, fault, self._chance))
            else:
                self._given_up = 0
                return answer

    def _give_up(self, fault: PassingError, attempts: int) -> NoReturn:
        """Set this one aside; but where one after another is given up, nobody is there."""
        self._given_up += 1
        if self._given_up >= OUTAGE:
            self._stop(
                EndpointError(
                    f"{self.endpoint.place} answers nothing any more, the last time with: {fault}."
                    " Run the same command again to go on"
                )
            )
        raise PassingError(f"{fault}, at the last of {attempts} attempts") from fault

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._halted.wait(), seconds)

    async def _attempt(self, call: Call, key: str, image: str | None, idempotency: str) -> Answer:
        most = self.tariff.most(call)
        number = await self._reserve(key, most)
        spent, answer, booked = 0, None, 0.0
        try:
            async with self.limits.slot() as booked:
                self.refuse_if_halted()
                self.sent += 1
                spent = most
                reply = await self.endpoint.attempt(call, image, idempotency)
            cost = self.tariff.cost(reply, most)
            answer = reply.answer_to(call, key, model=self.endpoint.model, cost=cost)
            spent = answer.cost
        except PassingError as fault:
            spent = most if fault.doubtful else 0
            raise
        except RefusedError:
            spent = 0
            raise
        except EndpointError as error:
            spent = 0
            self._stop(error)
        finally:
            await asyncio.shield(self._settle(number, most, spent, answer))
        if answer is None:
            raise AssertionError("an attempt ends with an answer or an error")
        if answer.tokens_in is not None and answer.tokens_out is not None:
            self.limits.used(answer.tokens_in + answer.tokens_out, booked)
        return answer

    async def _reserve(self, key: str, most: int) -> int:
        self.refuse_if_halted()
        try:
            await self.purse.take(most)
        except BudgetSpentError as error:
            self._stop(error)
        try:
            return await asyncio.wrap_future(self.store.reserve(key, most))
        except BaseException as error:
            await self.purse.settle(most, 0)
            if isinstance(error, Exception):
                self._stop(error)
            raise

    async def _settle(self, number: int, most: int, spent: int, answer: Answer | None) -> None:
        try:
            await asyncio.wrap_future(self.store.settle(number, spent, answer))
        except Exception as error:  # noqa: BLE001 - whatever it is, what was answered is not kept
            self._stop(error)
        finally:
            await self.purse.settle(most, spent)

    def refuse_if_halted(self) -> None:
        """Raise HaltedError once the run must end."""
        if self.halt is not None:
            raise HaltedError from self.halt

    def _stop(self, reason: Exception) -> NoReturn:
        self.end(reason)
        raise HaltedError from reason

    def end(self, reason: Exception) -> None:
        """End the run: what is under way is finished, and nothing new is sent."""
        if self.halt is None:
            self.halt = reason
            self._halted.set()
