"""Captions in batches: the same captions, each paid for once, whatever becomes of a batch."""

from __future__ import annotations

import json

import pytest

from skylore.errors import ModelError
from skylore.vlm.places import kept_answers
from vlm.batching import cost, in_batches, run_in_batches
from vlm.conftest import KEY, everything_written, run
from vlm.desk import DeskBehaviour
from vlm.galaxies import make_archive
from vlm.server import image_of

SAMPLE = 16
MOST_IN_BATCH = 0.0031
"""Dollars that a request of these tests may cost at most, at half the price."""


def test_captions_and_prices_are_as_if_asked_one_by_one(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 40)
    server = serve(desk=DeskBehaviour(seconds=0.2), key=KEY)
    report = run_in_batches(archive, server.url, summary=True)
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed, report.filled.left) == (40, 0, 0)
    assert len(server.desk.batches) == 1
    assert len(in_batches(server)) == 40 - SAMPLE
    assert report.spent / 1e12 == pytest.approx(cost(server))
    rows = archive.read(["caption", "caption_cost", "caption_latency"]).to_pylist()
    assert sum(row["caption_latency"] is None for row in rows) == 40 - SAMPLE
    assert (*server.desk.files, *server.desk.deleted) == ("batch_0-output", "file-0")
    assert not list(tmp_path.rglob("*.jsonl"))
    assert KEY.encode() not in everything_written(tmp_path)

    twin = make_archive(tmp_path / "b.skylore", 40)
    run(twin, serve(), summary=True)
    assert twin.read(["caption"]) == archive.read(["caption"])
    made, other = (a.columns["caption"].provenance for a in (archive, twin))
    assert made is not None
    assert other is not None
    assert made.same_recipe(other)


def test_nothing_is_paid_for_in_both_ways(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 40)
    server = serve(desk=DeskBehaviour())
    run(archive, server, fill={"limit": 20})
    run_in_batches(archive, server.url)
    assert (len(server.log), len(in_batches(server))) == (40, 4)
    run(archive, server, image_size=64, fill={"overwrite": True})
    assert (len(server.log), archive.filled("caption")) == (40, 40)


def test_trees_are_walked_level_by_level(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 24)
    server = serve(desk=DeskBehaviour())
    report = run_in_batches(archive, server.url, prompt="galaxy-zoo")
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed) == (24, 0)
    assert 2 <= len(server.desk.batches) <= 12
    twin = make_archive(tmp_path / "b.skylore", 24)
    run(twin, serve(), prompt="galaxy-zoo")
    assert twin.read(["captions"]) == archive.read(["captions"])
    asked = [e.request for e in server.log]
    assert len(asked) == len(set(asked))


def test_files_and_batches_keep_to_the_bounds(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 36)
    server = serve(desk=DeskBehaviour(page=2))
    run_in_batches(archive, server.url, {"most_requests": 9, "most_bytes": 30_000})
    uploads = [content for _, content in server.desk.deleted.values()]
    assert sum(len(content.splitlines()) for content in uploads) == 20
    assert all(len(content.splitlines()) <= 9 and len(content) <= 30_000 for content in uploads)
    assert len(uploads) == len(server.desk.batches) >= 3


def test_budget_is_not_overrun_and_used_to_the_end(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 120)
    server = serve(desk=DeskBehaviour())
    budget = 0.012
    report = run_in_batches(archive, server.url, budget=f"{budget}USD")
    assert report.exhausted
    assert report.filled is not None
    assert cost(server) <= (report.spent + 1) / 1e12 <= budget
    assert report.spent / 1e12 > budget - MOST_IN_BATCH
    assert report.filled.done == len(server.log)
    assert report.filled.left == 120 - report.filled.done > 0
    assert len(server.desk.batches) > 1
    more = run_in_batches(archive, server.url, budget="2USD")
    assert more.filled is not None
    assert (archive.filled("caption"), len(server.log)) == (120, 120)


def test_batches_are_left_alone_and_fetched_later(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 40)
    server = serve(desk=DeskBehaviour(seconds=600))
    left = run_in_batches(archive, server.url, {"wait": False})
    assert left.filled is not None
    assert (left.awaited, len(server.log)) == (24, SAMPLE)
    assert "24 requests in batches" in str(left)
    assert left.doubtful == 0
    with pytest.raises(ModelError, match="fetch them first, with --batch"):
        run(archive, server)
    still = run_in_batches(archive, server.url, {"wait": False})
    assert (still.awaited, len(server.desk.batches)) == (24, 1)
    server.desk.hurry()
    done = run_in_batches(archive, server.url)
    assert done.filled is not None
    assert (done.awaited, archive.filled("caption"), len(server.desk.batches)) == (0, 40, 1)
    assert done.spent / 1e12 == pytest.approx(cost(server))


def test_batch_that_the_provider_forgot_counts_in_full(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 30)
    server = serve(desk=DeskBehaviour(seconds=60))
    left = run_in_batches(archive, server.url, {"wait": False})
    server.desk.batches.clear()
    server.desk.behaviour.seconds = 0
    report = run_in_batches(archive, server.url)
    assert report.filled is not None
    assert (archive.filled("caption"), report.awaited) == (30, 0)
    assert report.spent > left.awaited_cost


def test_bodies_in_files_are_those_of_single_requests(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 17)
    bodies: list[str] = []

    def pick(asked, nth) -> None:
        bodies.append(json.dumps(asked, sort_keys=True))

    server = serve(desk=DeskBehaviour(pick=pick))
    run_in_batches(archive, server.url)
    ((_, content),) = server.desk.deleted.values()
    line = json.loads(content)
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert json.dumps(line["body"], sort_keys=True) == bodies[0]
    assert line["body"]["model"] == "seer-1"
    assert image_of(line["body"]).startswith("data:image/jpeg;base64,")
    assert kept_answers(archive, "answers").exists()
