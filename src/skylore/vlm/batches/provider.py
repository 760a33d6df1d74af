"""The provider's side of batches: files, batches, and what came of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from skylore.errors import EndpointError
from skylore.vlm.endpoint import Endpoint
from skylore.vlm.faults import PassingError

__all__ = ["ENDPOINT", "OWN_KEY", "Provider", "RemoteBatch"]

ENDPOINT = "/v1/chat/completions"
OWN_KEY = "skylore_batch"
_PAGE = 100
_CLOCKS_APART = 3600.0


class _Counts(BaseModel):
    total: int = 0
    completed: int = 0
    failed: int = 0


class _Fault(BaseModel):
    code: str | None = None
    message: str | None = None


class _Faults(BaseModel):
    data: list[_Fault] | None = None


class RemoteBatch(BaseModel):
    """A batch as the provider tells of it."""

    id: str
    status: str
    created_at: float = 0.0
    output_file_id: str | None = None
    error_file_id: str | None = None
    input_file_id: str | None = None
    request_counts: _Counts | None = None
    errors: _Faults | None = None
    metadata: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {"completed", "failed", "expired", "cancelled"}

    @property
    def finished(self) -> int:
        """How many of its requests are through."""
        counts = self.request_counts
        return counts.completed + counts.failed if counts else 0

    @property
    def faults(self) -> list[_Fault]:
        """Why it was not taken."""
        return (self.errors.data if self.errors else None) or []


class _File(BaseModel):
    id: str
    filename: str = ""
    created_at: float = 0.0


class _Page(BaseModel):
    data: list[dict[str, Any]] = Field(default_factory=list)
    has_more: bool = False


class Provider:
    """Speaks the protocol of files and batches with a server.

    Each method raises PassingError where another try may succeed, and EndpointError where the
    server takes no batches.

    Parameters
    ----------
    endpoint
        The server.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.place = endpoint.place

    async def upload(self, path: Path) -> str:
        """Upload a file of requests; gives the provider's name of it."""
        with self._asking() as client, path.open("rb") as file:
            made = await client.files.create(file=(path.name, file), purpose="batch")
            return str(made.id)

    async def find_upload(self, name: str, since: float) -> str | None:
        """Look for a file that was uploaded by this name."""
        async for entry in self._list("/files", {"purpose": "batch"}):
            file = _File.model_validate(entry)
            if file.filename == name:
                return file.id
            if 0 < file.created_at < since - _CLOCKS_APART:
                return None
        return None

    async def create(self, key: str, file: str, window: str) -> RemoteBatch:
        """Have the requests of a file answered."""
        asked = {
            "input_file_id": file,
            "endpoint": ENDPOINT,
            "completion_window": window,
            "metadata": {OWN_KEY: key},
        }
        with self._asking() as client:
            options = {"headers": {"Idempotency-Key": f"skylore-batch-{key}"}}
            return _read(await client.post("/batches", body=asked, cast_to=object, options=options))

    async def find(self, key: str, file: str | None, since: float) -> RemoteBatch | None:
        """Look for a batch that was created with this key, or of this file."""
        async for entry in self._list("/batches", {}):
            batch = _read(entry)
            if (batch.metadata or {}).get(OWN_KEY) == key or batch.input_file_id == file:
                return batch
            if 0 < batch.created_at < since - _CLOCKS_APART:
                return None
        return None

    async def look(self, remote: str) -> RemoteBatch | None:
        """Ask how a batch is doing; None if there is no such batch any more."""
        import openai

        with self._endpoint.faults(), self._endpoint.clients.borrow() as client:
            try:
                return _read(await client.get(f"/batches/{remote}", cast_to=object))
            except openai.NotFoundError:
                return None

    async def download(self, file: str, path: Path) -> None:
        """Write a file of the provider to disk, whole or not at all."""
        part = path.with_suffix(".part")
        with self._asking() as client:
            async with client.files.with_streaming_response.content(file) as answer:
                await answer.stream_to_file(part)
        part.rename(path)

    async def delete(self, file: str) -> None:
        """Delete a file at the provider."""
        with self._asking() as client:
            await client.delete(f"/files/{file}", cast_to=object)

    async def _list(self, path: str, query: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        after: dict[str, str] = {}
        while True:
            asked = {"limit": _PAGE, **query, **after}
            with self._asking() as client:
                answer = await client.get(path, cast_to=object, options={"params": asked})
            page = _page(answer)
            for entry in page.data:
                yield entry
            last = str(page.data[-1].get("id")) if page.data else ""
            # A server that does not know pages gives the same one again.
            if not page.has_more or last == after.get("after", ""):
                return
            after = {"after": last}

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        import openai

        with self._endpoint.faults(), self._endpoint.clients.borrow() as client:
            try:
                yield client
            except openai.NotFoundError as error:
                told = self._endpoint.redacted(" ".join(str(error).split()))[:300]
                raise EndpointError(
                    f"{self.place} takes no batches ({told}). Leave out --batch, or check "
                    "--base-url (it usually ends in /v1)"
                ) from None


def _read(content: object) -> RemoteBatch:
    try:
        return RemoteBatch.model_validate(content)
    except ValidationError as error:
        reason = error.errors(include_input=False)[0]["msg"]
        raise PassingError(f"the answer tells of no batch ({reason})", doubtful=True) from None


def _page(content: object) -> _Page:
    try:
        return _Page.model_validate(content)
    except ValidationError as error:
        reason = error.errors(include_input=False)[0]["msg"]
        raise PassingError(f"the answer is no list ({reason})") from None
