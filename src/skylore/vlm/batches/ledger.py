"""Batches and their requests, on disk before anything is sent.

A batch is ``sealed`` once its file is written and the money for all its requests is reserved, then
``uploaded``, ``submitted`` and ``done``. A request is ``waiting`` until it was ``answered``,
``refused``, ``failed``, or ``returned`` by a provider that took no such batch.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from skylore.vlm.store import Answer, AnswerStore, insert_answer

__all__ = ["Batch", "BatchLedger", "Line", "Outcome", "Settled"]

_FIELDS = "key, model, place, prompt, requests, tokens, made, state, input, remote, creating"


@dataclass(frozen=True)
class Batch:
    """A batch.

    Attributes
    ----------
    key
        Our name of it, which the provider is told as well.
    model, place, prompt
        Whom it asks, and the digest of the prompt of its first request.
    requests, tokens
        How many requests it has, and the most tokens that they may be reckoned at.
    made
        Seconds since 1970.
    state
        ``sealed``, ``uploaded``, ``submitted`` or ``done``.
    input, remote
        The provider's names of its file and of the batch, once there are some.
    creating
        When the provider was last asked to create it, in seconds since 1970.
    """

    key: str
    model: str
    place: str
    prompt: str
    requests: int
    tokens: int
    made: float
    state: str = "sealed"
    input: str | None = None
    remote: str | None = None
    creating: float | None = None


@dataclass(frozen=True)
class Line:
    """A request of a batch: its digests, and the most that it may cost and count."""

    key: str
    image: str
    prompt: str
    most: int
    tokens: int


@dataclass(frozen=True)
class Settled:
    """What became of a request; ``spent`` None counts the most that it may have cost."""

    key: str
    state: Literal["answered", "refused", "failed", "returned"]
    spent: int | None = 0
    fault: str = ""
    answer: Answer | None = None


@dataclass(frozen=True)
class Outcome:
    """What this run knows of a question: whether it waits, was refused, and how often it failed."""

    waiting: bool
    refused: str | None
    failures: int
    fault: str


class BatchLedger:
    """The batches of one model, in the file of its answers.

    Parameters
    ----------
    store
        That file.
    model
        The model.
    """

    def __init__(self, store: AnswerStore, model: str) -> None:
        self._store = store
        self._model = model
        # What is older than this run, and than the batches that it finds under way, is history:
        # a run tries again what an earlier one gave up.
        query = (
            "SELECT COALESCE(MIN(CASE WHEN state = 'waiting' THEN id END) - 1, MAX(id), 0) "
            "FROM batched"
        )
        self._history = int(store.read(query)[0][0])

    def open(self) -> list[Batch]:
        """List the batches that are not done, oldest first."""
        query = f"SELECT {_FIELDS} FROM batches WHERE model = ? AND state != 'done' ORDER BY made"  # noqa: S608 - names of fields
        return [Batch(*row) for row in self._store.read(query, (self._model,))]

    def ever(self, prompt: str) -> bool:
        """Whether there was a batch with this prompt before."""
        query = "SELECT 1 FROM batches WHERE model = ? AND prompt = ? LIMIT 1"
        return bool(self._store.read(query, (self._model, prompt)))

    def waiting(self) -> tuple[int, int]:
        """Count the requests that wait, and sum the most that they may cost."""
        query = (
            "SELECT COUNT(*), COALESCE(SUM(reserved), 0) FROM spending "
            "WHERE id IN (SELECT id FROM batched WHERE state = 'waiting')"
        )
        count, amount = self._store.read(query)[0]
        return count, amount

    def outcome(self, key: str) -> Outcome:
        """Look up what became of a question in this run."""
        query = "SELECT state, fault FROM batched WHERE key = ? AND id > ? ORDER BY id"
        rows = self._store.read(query, (key, self._history))
        states = [state for state, _ in rows]
        refused = [fault for state, fault in rows if state == "refused"]
        return Outcome(
            waiting="waiting" in states,
            refused=refused[-1] if refused else None,
            failures=states.count("failed"),
            fault=next((fault for state, fault in reversed(rows) if state == "failed"), ""),
        )

    def answered_now(self, key: str) -> bool:
        """Whether this run has the answer to a question."""
        query = "SELECT 1 FROM batched WHERE key = ? AND id > ? AND state = 'answered' LIMIT 1"
        return bool(self._store.read(query, (key, self._history)))

    def unsettled(self, batch: Batch) -> list[tuple[str, str, str, int]]:
        """Give key, image, prompt and reserved money of the requests that wait in a batch."""
        query = (
            "SELECT b.key, b.image, b.prompt, s.reserved FROM batched b JOIN spending s "
            "ON s.id = b.id WHERE b.batch = ? AND b.state = 'waiting'"
        )
        return self._store.read(query, (batch.key,))

    def seal(self, batch: Batch, lines: Sequence[Line]) -> Future[None]:
        """Note a batch and reserve the money for it, before any of it is sent."""
        now = datetime.now(UTC).isoformat()

        def work(connection: sqlite3.Connection) -> None:
            marks = ", ".join("?" * 11)
            values = tuple(getattr(batch, name) for name in _FIELDS.split(", "))
            connection.execute(f"INSERT INTO batches ({_FIELDS}) VALUES ({marks})", values)  # noqa: S608 - names of fields
            reserve = "INSERT INTO spending (key, reserved, made) VALUES (?, ?, ?)"
            note = (
                "INSERT INTO batched (id, batch, key, image, prompt, state) "
                "VALUES (?, ?, ?, ?, ?, 'waiting')"
            )
            for line in lines:
                number = connection.execute(reserve, (line.key, line.most, now)).lastrowid
                connection.execute(note, (number, batch.key, line.key, line.image, line.prompt))

        return self._store.write(work)

    def uploaded(self, batch: Batch, file: str) -> Future[None]:
        """Note the provider's name of the file."""
        return self._set(batch, "state = 'uploaded', input = ?", file)

    def creating(self, batch: Batch) -> Future[None]:
        """Note that the provider is about to be asked to create the batch."""
        return self._set(batch, "creating = ?", time.time())

    def submitted(self, batch: Batch, remote: str) -> Future[None]:
        """Note the provider's name of the batch."""
        return self._set(batch, "state = 'submitted', remote = ?", remote)

    def done(self, batch: Batch) -> Future[None]:
        """Note that all of it is settled."""
        return self._set(batch, "state = ?", "done")

    def settle(self, batch: Batch, outcomes: Iterable[Settled]) -> Future[None]:
        """Note what became of requests, what each cost, and its answer, in one transaction.

        What is settled stays as it is: files may be read again after a crash, and a provider may
        write a line twice.
        """
        settled = list(outcomes)

        def work(connection: sqlite3.Connection) -> None:
            find = "SELECT id FROM batched WHERE batch = ? AND key = ? AND state = 'waiting'"
            for each in settled:
                row = connection.execute(find, (batch.key, each.key)).fetchone()
                if row is None:
                    continue
                note = "UPDATE batched SET state = ?, fault = ? WHERE id = ?"
                connection.execute(note, (each.state, each.fault, row[0]))
                pay = "UPDATE spending SET spent = COALESCE(?, reserved) WHERE id = ?"
                connection.execute(pay, (each.spent, row[0]))
                if each.answer is not None:
                    insert_answer(connection, each.answer)

        return self._store.write(work)

    def _set(self, batch: Batch, change: str, value: object) -> Future[None]:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(f"UPDATE batches SET {change} WHERE key = ?", (value, batch.key))  # noqa: S608 - written above

        return self._store.write(work)
