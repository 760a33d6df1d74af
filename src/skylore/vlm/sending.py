"""What an asker sends its questions through."""

from __future__ import annotations

from typing import Protocol

from skylore.vlm.calls import Call
from skylore.vlm.store import Answer

__all__ = ["Sending"]


class Sending(Protocol):
    """A way to send questions to one model: one by one, or in batches."""

    @property
    def halt(self) -> Exception | None:
        """Why the run must end, if it must."""

    @property
    def sent(self) -> int:
        """Requests sent so far."""

    async def send(self, call: Call, key: str) -> Answer:
        """Give the answer, which is kept on disk by then.

        Raises
        ------
        PassingError
            This request failed again and again, while others succeeded.
        RefusedError
            The server will not answer it.
        HaltedError
            The run must end: see :attr:`halt`.
        AwaitedError
            The provider has it in a batch, or will have.
        ImageError
            The image cannot be shown.
        """

    def answered_now(self, key: str) -> bool:
        """Whether the kept answer to this came of asking in this run."""

    def end(self, reason: Exception) -> None:
        """End the run: what is under way is finished, and nothing new is sent."""
