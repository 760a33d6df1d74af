from __future__ import annotations

import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.galaxies import pixels
from skylore.app.parameters import SearchParameters, parameters_of, url_query
from skylore.app.searcher import Searcher
from skylore.app.security import is_loopback
from skylore.app.server import serve
from skylore.app.settings import ServerSettings
from skylore.app.uploads import Uploads
from skylore.archive.table import Archive
from skylore.errors import ArchiveNotFoundError, ImageError, QueryError, SkyloreError
from skylore.search.query import Cone, ImageTerm, ObjectTerm, Query, Range, TextTerm

DOCS = Path(__file__).parents[2] / "docs" / "server.md"
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
TERMS = st.one_of(
    st.builds(
        TextTerm, text=WORDS.map(lambda t: f"galaxy {t}"), weight=st.sampled_from([1.0, -0.5, 2.0])
    ),
    st.builds(ObjectTerm, id=st.one_of(st.integers(0, 99), st.sampled_from(["a/b", "x y", "é&="]))),
)
QUERIES = st.builds(
    Query,
    terms=st.lists(TERMS, max_size=4).map(tuple),
    cones=st.lists(
        st.builds(
            Cone,
            ra=st.floats(0, 360, exclude_max=True),
            dec=st.floats(-90, 90),
            radius=st.floats(1e-6, 180),
        ),
        max_size=2,
    ).map(tuple),
    ranges=st.lists(st.builds(Range, column=WORDS, minimum=st.floats(-1, 1)), max_size=1).map(
        tuple
    ),
    where=st.none() | WORDS,
    mode=st.sampled_from([None, "vector", "text", "hybrid"]),
    k=st.integers(1, 100),
    offset=st.integers(0, 100),
    columns=st.none() | st.lists(WORDS, max_size=3).map(tuple),
    exact=st.sampled_from([None, True, False]),
)


def read_back(text: str) -> Query:
    from urllib.parse import parse_qsl

    pairs = parse_qsl(text, keep_blank_values=True)
    return SearchParameters.read(pairs).to_query(pytest.fail)


@given(QUERIES)
def test_every_query_survives_the_url(query: Query) -> None:
    assert read_back(url_query(query)) == query


def test_what_people_ask_is_plain_in_the_url() -> None:
    query = Query.build("edge-on disk", minus="star", where="a > 1", cone="1 2 0.5", offset=20)
    assert url_query(query) == (
        "q=edge-on+disk&minus=star&cone=1.0+2.0+0.5&where=a+%3E+1&offset=20"
    )


def test_an_image_is_in_the_url_by_its_digest() -> None:
    import base64

    uploads = Uploads(ServerSettings())
    digest = uploads.add(pixels(1))
    query = Query(terms=(ImageTerm(data=base64.b64encode(pixels(1))),), k=3)
    assert parameters_of(query).pairs() == [("image", digest), ("k", "3")]
    assert parameters_of(query).to_query(uploads.get) == query


def test_uploads_are_bounded_and_the_oldest_go_first() -> None:
    room = len(pixels(1)) + len(pixels(2)) + 10
    uploads = Uploads(ServerSettings(uploads_bytes=room))
    first, second = uploads.add(pixels(1)), uploads.add(pixels(2))
    uploads.get(first)
    uploads.add(pixels(3))
    with pytest.raises(QueryError, match="choose it again"):
        uploads.get(second)
    with pytest.raises(ImageError, match="pixels"):
        Uploads(ServerSettings(max_upload_pixels=100)).add(pixels(1))


def test_serve_refuses_what_it_cannot_do(archive: Archive, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SkyloreError, match=f"port {port} of 127.0.0.1 is in use"):
            serve(str(archive), port=port)
    with pytest.raises(SkyloreError, match="--allow-remote"):
        serve(str(archive), host="0.0.0.0")
    with pytest.raises(SkyloreError, match="cannot listen"):
        serve(str(archive), host="203.0.113.1", allow_remote=True)
    with pytest.raises(ArchiveNotFoundError):
        serve(tmp_path / "none")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_newer_versions_are_seen_while_others_search(tmp_path: Path) -> None:
    path = tmp_path / "a.skylore"
    writer = Archive.create(path)
    writer.append(pa.table({"id": ["g0"]}))
    searcher = Searcher(Archive.open(path), ServerSettings(refresh_seconds=0))
    stop = threading.Event()

    def search() -> int:
        seen = 0
        while not stop.is_set():
            found = len(searcher.answer(searcher.current(), Query(k=100)))
            assert found >= seen
            seen = found
        return seen

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(search) for _ in range(4)]
        try:
            for i in range(1, 20):
                writer.append(pa.table({"id": [f"g{i}"]}))
                assert len(searcher.current()) == i + 1
        finally:
            stop.set()
        assert all(future.result() > 0 for future in running)


def test_settings_are_documented_in_one_table() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", DOCS.read_text(), re.MULTILINE))
    fields = ServerSettings.model_fields
    assert rows == {name: field.description for name, field in fields.items()}
