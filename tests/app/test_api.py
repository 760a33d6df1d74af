from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from app.galaxies import pixels
from skylore.app.application import create_app
from skylore.app.failures import STATUSES, failure_of
from skylore.archive.table import Archive
from skylore.errors import DependencyMissingError, SkyloreError
from skylore.search.query import Cone, ImageTerm, ObjectTerm, Query, Range, TextTerm

QUERIES = [
    Query(),
    Query.build(like="hdf-003", k=7),
    Query.build(like="hdf-003", k=5, offset=5, where="area > 50"),
    Query.build("blue galaxy", mode="text", k=9),
    Query.build(cone=Cone(ra=189.2, dec=62.2, radius=0.01)),
    Query(terms=(ObjectTerm(id="hdf-001", weight=2), ObjectTerm(id="hdf-002", weight=-0.5))),
    Query(ranges=(Range(column="ra", maximum=189.2),), columns=("area", "ra")),
]


@pytest.mark.parametrize("query", QUERIES)
def test_rest_and_python_give_the_same(client: TestClient, archive: Archive, query: Query) -> None:
    expected = json.loads(json.dumps(archive.answer(query).to_json()))
    posted = client.post("/api/search", content=query.model_dump_json(), headers=JSON)
    assert posted.status_code == 200
    assert posted.json() == expected
    got = client.get("/api/search", params={"query": query.model_dump_json()})
    assert got.json() == expected
    assert expected["hits"]


JSON = {"content-type": "application/json"}


def test_plain_parameters_are_the_query(client: TestClient, archive: Archive) -> None:
    got = client.get(
        "/api/search?like=hdf-003&where=area+>+50&k=3&offset=2&columns=area&columns=ra"
    )
    expected = Query.build(like="hdf-003", where="area > 50", k=3, offset=2, columns=("area", "ra"))
    assert Query.model_validate(got.json()["query"]) == expected
    assert [h["id"] for h in got.json()["hits"]] == [h.id for h in archive.answer(expected)]


def test_an_image_finds_itself(client: TestClient) -> None:
    body = Query.build(image=pixels(7), k=3).model_dump_json()
    hits = client.post("/api/search", content=body, headers=JSON).json()["hits"]
    assert hits[0]["id"] == "hdf-007"
    assert hits[0]["score"] == pytest.approx(1, abs=1e-4)


def test_object_and_info(client: TestClient, archive: Archive) -> None:
    known = client.get("/api/object/hdf-004").json()
    row = archive.read(["id", "area", "caption"], where="id = 'hdf-004'").to_pylist()[0]
    assert {name: known[name] for name in row} == row
    assert not {"image", "image_vector"} & set(known)
    info = client.get("/api/info").json()
    assert (info["objects"], info["sources"]) == (45, {"Hubble Deep Field": 45})
    made = {column["name"]: column["provenance"] for column in info["columns"]}
    assert made["image_vector"]["model"] == "scattering"


