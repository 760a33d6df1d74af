"""Several server processes on one archive, and a writer beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pyarrow as pa
import pytest

from app.galaxies import make_archive, pixels
from app.running import address_of, process_of
from archive.buckets import bucket
from skylore.app.settings import ServerSettings
from skylore.archive.table import Archive

ROWS, APPENDS, AT_ONCE = 30, 12, 5
WRITER = """
import sys
import pyarrow as pa
from skylore.archive.table import Archive
archive = Archive.open(sys.argv[1])
for turn in range(int(sys.argv[2])):
    names = [f"new-{turn:03d}-{i}" for i in range(int(sys.argv[3]))]
    archive.append(pa.table({"id": names, "area": [turn] * len(names)}))
    archive.refresh()
"""


@contextmanager
def servers(archive: str, count: int, **environment: str) -> Iterator[list[str]]:
    """Start server processes side by side; gives their addresses."""
    settings = ServerSettings(refresh_seconds=0.05, shared=f"{archive}-shared")
    with ExitStack() as started:
        processes = [
            started.enter_context(process_of(archive, settings, **environment))
            for _ in range(count)
        ]
        yield [address_of(process) for process in processes]


def get(address: str, **parameters: object) -> dict[str, Any]:
    return get_at(f"{address}/api/search?{urlencode(parameters)}")


def get_at(address: str) -> dict[str, Any]:
    with urlopen(address) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def pages_by_turns(addresses: list[str], k: int) -> tuple[int, list[str]]:
    """Read all pages of a listing, each of another process; gives version and ids."""
    first = get(addresses[0], k=k, where="area IS NOT NULL")
    version, ids, hits = first["version"], [], first["hits"]
    while hits:
        ids += [hit["id"] for hit in hits]
        asked = {"k": k, "offset": len(ids), "version": version, "where": "area IS NOT NULL"}
        page = get(addresses[len(ids) // k % len(addresses)], **asked)
        assert page["version"] == version
        hits = page["hits"]
    return version, ids


def read_beside_a_writer(archive: str, addresses: list[str], **environment: str) -> set[int]:
    """Let clients read pages from all processes while one appends; gives the versions they saw."""
    before = get(addresses[0], k=1)["version"]
    command = [sys.executable, "-c", WRITER, archive, str(APPENDS), str(AT_ONCE)]
    writer = subprocess.Popen(command, env={**os.environ, **environment})

    def client(number: int) -> list[int]:
        seen: list[int] = []
        order = addresses[number % 2 :] + addresses[: number % 2]
        while writer.poll() is None or len(seen) < 3:
            version, ids = pages_by_turns(order, 7)
            assert ids == sorted(set(ids))
            # An append is seen whole or not at all.
            assert len(ids) == ROWS + AT_ONCE * (version - before)
            seen.append(version)
        return seen

    with ThreadPoolExecutor(3) as threads:
        seen = list(threads.map(client, range(3)))
    assert writer.wait() == 0
    for address in addresses:
        latest = get(address, k=1, version=before + APPENDS)
        assert latest["version"] == before + APPENDS
    return {version for each in seen for version in each}


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def upload(address: str) -> str:
    """Upload an image; gives the address of the search for it."""
    data = pixels(3)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    asked = Request(f"{address}/upload", head + data + b"\r\n--x--\r\n")
    asked.add_header("Content-Type", "multipart/form-data; boundary=x")
    with pytest.raises(HTTPError) as led:
        build_opener(Stay).open(asked)
    with led.value as answer:
        assert answer.code == 303
        return str(answer.headers["Location"])


def test_any_process_answers_while_another_appends(tmp_path: Path) -> None:
    archive = str(tmp_path / "a.skylore")
    make_archive(Path(archive), ROWS)
    with servers(archive, 2) as (one, other):
        where = upload(one)
        answers = [get_at(f"{a}/api/search{where[1:]}&k=4") for a in (one, other)]
        assert answers[0]["hits"] == answers[1]["hits"]
        assert answers[0]["hits"][0]["id"] == "hdf-003"
        assert len(read_beside_a_writer(archive, [one, other])) > 1
        with pytest.raises(HTTPError) as gone:
            get(other, version=10_000)
        with gone.value as answer:
            assert answer.code == 410
            assert json.load(answer)["error"]["kind"] == "version_gone"


def test_any_process_answers_on_an_object_store() -> None:
    with bucket("skies") as environment:
        options = {name.lower(): value for name, value in environment.items()}
        source = Archive.create("s3://skies/a.skylore", storage_options=options)
        fill_with_areas(source)
        with servers("s3://skies/a.skylore", 2, **environment) as addresses:
            assert read_beside_a_writer("s3://skies/a.skylore", addresses, **environment)
            digest = upload(addresses[0]).partition("image=")[2]
            with urlopen(f"{addresses[1]}/upload/{digest}") as answer:
                assert answer.read() == pixels(3)


def fill_with_areas(archive: Archive) -> None:
    archive.add_columns([pa.field("area", pa.int64())])
    archive.append(pa.table({"id": [f"g{i:02d}" for i in range(ROWS)], "area": [0] * ROWS}))
