"""Writing batches to disk, request by request, within the provider's bounds."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from pathlib import Path
from typing import IO, Any

from skylore.vlm.batches.ledger import Batch, BatchLedger, Line
from skylore.vlm.batches.provider import ENDPOINT
from skylore.vlm.batches.settings import BatchSettings

__all__ = ["Composer", "file_of"]


def file_of(folder: Path, key: str) -> Path:
    """Give the file of a batch's requests."""
    return folder / f"skylore-{key}.jsonl"


class Composer:
    """Collects requests in files, and seals each file as a batch once it is full.

    Parameters
    ----------
    ledger, settings
        Where batches are noted, and their bounds.
    folder
        Where their files are, until they were sent.
    model, place
        Whom they ask.
    """

    def __init__(
        self, ledger: BatchLedger, settings: BatchSettings, folder: Path, model: str, place: str
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._folder = folder
        self._model = model
        self._place = place
        self._file: IO[bytes] | None = None
        self._key = ""
        self._lines: dict[str, Line] = {}
        self._bytes = 0

    def holds(self, key: str) -> bool:
        """Whether a question is among them."""
        return key in self._lines

    async def add(self, line: Line, body: dict[str, Any]) -> None:
        """Write a request, sealing first what would become too large with it."""
        request = {"custom_id": line.key, "method": "POST", "url": ENDPOINT, "body": body}
        written = json.dumps(request, separators=(",", ":")).encode() + b"\n"
        full = len(self._lines) >= self._settings.most_requests
        if self._lines and (full or self._bytes + len(written) > self._settings.most_bytes):
            await self.seal()
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._key = uuid.uuid4().hex
            self._file = file_of(self._folder, self._key).open("wb")
        self._file.write(written)
        self._bytes += len(written)
        self._lines[line.key] = line

    async def seal(self) -> None:
        """Make a batch of what there is: its file on disk first, then the note and the money."""
        if self._file is None:
            return
        lines = list(self._lines.values())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        batch = Batch(
            key=self._key,
            model=self._model,
            place=self._place,
            prompt=lines[0].prompt,
            requests=len(lines),
            tokens=sum(line.tokens for line in lines),
            made=time.time(),
        )
        self._file, self._lines, self._bytes = None, {}, 0
        await asyncio.wrap_future(self._ledger.seal(batch, lines))

    def discard(self) -> None:
        """Throw away what was not sealed."""
        if self._file is not None:
            self._file.close()
            file_of(self._folder, self._key).unlink(missing_ok=True)
            self._file, self._lines, self._bytes = None, {}, 0
