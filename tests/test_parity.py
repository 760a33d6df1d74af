"""The same queries through Python, the command line and REST give the same answers."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from newcomer import SKYLORE, DemoRun
from skylore.app.application import create_app
from skylore.archive.table import Archive
from skylore.search.query import Query


@pytest.fixture(scope="module")
def archive(demo_run: DemoRun) -> Archive:
    return Archive.open(demo_run.archive)


@pytest.fixture(scope="module")
def client(archive: Archive) -> TestClient:
    return TestClient(create_app(archive), base_url="http://127.0.0.1")


QUERIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "words": ({"text": "edge-on disk"}, ["edge-on disk"]),
    "words and minus": (
        {"text": "galaxy", "minus": ["red", "round"], "k": 7},
        ["galaxy", "--minus", "red", "--minus", "round", "-k", "7"],
    ),
    "like": ({"like": "HDF-00012", "k": 5}, ["--like", "HDF-00012", "-k", "5"]),
    "filter": (
        {"text": "blue spiral", "where": "ellipticity < 0.4 AND NOT gini > 0.6", "k": 30},
        ["blue spiral", "--where", "ellipticity < 0.4 AND NOT gini > 0.6", "-k", "30"],
    ),
    "full text": ({"text": "spiral", "mode": "text"}, ["spiral", "--mode", "text"]),
    "hybrid": ({"text": "spiral", "mode": "hybrid"}, ["spiral", "--mode", "hybrid"]),
    "page": ({"text": "disk", "k": 6, "offset": 12}, ["disk", "-k", "6", "--offset", "12"]),
    "columns": (
        {"text": "disk", "columns": ("gini", "m20")},
        ["disk", "--columns", "gini,m20"],
    ),
    "no such sky": ({"text": "disk", "cone": "10 20 1"}, ["disk", "--cone", "10 20 1"]),
    "box": ({"box": "189 189.5 62 62.4", "k": 5}, ["--box", "189 189.5 62 62.4", "-k", "5"]),
    "polygon": (
        {"text": "disk", "polygon": "189 62, 190 62, 189.5 62.5"},
        ["disk", "--polygon", "189 62, 190 62, 189.5 62.5"],
    ),
    "list": ({"where": "companions >= 2", "k": 4}, ["--where", "companions >= 2", "-k", "4"]),
    "sorted": (
        {"where": "companions >= 1", "sort": "gini desc", "k": 4, "offset": 2},
        ["--where", "companions >= 1", "--sort", "gini desc", "-k", "4", "--offset", "2"],
    ),
}


def by_command(archive: Archive, arguments: list[str]) -> dict[str, Any]:
    command = [SKYLORE, "search", archive.location.root, *arguments, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("name", QUERIES)
def test_three_ways_one_answer(archive: Archive, client: TestClient, name: str) -> None:
    given, arguments = QUERIES[name]
    query = Query.build(**given)
    by_python = json.loads(json.dumps(archive.answer(query).to_json()))
    by_rest = client.post("/api/search", json=query.model_dump(mode="json")).json()
    assert by_rest == by_python
    assert by_command(archive, arguments) == by_python
    assert len(by_python["hits"]) == query.k or by_python["message"]


def test_image(archive: Archive, client: TestClient, tmp_path: Path) -> None:
    data = archive.images(["HDF-00009"])["HDF-00009"] or b""
    (tmp_path / "g.png").write_bytes(data)
    query = Query.build(image=tmp_path / "g.png", k=3)
    by_python = json.loads(json.dumps(archive.answer(query).to_json()))
    assert base64.b64decode(by_python["query"]["terms"][0]["data"]) == data
    assert client.post("/api/search", json=query.model_dump(mode="json")).json() == by_python
    assert by_command(archive, ["--image", str(tmp_path / "g.png"), "-k", "3"]) == by_python


def test_a_query_is_answered_the_same_after_its_journey(archive: Archive) -> None:
    query = Query.build("edge-on disk", minus="red", where="gini > 0.4")
    again = Query.model_validate_json(query.model_dump_json())
    assert archive.answer(again).table.equals(archive.answer(query).table)
