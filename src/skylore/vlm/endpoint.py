"""An OpenAI-compatible server of chat completions: one attempt, its answer or its fault."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from skylore.errors import EndpointError, ModelError
from skylore.vlm.calls import Call
from skylore.vlm.clients import Clients
from skylore.vlm.faults import PassingError, RefusedError, retry_after
from skylore.vlm.replies import Reply, read_reply

__all__ = ["PASSING_STATUS", "Endpoint"]

PASSING_STATUS = {408, 409, 425, 429}
_STOPPING = {401, 402, 403, 404, 405, 410}
_NOT_CHARGED = {429, 500, 501, 503}


class Endpoint:
    """A model on a server.

    The key comes from ``OPENAI_API_KEY``; a server named by ``base_url`` or ``OPENAI_BASE_URL`` may
    do without one. It is sent to the server, and written nowhere.

    Parameters
    ----------
    model
        The server's name of the model.
    base_url
        The server, such as ``http://localhost:8000/v1``; OpenAI's own unless given.
    timeout
        Seconds for one whole attempt, however slowly the answer drips.

    Raises
    ------
    DependencyMissingError
        The package openai is not installed.
    ModelError
        Neither a key nor a server is set, or the URL is not one.
    """

    def __init__(self, model: str, base_url: str | None = None, *, timeout: float = 120.0) -> None:
        self.model = model
        self._timeout = timeout
        self._key = os.environ.get("OPENAI_API_KEY", "")
        base_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        if not self._key and not base_url:
            raise ModelError(
                f"openai:{model} needs OPENAI_API_KEY, or --base-url for a server of your own"
            )
        self.place = _place(base_url)
        self.tokens_field = "max_tokens" if base_url else "max_completion_tokens"
        self.clients = Clients(self._key or "no-key-needed", base_url, timeout)

    async def attempt(self, call: Call, image_url: str | None, idempotency: str) -> Reply:
        """Ask once.

        Parameters
        ----------
        call, image_url
            The question, and its picture as drawn.
        idempotency
            Sent as ``Idempotency-Key`` (IETF draft-ietf-httpapi-idempotency-key-header): servers
            that know it charge once for attempts with the same key.

        Raises
        ------
        PassingError
            The next attempt may succeed.
        RefusedError
            The server will not answer this question.
        EndpointError
            The server will answer no question: wrong key, address or model, or no money left.
        """
        body = call.body(self.model, image_url, self.tokens_field)
        started = time.monotonic()
        with self.faults():
            async with asyncio.timeout(self._timeout):
                with self.clients.borrow() as client:
                    # The generic call: the typed one walks through every part of the body anew.
                    answer = await client.post(
                        "/chat/completions",
                        body=body,
                        cast_to=object,
                        options={"headers": {"Idempotency-Key": idempotency}},
                    )
        return read_reply(answer, time.monotonic() - started)

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn what goes wrong with a request into the faults that :meth:`attempt` raises."""
        import openai

        try:
            yield
        except (TimeoutError, openai.APITimeoutError) as error:
            doubtful = not _never_connected(error)
            raise PassingError("no answer in time", doubtful=doubtful) from None
        except openai.APIStatusError as error:
            raise self._fault(error) from None
        except openai.APIConnectionError as error:
            cause = type(error.__cause__ or error).__name__
            message = f"the connection to {self.place} failed ({cause})"
            raise PassingError(message, doubtful=not _never_connected(error)) from None
        except ValueError:
            raise PassingError(
                "the answer is cut off: its JSON has no end", doubtful=True
            ) from None

    async def close(self) -> None:
        """Close the connections."""
        await self.clients.close()

    def _fault(self, error: Any) -> Exception:  # noqa: ANN401 - openai is not typed here
        status, told = int(error.status_code), self.redacted(" ".join(str(error).split()))[:500]
        if "insufficient_quota" in told or "billing" in str(error.code or ""):
            return EndpointError(f"{self.place} says that the account has no money left: {told}")
        if status in _STOPPING:
            return EndpointError(f"{self.place} refuses {self.model!r}: {told}. {_HINTS[status]}")
        if status in PASSING_STATUS or status >= 500:
            return PassingError(
                told,
                after=retry_after(error.response.headers.get("retry-after")),
                limited=status == 429,
                doubtful=status not in _NOT_CHARGED,
            )
        return RefusedError(told)

    def redacted(self, message: str) -> str:
        """Take the key out of a message: servers quote it in their answers to bad ones."""
        return message.replace(self._key, "[key]") if self._key else message


_HINTS = {
    401: "Check OPENAI_API_KEY",
    402: "Pay the provider's bill",
    403: "Check that the key may use this model",
    404: "Check --base-url (it usually ends in /v1) and the model's name",
    405: "Check --base-url: no chat completions are served there",
    410: "The model is gone; choose another",
}


def _never_connected(error: BaseException) -> bool:
    """Whether nothing can have reached the server; versions of openai differ in HTTP library."""
    return type(error.__cause__).__name__ in {"ConnectError", "ConnectTimeout"}


def _place(base_url: str | None) -> str:
    if base_url is None:
        return "OpenAI"
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ModelError("--base-url is not a web address such as http://localhost:8000/v1")
    if parts.username or parts.password or parts.query:
        raise ModelError("--base-url holds a secret; put the key into OPENAI_API_KEY instead")
    return base_url
