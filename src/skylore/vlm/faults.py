"""What can go wrong with a request, and how long to wait before the next."""

from __future__ import annotations

import email.utils
import random
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AwaitedError",
    "HaltedError",
    "PassingError",
    "Persistence",
    "RefusedError",
    "UnusableAnswerError",
    "pause_before",
    "retry_after",
]

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
_LONGEST_ASKED_FOR = 600.0


class Persistence(BaseModel):
    """How persistently a model is asked.

    Attributes
    ----------
    attempts
        Of one request, while faults are passing ones.
    rate_limited
        Further attempts of a request that is told that there are too many.
    corrections
        How often the model is told what was wrong with its answer.
    again
        Ask anew what was answered before and was not usable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(6, ge=1)
    rate_limited: int = Field(30, ge=0)
    corrections: int = Field(2, ge=0)
    again: bool = False


class PassingError(Exception):
    """A fault that the next try may not meet: a rate limit, a server error, a cut connection.

    Parameters
    ----------
    message
        What happened.
    after
        Seconds that the server asked to wait.
    limited
        Whether the server says that it is asked too often, which holds for all requests.
    doubtful
        Whether the server may have charged for it.
    """

    def __init__(
        self, message: str, *, after: float = 0.0, limited: bool = False, doubtful: bool = False
    ) -> None:
        super().__init__(message)
        self.after = after
        self.limited = limited
        self.doubtful = doubtful


class RefusedError(Exception):
    """The model or the server will not answer this; asking again would change nothing."""


class UnusableAnswerError(Exception):
    """The answer is not what was asked for; the message tells the model what to mend."""


class HaltedError(Exception):
    """The run must end before this could be asked."""


class AwaitedError(HaltedError):
    """The answer is still to come: a batch has the question, or the next one will have it."""


def pause_before(attempt: int, fault: PassingError, chance: random.Random) -> float:
    """Give the seconds to wait before the next attempt.

    Exponential with full jitter (Brooker 2015, "Exponential Backoff And Jitter"): uniform between
    0 and ``0.5 · 2^attempt``, at most a minute, on top of what the server asked for.
    """
    ceiling = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(attempt, 10))
    return min(fault.after, _LONGEST_ASKED_FOR) + chance.uniform(0, ceiling)


def retry_after(value: str | None) -> float:
    """Read a ``Retry-After`` header, in seconds or as a date (RFC 9110, 10.2.3); 0 without one."""
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
