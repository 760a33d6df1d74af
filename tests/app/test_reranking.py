"""Hits re-ranked on behalf of clients: over REST and by pages, with a real model server."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.judged import KEY, certain, copied, judging, pick_by
from skylore.app.application import create_app
from skylore.app.settings import ServerSettings
from skylore.archive.table import Archive
from skylore.search.query import Query
from skylore.search.reranking.by_model import ModelJudge
from skylore.search.reranking.settings import Reranking
from vlm.server import Behaviour, ModelServer

SEARCH = {"q": "galaxy", "mode": "text", "rerank": "30"}
QUERY = Query.build(
    "galaxy", mode="text", k=8, rerank={"candidates": 30, "samples": 1, "policy": "uniform"}
)
Clients = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr("skylore.vlm.faults._FIRST_PAUSE", 0.02)


@pytest.fixture
def serve() -> Iterator[Callable[..., ModelServer]]:
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(
            ModelServer(Behaviour(**{"pick": pick_by(certain), **how}))
        )


@pytest.fixture
def own(archive: Archive, tmp_path: Path) -> Archive:
    return copied(archive, tmp_path)


@pytest.fixture
def offering(own: Archive) -> Iterator[Clients]:
    """Clients of a server that offers a model."""
    with ExitStack() as stack:

        def make(server: ModelServer, asked: dict[str, object] | None = None, **settings: object):
            settings = {"rerank": judging(server.url, **(asked or {})), **settings}
            app = create_app(own, ServerSettings(**settings))
            client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
            return stack.enter_context(client)

        yield make


def shown(text: str) -> list[tuple[str, str]]:
    """Give id and certainty of each tile."""
    found = []
    for tile in text.split('<li class="tile">')[1:]:
        name = re.search(r'<a class="id" href="[^"]*">([^<]*)</a>', tile)
        certainty = re.search(r'"certainty">certainty ([\d.]+)', tile)
        assert name is not None
        found.append((name[1], certainty[1] if certainty else ""))
    return found


def state_of(text: str) -> str:
    found = re.search(r'data-state="(\w+)"', text)
    assert found is not None
    return found[1]


def test_a_plain_browser_is_told_the_cost_decides_and_waits(serve, offering) -> None:
    server = serve()
    client = offering(server)
    page = client.get("/", params=SEARCH).text
    similar = [name for name, _ in shown(page)]
    assert 'value="30" required' in page
    assert "openai:seer-1" in page
    assert not server.log, "looking at a page costs nothing"

    begun = client.post("/rerank", data=SEARCH)
    assert begun.status_code == 303
    at = begun.headers["location"].split("?")[0]
    first = client.get(at).text
    assert [name for name, _ in shown(first)] == similar
    assert "?wait=true" in first or state_of(first) == "told"

    told = client.get(f"{at}?wait=true").text
    assert state_of(told) == "told"
    assert "At most 90 questions; 16 were asked, as a sample" in told
    assert "and never more than 1.00 USD" in told
    assert len(server.log) == 16
    assert f'action="{at}/confirm"' in told

    agreed = client.post(f"{at}/confirm")
    assert agreed.headers["location"].startswith(at)
    done = client.get(f"{at}?wait=true").text
    assert state_of(done) == "done"
    values = [float(value) for _, value in shown(done) if value]
    assert values == sorted(values, reverse=True)
    assert {name for name, value in shown(done) if value == "10.0"} == {
        "hdf-009",
        "hdf-019",
        "hdf-029",
    }
    last = client.get(html.unescape(re.search(r'rel="next" href="([^"]*)"', done)[1])).text
    refused = next(t for t in (done + last).split('<li class="tile">') if "hdf-007" in t)
    assert "not judged: the model refused" in refused
    assert "certainty" not in refused.split("not judged")[0].split('"facts"')[1]
    assert re.search(r"Spent since the server was started: 0\.\d+ USD of 1\.00 USD", done)
    assert len(shown(done)) + len(shown(last)) == 30
    assert KEY not in first + told + done

    client.post(f"{at}/confirm")
    sent = len(server.log)
    again = client.get(client.post("/rerank", data=SEARCH).headers["location"] + "&wait=true").text
    assert shown(again) == shown(done)
    assert len(server.log) == sent, "what was answered is not paid for again"


def test_what_is_not_agreed_to_costs_no_more_than_the_sample(serve, offering) -> None:
    server = serve()
    client = offering(server)
    body = QUERY.model_dump(mode="json")
    refused = client.post("/api/search", json=body)
    assert refused.status_code == 402
    error = refused.json()["error"]
    assert error["kind"] == "not_agreed"
    assert "at most 30 questions; 16 were asked" in error["message"]
    assert "confirm=true" in error["hint"]
    time.sleep(0.3)
    assert len(server.log) == 16


def test_rest_and_python_give_the_same_re_ranked_answer(serve, offering, own) -> None:
    server = serve()
    client = offering(server)
    body = QUERY.model_dump(mode="json")
    got = client.post("/api/search?confirm=true", json=body)
    assert got.status_code == 200
    assert len(server.log) == 30
    judge = ModelJudge(own, judging(server.url), progress=False)
    expected = own.answer(QUERY, rerank=Reranking.of(judge, QUERY.rerank))
    assert got.json() == json.loads(json.dumps(expected.to_json()))
    assert got.json()["rerank"]["failed"] == 1
    assert judge.sent == 0, "answers are shared with other surfaces"
    for refused in (
        client.get("/api/search", params=SEARCH),
        client.get("/api/search", params={"query": QUERY.model_dump_json()}),
    ):
        assert refused.status_code == 400
        assert "POST" in refused.json()["error"]["message"]


def test_a_program_follows_a_job(serve, offering) -> None:
    server = serve(latency=0.15)
    client = offering(server, {"concurrency": 1})
    begun = client.post("/api/rerank", json=QUERY.model_dump(mode="json"))
    assert begun.status_code == 202
    job = begun.json()
    assert [hit.get("rerank_certainty") for hit in job["answer"]["hits"]] == [None] * 8
    told = client.get(f"{job['address']}?wait=true").json()
    assert (told["state"], told["forecast"]["questions"]) == ("told", 30)
    assert 0 < told["forecast"]["expected"] < told["forecast"]["budget"] == 1.0
    client.post(f"{job['address']}/confirm")
    judged = set()
    while (now := client.get(job["address"]).json())["state"] != "done":
        judged.add(now["answer"].get("rerank", {}).get("judged", 0))
        time.sleep(0.05)
    assert len(judged) > 2, "certainties come bit by bit"
    assert [hit["rerank_certainty"] for hit in now["answer"]["hits"][:3]] == [10, 10, 10]
    assert now["budget"]["limit"] == "1.00 USD"


def test_the_budget_holds_for_all_clients_together(serve, offering) -> None:
    server = serve()
    client = offering(server, {"budget": "0.006USD", "concurrency": 1})
    answers = []
    for wanted in ("a ring", "an arc", "a bar"):
        rules = {"candidates": 20, "samples": 1, "wanted": wanted}
        query = Query.build("galaxy", mode="text", k=20, rerank=rules)
        body = query.model_dump(mode="json")
        answers.append(client.post("/api/search?confirm=true", json=body).json())
    assert answers[-1]["rerank"]["cut_short"]
    assert "the judge ended before all was asked" in answers[-1]["message"]
    assert [hit["rerank_certainty"] for hit in answers[-1]["hits"]].count(None) == 20
    assert 0 < server.cost(0.4, 1.6) <= 0.006
    assert server.paid_twice() == 0


def test_a_dead_model_is_an_error_and_the_hits_stay(serve, offering) -> None:
    client = offering(serve(key="another"))
    at = client.post("/rerank", data=SEARCH).headers["location"].split("?")[0]
    failed = client.get(f"{at}?wait=true").text
    assert state_of(failed) == "failed"
    assert "OPENAI_API_KEY" in failed
    assert KEY not in failed
    assert len(shown(failed)) == 20
    assert all(not value for _, value in shown(failed))
    job = client.get(f"/api{at}").json()
    assert job["error"]["kind"] == "endpoint"
    asked = client.post("/api/search", json=QUERY.model_dump(mode="json"))
    assert asked.status_code == 503


def test_jobs_are_bounded(serve, offering) -> None:
    client = offering(serve(latency=0.5), rerank_jobs=2, rerank_candidates=20)
    refused = client.post("/rerank", data=SEARCH)
    assert refused.status_code == 400
    assert "at most 20 hits" in refused.json()["error"]["message"]
    small = {**SEARCH, "rerank": "5"}
    first, _ = (client.post("/rerank", data=small).headers["location"] for _ in range(2))
    full = client.post("/rerank", data={**small, "q": "blue galaxy"})
    assert full.status_code == 503
    assert "try again later" in full.json()["error"]["message"]
    assert client.get(f"{first}&wait=true").status_code == 200
    assert client.post("/rerank", data=small).status_code == 303
    gone = client.get(first)
    assert (gone.status_code, gone.json()["error"]["kind"]) == (404, "not_found")


def test_where_nobody_can_judge_nothing_is_offered(client: TestClient, serve, offering) -> None:
    assert "/rerank" not in client.get("/?q=galaxy&mode=text").text
    for refused in (
        client.post("/rerank", data=SEARCH),
        client.post("/api/rerank", json=QUERY.model_dump(mode="json")),
        client.post("/api/search", json=QUERY.model_dump(mode="json")),
        client.get("/rerank/none"),
    ):
        assert refused.status_code == 400
        assert "skylore serve --rerank" in refused.json()["error"]["message"]
    able = offering(serve())
    assert "/rerank" not in able.get("/?like=hdf-003").text, "no words to judge by"
    wordless = able.post("/rerank", data={"like": "hdf-003", "rerank": "5"})
    assert "no words" in wordless.json()["error"]["message"]
    missing = able.post("/rerank", data={"q": "galaxy", "mode": "text"})
    assert missing.status_code == 400
    evil = able.post("/rerank", data=SEARCH, headers={"origin": "http://evil.example"})
    assert evil.status_code == 403


def test_a_server_that_stops_leaves_off(serve, own) -> None:
    server = serve(latency=0.1)
    settings = ServerSettings(rerank=judging(server.url, concurrency=1))
    with TestClient(create_app(own, settings), base_url="http://127.0.0.1") as client:
        query = Query.build("galaxy", mode="text", rerank={"candidates": 40, "samples": 10})
        job = client.post("/api/rerank", json=query.model_dump(mode="json")).json()
        client.get(f"{job['address']}?wait=true")
        client.post(f"{job['address']}/confirm")
        time.sleep(0.5)
    sent = len(server.log)
    time.sleep(0.5)
    assert len(server.log) == sent < 400
