"""Answers and what they cost, on disk before they are used (SQLite, write-ahead log).

``answers`` has each answer of a server under the digest of what was asked. ``spending`` has each
request, written **before** it is sent with the most that it may cost, and settled together with its
answer; what was never settled, because the process was killed, counts in full. ``batches`` and
``batched`` are those of :mod:`skylore.vlm.batches.ledger`. One thread writes, and commits together
all that waits, so that a hundred durable writes take the time of a few.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from skylore.errors import ArchiveError

__all__ = ["Answer", "AnswerStore", "Work", "insert_answer"]


@dataclass(frozen=True)
class Answer:
    """An answer of a server.

    Attributes
    ----------
    key
        The digest of all that was asked: image, prompt, model, sampling.
    image, prompt, model
        Digests of the image and the prompt, and the model's name.
    text, finish
        What it said, and why it ended: ``stop``, ``length``, ``refusal`` …
    tokens_in, tokens_out
        As the server counted; None if it did not say.
    cost
        In 10⁻¹² of the currency.
    latency
        Seconds from sending to the whole answer; None in batches.
    usable
        False once it was found not to be what was asked for.
    """

    key: str
    image: str
    prompt: str
    model: str
    text: str
    finish: str
    tokens_in: int | None
    tokens_out: int | None
    cost: int
    latency: float | None
    usable: bool = True


_COLUMNS = ", ".join(field.name for field in fields(Answer))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, image TEXT, prompt TEXT, model TEXT, text TEXT, finish TEXT,
    tokens_in INTEGER, tokens_out INTEGER, cost INTEGER, latency REAL, usable INTEGER, made TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_prompt ON answers (prompt, model, made);
CREATE TABLE IF NOT EXISTS spending (
    id INTEGER PRIMARY KEY, key TEXT, reserved INTEGER NOT NULL, spent INTEGER, made TEXT
);
CREATE TABLE IF NOT EXISTS batches (
    key TEXT PRIMARY KEY, model TEXT, place TEXT, prompt TEXT, requests INTEGER, tokens INTEGER,
    made REAL, state TEXT, input TEXT, remote TEXT, creating REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batched (
    id INTEGER PRIMARY KEY REFERENCES spending (id), batch TEXT, key TEXT, image TEXT, prompt TEXT,
    state TEXT, fault TEXT
);
CREATE INDEX IF NOT EXISTS batched_by_key ON batched (key);
CREATE INDEX IF NOT EXISTS batched_by_batch ON batched (batch, state);
"""
Work = Callable[[sqlite3.Connection], Any]


class AnswerStore:
    """The answers kept beside an archive.

    Parameters
    ----------
    path
        The file; made if it is not there.

    Raises
    ------
    ArchiveError
        It cannot be opened, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reading = _connect(path)
            self._reading.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise ArchiveError(f"cannot keep answers in {path}: {error}") from error
        self._reading_lock = threading.Lock()
        self._waiting: SimpleQueue[tuple[Work, Future[Any]] | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="skylore-answers", daemon=True)
        self._writer.start()

    def find(self, key: str) -> Answer | None:
        """Give the answer to what has this digest, if there is one."""
        rows = self.read(f"SELECT {_COLUMNS} FROM answers WHERE key = ?", (key,))  # noqa: S608 - names of fields
        return _answer(rows[0]) if rows else None

    def spent(self) -> int:
        """Sum what all requests have cost, and may have cost, in 10⁻¹² of the currency."""
        query = "SELECT COALESCE(SUM(COALESCE(spent, reserved)), 0) FROM spending"
        return int(self.read(query)[0][0])

    def in_doubt(self) -> tuple[int, int]:
        """Count the requests that were never settled, and sum the most that they may have cost.

        Those that a provider has in a batch are not among them: they will be settled.
        """
        query = (
            "SELECT COUNT(*), COALESCE(SUM(reserved), 0) FROM spending WHERE spent IS NULL "
            "AND id NOT IN (SELECT id FROM batched WHERE state = 'waiting')"
        )
        count, amount = self.read(query)[0]
        return count, amount

    def reserve(self, key: str, amount: int) -> Future[int]:
        """Note the most that a request may cost, before it is sent; gives its number."""

        def work(connection: sqlite3.Connection) -> int | None:
            row = (key, amount, _now())
            query = "INSERT INTO spending (key, reserved, made) VALUES (?, ?, ?)"
            return connection.execute(query, row).lastrowid

        return self.write(work)

    def settle(self, number: int, spent: int, answer: Answer | None = None) -> Future[None]:
        """Note what a request has cost, and its answer, in one transaction."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE spending SET spent = ? WHERE id = ?", (spent, number))
            if answer is not None:
                insert_answer(connection, answer)

        return self.write(work)

    def reject(self, key: str) -> Future[None]:
        """Mark an answer as not what was asked for."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE answers SET usable = 0 WHERE key = ?", (key,))

        return self.write(work)

    def close(self) -> None:
        """Finish what waits, and close the file."""
        self._waiting.put(None)
        self._writer.join()
        self._reading.close()

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Look something up."""
        with self._reading_lock:
            return self._reading.execute(query, values).fetchall()

    def write(self, work: Work) -> Future[Any]:
        """Have work done in a transaction by the thread that writes."""
        future: Future[Any] = Future()
        self._waiting.put((work, future))
        return future

    def _write(self) -> None:
        connection = _connect(self.path)
        try:
            while (first := self._waiting.get()) is not None:
                group = [first]
                while not self._waiting.empty():
                    following = self._waiting.get()
                    if following is None:
                        _commit(connection, group)
                        return
                    group.append(following)
                _commit(connection, group)
        finally:
            connection.close()


def insert_answer(connection: sqlite3.Connection, answer: Answer) -> None:
    """Keep an answer, within a transaction."""
    values = (*astuple(answer), _now())
    marks = ", ".join("?" * len(values))
    query = f"INSERT OR REPLACE INTO answers ({_COLUMNS}, made) VALUES ({marks})"  # noqa: S608 - names of fields
    connection.execute(query, values)


def _commit(connection: sqlite3.Connection, group: list[tuple[Work, Future[Any]]]) -> None:
    awaited = [future.set_running_or_notify_cancel() for _, future in group]
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = [work(connection) for work, _ in group]
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - who waits must hear of it, whatever it is
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        for (_, future), wanted in zip(group, awaited, strict=True):
            if wanted:
                future.set_exception(ArchiveError(f"cannot keep answers: {error}"))
        return
    for (_, future), wanted, result in zip(group, awaited, results, strict=True):
        if wanted:
            future.set_result(result)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # kept when the power goes, too
    return connection


def _answer(row: tuple[Any, ...]) -> Answer:
    *values, usable = row
    named = dict(zip((field.name for field in fields(Answer)), values, strict=False))
    return Answer(**named, usable=bool(usable))


def _now() -> str:
    return datetime.now(UTC).isoformat()
