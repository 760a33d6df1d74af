from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from app.running import address_of, process_of
from skylore.app.application import create_app
from skylore.app.failures import OverloadedError
from skylore.app.room import LEAST, Room, Shares, bytes_of
from skylore.app.settings import ServerSettings
from skylore.archive.table import Archive
from skylore.errors import QueryError
from skylore.search.query import Query


def test_requests_wait_their_turn_and_are_refused_in_the_end() -> None:
    room, order = Room(100, patience=30), []

    def work(number: int, size: int) -> None:
        with room.held(size):
            order.append(number)

    with ThreadPoolExecutor(3) as threads:
        with room.held(90):
            # The second would fit, but does not overtake the first.
            waiting = []
            for number, size in enumerate((60, 10, 100)):
                waiting.append(threads.submit(work, number, size))
                while room.waiting <= number:
                    time.sleep(0.001)
            assert order == []
        for each in waiting:
            each.result()
    assert order == [0, 1, 2]
    hasty = Room(100, patience=0.01)
    with hasty.held(100), pytest.raises(OverloadedError), hasty.held(1):
        pass
    with hasty.held(100):
        pass
    with pytest.raises(QueryError, match="--memory"), room.held(101):
        pass


def test_filters_are_reckoned_by_the_rows_of_the_archive(archive: Archive) -> None:
    plain, wide = Query(k=5), Query(k=5, where="area > 0")
    assert bytes_of(archive, wide) - bytes_of(archive, plain) == 18 * len(archive)


def test_a_full_server_says_when_to_try_again(archive: Archive) -> None:
    settings = ServerSettings(memory=LEAST, patience_seconds=0.05)
    with TestClient(create_app(archive, settings), base_url="http://127.0.0.1") as client:
        room = client.app.state.skylore.searcher.room  # type: ignore[attr-defined] # FastAPI's
        with room.held(Shares.of(LEAST).requests):
            for address in ("/api/search?k=2", "/"):
                refused = client.get(address, headers={"accept": "text/html"})
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert client.get("/api/search?k=2").status_code == 200


def wide(path: Path, rows: int) -> str:
    archive = Archive.create(path)
    archive.add_columns([pa.field("mag", pa.float64())])
    mag = np.random.default_rng(0).uniform(15, 22, rows)
    archive.append(pa.table({"id": [f"g{i}" for i in range(rows)], "mag": mag}))
    return str(path)


def test_a_real_server_keeps_to_its_memory_and_its_number_of_requests(tmp_path: Path) -> None:
    settings = ServerSettings(memory=LEAST, max_requests=9, patience_seconds=120)
    with process_of(wide(tmp_path / "a.skylore", 200_000), settings) as process:
        address, most = address_of(process), 0

        def ask(number: int) -> int:
            with urlopen(f"{address}/api/search?where=mag+<+{16 + number % 50 / 10}") as answer:
                return len(answer.read())

        with ThreadPoolExecutor(8) as threads:
            running = [threads.submit(ask, number) for number in range(100)]
            for each in running:
                assert each.result() > 100
                status = Path(f"/proc/{process.pid}/status").read_text()
                anonymous = next(x for x in status.splitlines() if x.startswith("RssAnon"))
                most = max(most, 1024 * int(anonymous.split()[1]))
        assert 0 < most < LEAST
        unfinished = [half_a_request(address) for _ in range(9)]
        assert (503, "2") in until((503, "2"), address)
        for connection in unfinished:
            connection.close()
        assert (200, None) in until((200, None), address)


def until(expected: tuple[int, str | None], address: str) -> list[tuple[int, str | None]]:
    """Ask until the answer is as expected, for ten seconds; gives all answers."""
    told: list[tuple[int, str | None]] = []
    while expected not in told and len(told) < 200:
        time.sleep(0.05)
        try:
            with urlopen(f"{address}/api/search?k=1") as answer:
                told.append((answer.status, None))
        except HTTPError as error:
            with error:
                told.append((error.code, error.headers["Retry-After"]))
    return told


def half_a_request(address: str) -> socket.socket:
    """Send a request whose body never comes."""
    place = urlsplit(address)
    connection = socket.create_connection((str(place.hostname), int(place.port or 0)))
    head = f"POST /api/search HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 10\r\n\r\n"
    connection.sendall(head.encode())
    return connection
