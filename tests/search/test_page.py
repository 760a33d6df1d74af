from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from skylore.archive.table import Archive
from skylore.imaging.decode import decode, encode_png
from skylore.search.page import Section, grid, page
from skylore.search.query import Query

EVIL = '<script>alert("x")</script> & "quoted"'


class Tags(HTMLParser):
    """Collects tags and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive.create(tmp_path / "a.skylore")
    archive.add_columns([pa.field("caption", pa.string())])
    small = encode_png(np.full((64, 64, 3), 90, np.uint8))
    large = encode_png(np.full((900, 600, 3), 40, np.uint8))
    archive.append(
        pa.table(
            {
                "id": ["a", "b", EVIL, "d"],
                "caption": [EVIL, "a large image", None, None],
                "image": pa.array([small, large, None, b"broken"], pa.binary()),
            }
        )
    )
    return archive


def test_grid_shows_every_hit_and_escapes_all_text(archive: Archive) -> None:
    text = grid(archive.answer(Query()))
    tags = Tags(text)
    images = tags.all("img")
    assert len(tags.all("li")) == 4
    assert text.count("no image") == 2
    assert not tags.all("script")
    assert sorted(i["alt"] or "" for i in images) == sorted([EVIL, "a large image"])


def test_images_are_inside_and_of_bounded_size(archive: Archive) -> None:
    import base64

    sources = [i["src"] or "" for i in Tags(grid(archive.answer(Query()))).all("img")]
    shapes = []
    for source in sources:
        kind, data = re.fullmatch(r"data:image/(\w+);base64,(.+)", source).groups()  # type: ignore[union-attr]
        assert kind == "png"
        shapes.append(decode(base64.b64decode(data)).shape)
    assert sorted(shapes) == [(64, 64, 3), (320, 213, 3)]


def test_page_is_whole_and_loads_nothing(archive: Archive) -> None:
    found = archive.answer(Query.build(where="id < 'c'"))
    text = page("Eight <searches>", [Section(found, "First & best", "note <1>"), found])
    tags = Tags(text)
    assert text.startswith("<!doctype html>")
    assert "Eight &lt;searches&gt;" in text
    assert "note &lt;1&gt;" in text
    assert "First &amp; best" in text
    assert "where id &lt; " in text
    assert found.plan.reason in text
    assert tags.all("html") == [{"lang": "en"}]
    for _, attributes in tags.seen:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))


def test_says_when_fewer_exist(archive: Archive) -> None:
    assert "only 4 objects" in grid(archive.answer(Query()))
    assert "<ol" not in grid(archive.answer(Query.build(where="id = 'zzz'")))
