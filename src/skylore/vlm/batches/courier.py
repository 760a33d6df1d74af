"""Bringing batches to the provider and their answers back, once, whenever the process is killed.

Each step is noted on disk before and after. A batch whose creation was begun and whose name is not
known is looked for among the provider's before it is created again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from skylore.errors import EndpointError
from skylore.vlm.batches.composer import file_of
from skylore.vlm.batches.ledger import Batch, BatchLedger, Settled
from skylore.vlm.batches.provider import Provider, RemoteBatch
from skylore.vlm.batches.results import read_results
from skylore.vlm.batches.sender import BatchSender
from skylore.vlm.batches.settings import BatchSettings
from skylore.vlm.faults import PassingError, Persistence, RefusedError, pause_before
from skylore.vlm.sender import OUTAGE
from skylore.vlm.tariff import Tariff

__all__ = ["Courier"]

T = TypeVar("T")
_GROUP = 500
"""Answers that are kept in one transaction."""


@dataclass(eq=False, kw_only=True)
class Courier:
    """Takes the batches of one model where they have to go.

    Attributes
    ----------
    provider, ledger, sender
        The server, the batches on disk, and what makes them.
    settings, persistence, tariff
        How batches are watched, how often to try, and what tokens cost.
    folder
        Where files of batches are.
    model
        Who answers.
    """

    provider: Provider
    ledger: BatchLedger
    sender: BatchSender
    settings: BatchSettings
    persistence: Persistence
    tariff: Tariff
    folder: Path
    model: str
    _chance: random.Random = field(init=False, default_factory=random.Random)
    _failed_in_a_row: int = field(init=False, default=0)

    def tidy(self) -> None:
        """Remove files of batches that were never noted, or are with the provider by now."""
        if self.folder.is_dir():
            kept = {file_of(self.folder, batch.key) for batch in self.ledger.open()}
            for path in self.folder.iterdir():
                if path not in kept:
                    path.unlink()

    async def bring(self) -> None:
        """Submit all batches that are not with the provider yet.

        Raises
        ------
        EndpointError
            The provider takes none, or is out of reach.
        """
        for batch in self._mine():
            if batch.state != "submitted":
                await self._submit(batch)

    async def fetch(self) -> tuple[int, int]:
        """Look at all batches, and keep the answers of those that are over.

        Returns
        -------
        (int, int)
            How many batches were over, and how many requests of the others are through.

        Raises
        ------
        EndpointError
            The provider is out of reach, or takes no batches of this kind.
        """
        over = finished = 0
        for batch in self._mine():
            if batch.remote is None:
                continue
            remote = await self._persist(partial(self.provider.look, batch.remote))
            if remote is not None and not remote.is_over:
                finished += remote.finished
                continue
            await self._land(batch, remote)
            over += 1
        return over, finished

    def _mine(self) -> list[Batch]:
        return [batch for batch in self.ledger.open() if batch.place == self.provider.place]

    async def _submit(self, batch: Batch) -> None:
        path = file_of(self.folder, batch.key)
        if batch.input is None:
            name = await self._persist(partial(self.provider.find_upload, path.name, batch.made))
            if name is None and not path.is_file():
                await self._give_back(batch, "its file was removed before it was sent")
                return
            if name is None:
                name = await self._persist(partial(self.provider.upload, path))
            await asyncio.wrap_future(self.ledger.uploaded(batch, name))
            batch = replace(batch, input=name)
        remote = await self._persist(partial(self._found_or_created, batch))
        await asyncio.wrap_future(self.ledger.submitted(batch, remote.id))
        path.unlink(missing_ok=True)

    async def _found_or_created(self, batch: Batch) -> RemoteBatch:
        """Create the batch, unless an earlier try did, which nobody may have heard of."""
        noted = next((b for b in self.ledger.open() if b.key == batch.key), batch)
        while noted.creating is not None:
            found = await self.provider.find(batch.key, batch.input, batch.made)
            if found is not None:
                return found
            rest = noted.creating + self.settings.settling - time.time()
            if rest <= 0:
                break
            await asyncio.sleep(min(rest, 1.0))
        await asyncio.wrap_future(self.ledger.creating(batch))
        return await self.provider.create(batch.key, batch.input or "", self.settings.window)

    async def _land(self, batch: Batch, remote: RemoteBatch | None) -> None:
        """Keep all answers, and settle what has none."""
        if remote is not None:
            for file in (remote.output_file_id, remote.error_file_id):
                if file is not None:
                    await self._read(batch, file)
            if remote.status == "failed":
                await self._refused(batch, remote)
                return
        # Of a completed batch, or of one that is gone, nobody can know what was charged.
        doubtful = remote is None or remote.status == "completed"
        status = remote.status if remote is not None else "gone"
        fault = f"the batch is {status} and says nothing about this request"
        left = [
            Settled(key, "failed", None if doubtful else 0, fault)
            for key, *_ in self.ledger.unsettled(batch)
        ]
        await self._close(batch, left)
        self._failed_in_a_row = 0

    async def _read(self, batch: Batch, file: str) -> None:
        asked = {
            key: (image, prompt, most) for key, image, prompt, most in self.ledger.unsettled(batch)
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        path = file_of(self.folder, batch.key).with_suffix(".answers")
        await self._persist(partial(self.provider.download, file, path))
        results = read_results(path, asked, model=self.model, tariff=self.tariff)
        while group := list(islice(results, _GROUP)):
            await asyncio.wrap_future(self.ledger.settle(batch, group))
        path.unlink()

    async def _refused(self, batch: Batch, remote: RemoteBatch) -> None:
        """Have the requests of a batch sent again that the provider did not take, with bounds."""
        told = "; ".join(f.message or f.code or "" for f in remote.faults) or "no reason given"
        if any(fault.code == "token_limit_exceeded" for fault in remote.faults):
            under_way = sum(each.tokens for each in self._mine())
            await self._give_back(batch, told)
            self.sender.take_less(under_way // 2)
            if batch.requests > 1:
                return
        else:
            await self._close(batch, self._all(batch, told))
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= OUTAGE:
            raise EndpointError(
                f"{self.provider.place} takes none of the batches, the last time because: {told}"
            )

    async def _give_back(self, batch: Batch, fault: str) -> None:
        left = [replace(each, state="returned") for each in self._all(batch, fault)]
        await self._close(batch, left)

    def _all(self, batch: Batch, fault: str) -> list[Settled]:
        return [Settled(key, "failed", 0, fault) for key, *_ in self.ledger.unsettled(batch)]

    async def _close(self, batch: Batch, left: Iterable[Settled]) -> None:
        await asyncio.wrap_future(self.ledger.settle(batch, left))
        await asyncio.wrap_future(self.ledger.done(batch))
        file_of(self.folder, batch.key).unlink(missing_ok=True)
        if batch.input is not None:
            # The images are no longer needed there; that they stay is no reason to stop.
            with suppress(PassingError, RefusedError, EndpointError):
                await self.provider.delete(batch.input)

    async def _persist(self, work: Callable[[], Awaitable[T]]) -> T:
        """Try again while faults are passing ones."""
        attempt = 0
        while True:
            try:
                return await work()
            except PassingError as fault:
                attempt += 1
                if attempt >= self.persistence.attempts:
                    raise EndpointError(
                        f"{self.provider.place} does not go on: {fault}. Batches that it has are "
                        "safe there; run the same command again to go on"
                    ) from fault
                await asyncio.sleep(pause_before(attempt, fault, self._chance))
            except RefusedError as error:
                raise EndpointError(f"{self.provider.place} refuses: {error}") from error
