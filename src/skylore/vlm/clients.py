"""Clients of one server, each with few connections, since a pool looks through all of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skylore.errors import DependencyMissingError

__all__ = ["Clients"]

_EACH = 8
"""Requests under way on a client. Its pool walks through its connections, and polls the idle ones,
for every request: with 64 of them that takes longer than all the rest of a request."""

_CONNECT_SECONDS = 10.0


class Clients:
    """As many clients of the package openai as the requests under way need.

    Parameters
    ----------
    key, base_url
        The key, and the server; OpenAI's own if None.
    timeout
        Seconds for one attempt.

    Raises
    ------
    DependencyMissingError
        The package openai is not installed.
    """

    def __init__(self, key: str, base_url: str | None, timeout: float) -> None:
        self._key = key
        self._base_url = base_url
        self._timeout = timeout
        self._all = [self._connect()]
        self._busy = [0]

    @contextmanager
    def borrow(self) -> Iterator[Any]:
        """Give a client for one request."""
        number = next((i for i, busy in enumerate(self._busy) if busy < _EACH), len(self._all))
        if number == len(self._all):
            self._all.append(self._connect())
            self._busy.append(0)
        self._busy[number] += 1
        try:
            yield self._all[number]
        finally:
            self._busy[number] -= 1

    async def close(self) -> None:
        """Close the connections."""
        for client in self._all:
            await client.close()

    def _connect(self) -> Any:  # noqa: ANN401 - as openai gives it
        try:
            import openai
        except ImportError as error:
            raise DependencyMissingError(
                f"asking {self._base_url or 'OpenAI'} needs the package openai. Install it with: "
                "pip install skylore[openai]"
            ) from error
        return openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self._base_url,
            max_retries=0,
            timeout=openai.Timeout(self._timeout, connect=min(_CONNECT_SECONDS, self._timeout)),
        )
