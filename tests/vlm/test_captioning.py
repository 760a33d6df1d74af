"""Captioning against a real server: what ends up in the archive, whatever the server does."""

from __future__ import annotations

import json

import pytest

from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import ColumnError, EndpointError, ModelError
from vlm.conftest import KEY, everything_written, run
from vlm.galaxies import make_archive
from vlm.server import image_of, legacy_texts

USAGE = ["caption_tokens_in", "caption_tokens_out", "caption_cost", "caption_latency"]


def test_every_row_gets_its_texts_and_its_price(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 40)
    server = serve(texts=legacy_texts(), latency=0.01)
    report = run(archive, server, summary=True)
    rows = archive.read(["caption", "captions", *USAGE]).to_pylist()
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed, report.filled.left) == (40, 0, 0)
    assert all(row["captions"][0] == row["caption"] for row in rows)
    assert all(row["captions"][1].startswith("A blue spiral galaxy") for row in rows)
    assert all(0 < len(row["caption"].split()) <= 150 for row in rows)
    assert all("**" not in row["caption"] for row in rows)
    assert sum(r["caption_tokens_in"] for r in rows) >= sum(e.tokens_in for e in server.charged) > 0
    assert report.spent / 1e12 == pytest.approx(server.cost(0.4, 1.6))
    assert all(row["caption_latency"] >= 0.02 for row in rows)
    assert server.paid_twice() == 0


def test_provenance_says_what_the_model_saw(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 3)
    run(archive, serve())
    made = archive.columns["caption"].provenance
    assert made is not None
    assert made.model == "openai:seer-1"
    told = made.parameters
    assert (told["prompt"], told["prompt_version"], told["size"]) == ("describe", "1", 64)
    assert told["detail"] == "high"
    assert "Lanczos" in str(told["rendering"])
    with pytest.raises(ColumnError, match="--overwrite"):
        run(archive, serve(), image_size=96)
    assert pipeline.caption(archive, FillOptions(progress=False)).already == 3


def test_faults_of_all_kinds_cost_no_row_and_no_answer(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 60)
    faults = ["500", "502", "503", "504", "429", "cut", "midway", "truncated", "html"]

    def pick(asked, nth) -> str | None:
        return faults[len(image_of(asked)) % len(faults)] if nth == 1 else None

    server = serve(pick=pick, retry_after="0.05")
    report = run(archive, server)
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed) == (60, 0)
    assert {e.fault for e in server.log} >= {"500", "cut", "truncated"}
    assert server.paid_twice() == 0
    assert (report.spent + 1) / 1e12 >= server.cost(0.4, 1.6)


def test_slow_drip_is_timed_out(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 1)
    server = serve(pick=lambda _, nth: "drip" if nth == 1 else None)
    report = run(archive, server, timeout=1.0)
    assert report.filled is not None
    assert report.filled.done == 1
    assert [e.fault for e in server.log] == ["drip", ""]


def test_refusals_are_set_aside_and_asked_once(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 24)
    refused: dict[str, str] = {}

    def pick(asked, nth) -> str | None:
        kinds = ["refusal", "filter", "400", "says I'm sorry, but I can't help with this image."]
        image = image_of(asked)
        if image not in refused and len(refused) < len(kinds):
            refused[image] = kinds[len(refused)]
        return refused.get(image)

    server = serve(pick=pick)
    report = run(archive, server)
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed) == (20, 4)
    aside = archive.quarantine.read("caption").to_pylist()
    assert {row["kind"] for row in aside} == {"RefusedError"}
    assert len(server.log) == 24
    run(archive, server)
    assert len(server.log) == 24
    refused.update(dict.fromkeys(refused, ""))
    assert run(archive, server, fill={"retry_failed": True}).filled.done == 4
    assert archive.filled("caption") == 24


def test_wrong_schema_is_corrected_then_set_aside(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 8)
    stubborn: list[str] = []

    def pick(asked, nth) -> str | None:
        image = image_of(asked)
        if not stubborn:
            stubborn.append(image)
        turns = sum(m["role"] == "assistant" for m in asked["messages"])
        wrong = ['says {"answer": "a banana"}', 'says {"reply": "smooth"}', "says smooth"]
        return wrong[turns % 3] if image in stubborn or turns == 0 else None

    server = serve(pick=pick)
    report = run(archive, server, prompt="galaxy-zoo")
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed) == (7, 1)
    assert archive.quarantine.read("caption")["kind"].to_pylist() == ["UnusableAnswerError"]
    assert max(e.turns for e in server.log) == 2
    assert sum(e.image == server.log[0].image for e in server.log) == 3


