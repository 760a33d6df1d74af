from __future__ import annotations

import html
import re

import pytest
from fastapi.testclient import TestClient

from app.galaxies import pixels
from skylore.archive.table import Archive
from skylore.search.query import Query


def hits(text: str) -> list[str]:
    return re.findall(r'<a class="id" href="[^"]*">([^<]*)</a>', text)


def link(text: str, relation: str) -> str | None:
    found = re.search(rf'<a rel="{relation}" href="([^"]*)"', text)
    return html.unescape(found[1]) if found else None


def test_landing_shows_number_examples_sources_and_objects(
    client: TestClient, archive: Archive
) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "45 objects of hdf.skylore" in page.text
    assert "Hubble Deep Field: 45 objects" in page.text
    assert "spiral galaxy" in page.text
    assert hits(page.text) == [str(h.id) for h in archive.answer(Query())]


@pytest.mark.parametrize("search", ["/?like=hdf-003", "/?q=galaxy&mode=text", "/"])
def test_pages_are_exact_to_the_last(client: TestClient, search: str) -> None:
    seen: list[str] = []
    address: str | None = search
    pages = 0
    while address:
        text = client.get(address).text
        seen += hits(text)
        address = link(text, "next")
        pages += 1
    everything = client.get("/api/search", params={**_params(search), "k": 100}).json()["hits"]
    assert seen == [hit["id"] for hit in everything]
    assert pages == 3
    back = link(text, "prev")
    assert back is not None
    assert hits(client.get(back).text) == seen[20:40]


def _params(search: str) -> dict[str, str]:
    return dict(part.split("=") for part in search.removeprefix("/?").split("&") if "=" in part)


def test_last_full_page_has_no_next(client: TestClient) -> None:
    assert link(client.get("/?q=galaxy&mode=text&k=45").text, "next") is None
    assert link(client.get("/?q=galaxy&mode=text&k=44").text, "next") is not None
    assert link(client.get("/?k=15&offset=30").text, "next") is None


def test_says_when_fewer_exist_and_how_it_was_found(client: TestClient) -> None:
    text = client.get("/?like=hdf-003&k=100").text
    assert "Only 44 objects can be hits." in text
    assert "exact scan: there is no index on image_vector" in text
    assert re.search(r"\d+ ms", text)
    assert "No hits are that far down." in client.get("/?offset=500").text


def test_errors_keep_the_query_in_the_form(client: TestClient) -> None:
    page = client.get('/?q=ring+"x"&where=nonsense+>+1')
    assert page.status_code == 400
    assert 'role="alert"' in page.text
    assert "no column" in page.text
    assert 'value="ring &#34;x&#34;"' in page.text
    assert 'value="nonsense &gt; 1"' in page.text
    expired = client.get("/?image=0123")
    assert expired.status_code == 404
    assert "choose it again" in expired.text


def test_empty_fields_are_taken_out_of_the_address(client: TestClient) -> None:
    response = client.get("/?q=red&where=&cone=&mode=text&k=")
    assert response.status_code == 303
    assert response.headers["location"].endswith("/?q=red&mode=text")


def test_object_page_shows_all_columns_and_how_they_were_made(client: TestClient) -> None:
    page = client.get("/object/hdf-004")
    for text in ("isophotal area", "pix2", "detect", "caption by rules", "More like this"):
        assert text in page.text
    assert len(hits(page.text)) == 12
    assert "Near it on the sky" in page.text
    missing = client.get("/object/none", headers={"accept": "text/html"})
    assert missing.status_code == 404
    assert "no object &#39;none&#39;" in missing.text


def test_markup_in_parameters_is_text(client: TestClient) -> None:
    evil = "<script>alert(1)</script>"
    for address in (f"/?q={evil}&mode=text", f"/?where={evil}", f"/object/{evil}"):
        assert evil not in client.get(address, headers={"accept": "text/html"}).text


def test_image_is_cached_by_its_content(client: TestClient) -> None:
    first = client.get("/image/hdf-002")
    assert first.content == pixels(2)
    assert first.headers["content-type"] == "image/png"
    tag = first.headers["etag"]
    again = client.get("/image/hdf-002", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/image/hdf-003").headers["etag"] != tag


def test_upload_leads_to_a_search_that_can_be_shared(client: TestClient) -> None:
    sent = client.post("/upload", files={"file": ("a.png", pixels(5))}, data={"where": "area > 0"})
    assert sent.status_code == 303
    page = client.get(sent.headers["location"])
    assert page.status_code == 200
    assert hits(page.text)[0] == "hdf-005"
    digest = re.search(r"image=(\w+)", sent.headers["location"])
    assert digest is not None
    assert client.get(f"/upload/{digest[1]}").content == pixels(5)
    later = link(page.text, "next")
    assert later is not None
    assert f"image={digest[1]}" in later


def test_about_lists_columns(client: TestClient) -> None:
    text = client.get("/about").text
    for name in ("_healpix_29", "image_vector", "scattering", "No object was set aside"):
        assert name in text


@pytest.mark.parametrize("path", ["/", "/about", "/docs", "/object/hdf-001", "/static/skylore.css"])
def test_headers_and_no_foreign_resource(client: TestClient, path: str) -> None:
    response = client.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in response.headers
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', response.text)
    assert not re.search(r"<(?:script|style)>| style=| on\w+=", response.text)
