"""How many requests may be under way, and how many requests and tokens may begin in a minute."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["LimitSettings", "Limits", "Pace"]

_MINUTE = 60.0


class LimitSettings(BaseModel):
    """What the server allows.

    Attributes
    ----------
    concurrency
        Requests under way at a time.
    requests_per_minute, tokens_per_minute
        None for no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: int = Field(64, ge=1, le=1000)
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)


class Pace:
    """Spreads amounts evenly, so that no minute sees more than allowed (and one amount).

    Parameters
    ----------
    per_minute
        The allowed amount a minute.
    """

    def __init__(self, per_minute: float) -> None:
        self._seconds_each = _MINUTE / per_minute
        self._free = -float("inf")

    def book(self, amount: float, now: float) -> float:
        """Take the next free time for an amount; returns it."""
        start = max(now, self._free)
        self._free = start + amount * self._seconds_each
        return start

    def correct(self, amount: float) -> None:
        """Add to what was booked, or take off where the amount is negative."""
        self._free += amount * self._seconds_each


class Limits:
    """Lets requests begin as the server allows.

    Parameters
    ----------
    settings
        The limits.
    tokens_expected
        Tokens of a request, until answers have told.
    """

    def __init__(self, settings: LimitSettings, tokens_expected: float) -> None:
        self._slots = asyncio.Semaphore(settings.concurrency)
        requests, tokens = settings.requests_per_minute, settings.tokens_per_minute
        self._requests = Pace(requests) if requests else None
        self._tokens = Pace(tokens) if tokens else None
        self._expected = tokens_expected
        self._closed_until = 0.0
        self._chance = random.Random()  # noqa: S311 - spreads requests in time

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait for a turn, and hold it; gives the tokens that were booked for it."""
        async with self._slots:
            now, booked = time.monotonic(), self._expected
            amounts = ((self._requests, 1.0), (self._tokens, booked))
            starts = [pace.book(amount, now) for pace, amount in amounts if pace]
            await asyncio.sleep(max(0.0, max(starts, default=now) - now))
            while (closed := self._closed_until - time.monotonic()) > 0:
                await asyncio.sleep(closed * self._chance.uniform(1.0, 1.1))
            yield booked

    def used(self, tokens: int, booked: float) -> None:
        """Say how many tokens a request took for which ``booked`` were."""
        if self._tokens:
            self._tokens.correct(tokens - booked)
        self._expected += 0.1 * (tokens - self._expected)

    def close_for(self, seconds: float) -> None:
        """Let nothing begin for a while, as a server asked that is asked too often."""
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)