ERRORS: list[tuple[int, str, Callable[[TestClient], object]]] = [
    (400, "filter", lambda c: c.get("/api/search?where=aera > 1")),
    (400, "filter", lambda c: c.get("/api/search?where=1; DROP TABLE objects")),
    (400, "query", lambda c: c.get("/api/search?qq=typo")),
    (400, "query", lambda c: c.get("/api/search?k=1&k=2")),
    (400, "query", lambda c: c.get("/api/search?k=many")),
    (400, "query", lambda c: c.get("/api/search?cone=1 2")),
    (400, "query", lambda c: c.get("/api/search?like=none")),
    (400, "query", lambda c: c.get("/api/search?query={")),
    (400, "query", lambda c: c.get('/api/search?query={"k":3}&q=x')),
    (400, "query", lambda c: c.post("/api/search", json={"k": 0})),
    (400, "query", lambda c: c.post("/api/search", content="{", headers=JSON)),
    (400, "column", lambda c: c.get("/api/search?columns=nothing")),
    (400, "encoder_mismatch", lambda c: c.get("/api/search?q=spiral&mode=vector")),
    (404, "upload_expired", lambda c: c.get("/api/search?image=0123")),
    (404, "upload_expired", lambda c: c.get("/upload/0123")),
    (400, "query", lambda c: c.get("/api/search?q=ring&mode=text&rerank=10")),
    (400, "query", lambda c: c.get("/api/search?q=ring&rerank=0")),
    (404, "not_found", lambda c: c.get("/api/object/none")),
    (404, "not_found", lambda c: c.get("/image/none")),
    (404, "not_found", lambda c: c.get("/nowhere")),
    (404, "not_found", lambda c: c.get("/static/../settings.py")),
    (405, "method_not_allowed", lambda c: c.delete("/api/search")),
    (400, "image", lambda c: c.post("/upload", files={"file": ("a.png", b"not an image")})),
    (400, "image", lambda c: c.post("/upload", files={"file": ("a.png", bytes(250_000))})),
    (400, "query", lambda c: c.post("/upload")),
    (413, "body_too_large", lambda c: c.post("/api/search", content=b" " * 400_000)),
    (
        413,
        "body_too_large",
        lambda c: c.post("/api/search", content=iter([b" " * 200_000] * 2), headers=JSON),
    ),
    (414, "url_too_long", lambda c: c.get("/api/search?q=" + "x" * 20_000)),
    (421, "misdirected_host", lambda c: c.get("/api/info", headers={"host": "evil.example"})),
    (421, "misdirected_host", lambda c: c.get("/api/info", headers={"host": "192.168.1.2"})),
    (
        403,
        "cross_origin",
        lambda c: c.post("/api/search", json={}, headers={"origin": "http://evil.example"}),
    ),
    (
        403,
        "cross_origin",
        lambda c: c.post("/upload", headers={"sec-fetch-site": "cross-site"}),
    ),
]


@pytest.mark.parametrize(("status", "kind", "ask"), ERRORS)
def test_errors_have_one_shape(client: TestClient, status: int, kind: str, ask) -> None:
    response = ask(client)
    assert response.status_code == status
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert error["kind"] == kind
    assert set(error) <= {"kind", "message", "hint"}
    assert error["message"]
    assert "\n" not in error["message"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_every_error_class_has_a_status() -> None:
    def below(kind: type[SkyloreError]) -> list[type[SkyloreError]]:
        return [kind, *(each for sub in kind.__subclasses__() for each in below(sub))]

    for kind in below(SkyloreError):
        failure = failure_of(kind("what is wrong"))
        assert failure.message == "what is wrong"
        assert failure.status in {status for _, status in STATUSES} | {500}
    assert failure_of(DependencyMissingError("x")).kind == "dependency_missing"


def test_an_unforeseen_error_tells_nothing_of_the_inside(archive: Archive) -> None:
    app = create_app(archive)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret")

    with TestClient(app, base_url="http://localhost") as client:
        response = client.get("/broken")
    assert response.status_code == 500
    assert response.json()["error"]["kind"] == "internal"
    assert "secret" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_openapi_describes_what_there_is(client: TestClient) -> None:
    api = client.get("/openapi.json").json()
    names = {p["name"] for p in api["paths"]["/api/search"]["get"]["parameters"]}
    assert {"q", "minus", "like", "cone", "where", "mode", "k", "offset", "query"} <= names
    page = client.get("/docs")
    assert page.status_code == 200
    for path in api["paths"]:
        assert path in page.text
    assert "http://" not in page.text.replace("http://127.0.0.1", "")
    assert "https://" not in page.text


def test_term_types_are_all_in_the_reference(client: TestClient) -> None:
    text = client.get("/docs").text
    for kind in (TextTerm, ImageTerm, ObjectTerm, Cone, Range):
        assert kind.__name__ in text
