"""Building and asking engines, each in a process of its own, turn by turn."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.filtered_data import Data, K
from benchmarks.filtered_engines import ENGINES, FEW, SLOW
from benchmarks.filtered_limits import confine, forget, release
from benchmarks.usage import memory

__all__ = ["build", "measure"]

TURN = 20
"""Queries that one engine answers before it is the next one's turn."""
EVERY = 0.02
"""Seconds between two looks at the memory of a build."""


def build(engine: str, data: Data) -> dict[str, float]:
    """Build an engine's index, the data being there: times, bytes, and own memory at its peak."""
    made = ENGINES[engine](data)
    start, worked = time.perf_counter(), time.process_time()
    with _peak() as peak:
        size = made.build()
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - worked,
        "bytes": size,
        "peak": max(peak),
        "load": os.getloadavg()[0],
    }


@contextmanager
def _peak() -> Iterator[list[float]]:
    seen, done = [memory()["RssAnon"]], threading.Event()

    def look() -> None:
        while not done.wait(EVERY):
            seen.append(memory()["RssAnon"])

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def measure(engines: list[str], data: Data, limit: float | None = None) -> dict[str, Any]:
    """Ask all engines all queries under all filters, in turns of a few queries.

    Parameters
    ----------
    engines, data
        Who is asked, and what about.
    limit
        Of each engine's memory, in GB, the files that it has read included.

    Returns
    -------
    dict
        ``lines``: by filter and engine, recalls and times in milliseconds; ``memory``: by engine;
        ``load``: of the machine, at each turn.
    """
    exact, loads, lines = data.exact(), [], {}
    if limit is not None:
        forget([data.work, data.vectors])
    context = get_context("spawn")
    workers = {name: context.Pipe() for name in engines}
    running = []
    for name, (_, far) in workers.items():
        running.append(context.Process(target=_serve, args=(far, name, data, limit), daemon=True))
        running[-1].start()
    near = {name: pair[0] for name, pair in workers.items()}
    for title, where in data.filters.items():
        found: dict[str, list[Any]] = {name: [] for name in engines}
        firsts = {name: _told(near[name], ("anew", where)) for name in engines}
        for begin in range(0, data.queries, TURN):
            loads.append(os.getloadavg()[0])
            turn = begin // TURN % len(engines)
            for name in engines[turn:] + engines[:turn]:
                if name in SLOW and begin >= FEW:
                    continue
                found[name] += _told(near[name], ("ask", where, begin, begin + TURN))
        lines[title] = {
            name: {"anew": firsts[name], **_line(answers, exact[title][: len(answers)])}
            for name, answers in found.items()
        }
    sizes = {name: _told(near[name], ("memory",)) for name in engines}
    for name, process in zip(engines, running, strict=True):
        near[name].send(("end",))
        process.join()
        if "group" in sizes[name]:
            release(Path(sizes[name].pop("group")))
    return {"lines": lines, "memory": sizes, "load": loads}


def _told(connection: Connection, message: tuple[Any, ...]) -> Any:  # noqa: ANN401 - as asked
    connection.send(message)
    return connection.recv()


def _serve(connection: Connection, engine: str, data: Data, limit: float | None) -> None:
    """Answer with times, until told to end."""
    group = None if limit is None else confine("search", int(limit * 1e9))
    ask, asked = (ENGINES | SLOW)[engine](data).asker(), data.asked
    while (message := connection.recv())[0] != "end":
        if message[0] == "memory":
            inside = {} if group is None else group.usage() | {"group": str(group.folder)}
            connection.send(memory() | inside)
        elif message[0] == "anew":
            filters = [_moved(message[1], number) for number in range(TURN)]
            times = [_timed(ask, q, f)[0] for q, f in zip(asked, filters, strict=False)]
            connection.send(float(np.median(times)))
        else:
            _, where, begin, end = message
            connection.send([_timed(ask, query, where) for query in asked[begin:end]])


def _moved(where: str | None, number: int) -> str | None:
    """Move the end of a filter a little, so that no engine has answered it before."""
    if where is None:
        return None
    start, last = where.rsplit(" ", 1)
    return f"{start} {float(last) + 1e-5 * (number + 1):.6f}"


def _timed(
    ask: Any,  # noqa: ANN401 - an Ask, which mypy takes for a method
    query: NDArray[np.float32],
    where: str | None,
) -> tuple[float, float | None, NDArray[np.int64]]:
    start = time.perf_counter()
    ids, inside = ask(query, where)
    return 1e3 * (time.perf_counter() - start), inside, ids


def _line(answers: list[Any], exact: NDArray[np.int64]) -> dict[str, float]:
    times = np.array([taken for taken, _, _ in answers])
    around = [taken - inside for taken, inside, _ in answers if inside is not None]
    shares = [
        [_share(ids, truth, k) for k in (10, K)]
        for (_, _, ids), truth in zip(answers, exact, strict=True)
    ]
    at_10, at_100 = np.mean(shares, axis=0).tolist()
    p50, p99 = np.quantile(times, [0.5, 0.99]).tolist()
    line = {"recall@10": at_10, "recall@100": at_100, "p50": p50, "p99": p99}
    return line | ({"around": float(np.median(around))} if around else {})


def _share(found: NDArray[np.int64], truth: NDArray[np.int64], k: int) -> float:
    wanted = truth[:k][truth[:k] >= 0]
    return float(np.isin(wanted, found[:k]).mean()) if len(wanted) else 1.0