def test_tree_asks_children_only_where_their_parent_led_there(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 20)
    server = serve()
    run(archive, server, prompt="galaxy-zoo")
    columns = [name for name in archive.schema.names if name.startswith("answer_")]
    assert len(columns) == 10
    rows = archive.read(["caption", *columns]).to_pylist()
    roots = {row["answer_smooth_or_featured"] for row in rows}
    assert roots == {"smooth", "featured-or-disk", "artifact"}
    for row in rows:
        featured = row["answer_smooth_or_featured"] == "featured-or-disk"
        assert (row["answer_disk_edge_on"] is not None) == featured
        assert (row["answer_spiral_winding"] is not None) == (
            row["answer_has_spiral_arms"] == "yes"
        )
        assert " no" not in row["caption"]
    asked = sum(value is not None for row in rows for value in list(row.values())[1:])
    assert len(server.log) == asked


@pytest.mark.parametrize("kind", ["401", "404", "gone"])
def test_what_no_request_survives_stops_at_once(tmp_path, serve, kind) -> None:
    archive = make_archive(tmp_path / "a.skylore", 30)
    if kind == "401":
        server = serve(key="another")
    else:
        server = serve(pick=lambda _, nth: "404" if kind == "404" else "cut")
    with pytest.raises(EndpointError) as caught:
        run(archive, server, attempts=2)
    assert len(server.log) <= 16 * 2
    assert archive.quarantine.read().num_rows == 0
    assert KEY not in str(caught.value)


def test_key_is_written_nowhere(tmp_path, serve, caplog) -> None:
    caplog.set_level("DEBUG")
    archive = make_archive(tmp_path / "a.skylore", 6)
    run(archive, serve(key=KEY))
    bad = make_archive(tmp_path / "b.skylore", 6)
    with pytest.raises(EndpointError):
        run(bad, serve(key="another"))
    quoting = make_archive(tmp_path / "c.skylore", 6)
    with pytest.raises(ModelError, match="none of 6 images"):
        run(quoting, serve(pick=lambda _, nth: "400"))
    assert archive.filled("caption") == 6
    assert KEY.encode() not in everything_written(tmp_path)
    assert KEY not in caplog.text


def test_own_prompt_of_another_science(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 3)
    prompt = tmp_path / "cells.md"
    prompt.write_text(
        '+++\nname = "cells"\nversion = "3"\nmax_tokens = 50\nmost_words = 12\n+++\n'
        "# User\nDescribe the cell in the centre.\n"
    )
    asked: list[str] = []

    def pick(body, nth) -> None:
        asked.append(json.dumps(body))

    run(archive, serve(pick=pick, texts=["A round cell. It has two nuclei. " * 5]), prompt=prompt)
    assert (
        archive.read(["caption"])["caption"].to_pylist()
        == ["A round cell. It has two nuclei. A round cell."] * 3
    )
    assert all("Describe the cell" in body and '"max_tokens": 50' in body for body in asked)
    made = archive.columns["caption"].provenance
    assert made is not None
    assert made.parameters["prompt_version"] == "3"


def test_identical_images_are_paid_for_once(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 5)
    twins = archive.read(["image", "image_width", "image_height"])
    archive.append(twins.append_column("id", [[f"twin{i}" for i in range(5)]]))
    server = serve(latency=0.05)
    run(archive, server)
    assert Archive.open(tmp_path / "a.skylore").filled("caption") == 10
    assert len(server.log) == 5


def test_corrupt_image_is_set_aside_without_a_request(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 4)
    broken = archive.read(["image", "image_width", "image_height"], limit=1)
    cut = broken["image"][0].as_py()[:-40]
    archive.append(broken.set_column(0, "image", [[cut]]).append_column("id", [["broken"]]))
    server = serve()
    report = run(archive, server)
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed, len(server.log)) == (4, 1, 4)
    assert archive.quarantine.read("caption")["kind"].to_pylist() == ["ImageError"]
