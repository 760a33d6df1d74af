"""From a question to an answer that was checked: kept answers first, then the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from skylore.vlm.calls import Call
from skylore.vlm.faults import RefusedError, UnusableAnswerError
from skylore.vlm.sending import Sending
from skylore.vlm.store import Answer, AnswerStore

__all__ = ["Asker", "Usage"]

T = TypeVar("T")
REFUSAL = "refusal"


@dataclass
class Usage:
    """What the answers about an object have cost, whenever that was.

    Attributes
    ----------
    calls, tokens_in, tokens_out
        Counts; tokens are None where a server does not count.
    cost
        In 10⁻¹² of the currency.
    latency
        Seconds, summed; None where nobody knows them, as in batches.
    """

    calls: int = 0
    tokens_in: int | None = 0
    tokens_out: int | None = 0
    cost: int = 0
    latency: float | None = 0.0

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        self.calls += 1
        self.tokens_in = _sum(self.tokens_in, answer.tokens_in)
        self.tokens_out = _sum(self.tokens_out, answer.tokens_out)
        self.cost += answer.cost
        if self.latency is not None:
            self.latency = None if answer.latency is None else self.latency + answer.latency


class Asker:
    """Asks one model, from the event loop that it was made in.

    Parameters
    ----------
    model
        Its name.
    sender, store
        What sends, and where answers are kept.
    corrections
        How often the model is told what was wrong with its answer.
    again
        Whether to ask anew what was answered before and was not usable.
    """

    def __init__(
        self,
        model: str,
        sender: Sending,
        store: AnswerStore,
        *,
        corrections: int,
        again: bool,
    ) -> None:
        self._model = model
        self._sender = sender
        self._store = store
        self._corrections = corrections
        self._again = again
        self._asking: dict[str, asyncio.Task[Answer]] = {}
        # Not kept on disk: a server that was set up wrongly would be believed for ever.
        self._refused: dict[str, str] = {}

    async def ask(self, call: Call, read: Callable[[Answer], T], usage: Usage) -> T:
        """Give what ``read`` makes of the answer, correcting the model where it cannot.

        Raises
        ------
        RefusedError
            The model or the server will not answer.
        UnusableAnswerError
            Nothing usable came, although the model was told what is wrong.
        PassingError
            This request failed again and again, while others succeeded.
        HaltedError
            The run must end; or, as AwaitedError, the answer is still to come.
        ImageError
            The image cannot be shown.
        """
        for correction in range(self._corrections + 1):
            answer = await self._answer(call)
            usage.add(answer)
            try:
                _refuse(answer)
                return read(answer)
            except UnusableAnswerError as error:
                await self._reject(answer)
                if correction == self._corrections:
                    raise
                call = call.corrected(answer.text, str(error))
            except RefusedError:
                await self._reject(answer)
                raise
        raise AssertionError("unreachable")

    async def _reject(self, answer: Answer) -> None:
        if answer.usable:
            await asyncio.wrap_future(self._store.reject(answer.key))

    async def _answer(self, call: Call) -> Answer:
        """Give the kept answer, or the one that is being asked for, or ask."""
        key = call.key(self._model)
        kept = self._store.find(key)
        if kept is not None and self._holds(kept):
            return kept
        if key in self._refused:
            raise RefusedError(self._refused[key])
        if key not in self._asking:
            task = asyncio.create_task(self._ask_server(call, key))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await self._asking[key]

    def _holds(self, kept: Answer) -> bool:
        return kept.usable or not self._again or self._sender.answered_now(kept.key)

    async def _ask_server(self, call: Call, key: str) -> Answer:
        try:
            return await self._sender.send(call, key)
        except RefusedError as error:
            self._refused[key] = str(error)
            raise


def _refuse(answer: Answer) -> None:
    if answer.finish == REFUSAL:
        raise RefusedError(f"the model refused: {answer.text}")


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
