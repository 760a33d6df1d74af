"""Batches that go wrong, as a whole or line by line: no row is lost, and none is paid for twice."""

from __future__ import annotations

import pytest

from skylore.errors import EndpointError
from vlm.batching import cost, in_batches, run_in_batches
from vlm.desk import DeskBehaviour
from vlm.galaxies import make_archive
from vlm.server import image_of


@pytest.mark.parametrize("fault", ["500", "expired", "missing", "garbage", "no completion"])
def test_failed_requests_are_sent_again(tmp_path, serve, fault) -> None:
    archive = make_archive(tmp_path / "a.skylore", 30)
    failed: list[str] = []

    def pick(asked, nth) -> str | None:
        if nth == 1 and len(failed) < 5:
            failed.append(image_of(asked))
            return fault
        return None

    server = serve(desk=DeskBehaviour(pick=pick))
    report = run_in_batches(archive, server.url)
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed) == (30, 0)
    assert len(server.desk.batches) == (1 if fault == "garbage" else 2)
    assert cost(server) <= (report.spent + 1) / 1e12
    if fault in {"500", "expired"}:
        assert report.spent / 1e12 == pytest.approx(cost(server))


def test_what_fails_for_ever_is_set_aside_and_can_be_tried_again(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 22)
    stubborn: dict[str, str] = {}

    def pick(asked, nth) -> str | None:
        kinds = ["500", "400", "refusal", "says  "]
        if image_of(asked) not in stubborn and len(stubborn) < len(kinds):
            stubborn[image_of(asked)] = kinds[len(stubborn)]
        return stubborn.get(image_of(asked))

    server = serve(desk=DeskBehaviour(pick=pick))
    report = run_in_batches(archive, server.url, attempts=3)
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed) == (18, 4)
    kinds = sorted(archive.quarantine.read("caption")["kind"].to_pylist())
    assert kinds == ["PassingError", "RefusedError", "RefusedError", "UnusableAnswerError"]
    assert len(server.desk.batches) == 3
    sent = len(server.log)
    assert run_in_batches(archive, server.url).filled.done == 0
    assert len(server.log) == sent

    stubborn.update(dict.fromkeys(stubborn, ""))
    again = run_in_batches(archive, server.url, fill={"retry_failed": True})
    assert again.filled is not None
    assert (again.filled.done, again.filled.failed) == (4, 0)
    assert archive.filled("caption") == 22


def test_wrong_answers_are_corrected_in_the_next_batch(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 20)

    def pick(asked, nth) -> str | None:
        turns = sum(m["role"] == "assistant" for m in asked["messages"])
        return ["says smooth", 'says {"answer": "a banana"}', None][turns]

    server = serve(desk=DeskBehaviour(pick=pick))
    report = run_in_batches(archive, server.url, prompt="galaxy-zoo")
    assert report.filled is not None
    assert (archive.filled("caption"), report.filled.failed) == (20, 0)
    turns = [entry.turns for entry in in_batches(server)]
    assert turns.count(0) == turns.count(1) == turns.count(2) >= 4
    assert len(server.desk.batches) % 3 == 0


@pytest.mark.parametrize("status", ["expired", "cancelled", "failed"])
def test_batches_that_do_not_complete_are_gone_on_with(tmp_path, serve, status) -> None:
    archive = make_archive(tmp_path / "a.skylore", 36)
    server = serve(desk=DeskBehaviour(statuses=[status, status]))
    report = run_in_batches(archive, server.url)
    assert report.filled is not None
    assert (report.filled.done, report.filled.failed) == (36, 0)
    assert len(server.desk.batches) == 3
    assert len(in_batches(server)) == 20
    assert report.spent / 1e12 == pytest.approx(cost(server))


def test_provider_that_takes_no_batch_is_not_asked_for_ever(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 30)
    server = serve(desk=DeskBehaviour(statuses=["failed"] * 100))
    with pytest.raises(EndpointError, match="not to our liking"):
        run_in_batches(archive, server.url)
    assert len(server.desk.batches) == 3
    without = serve()
    with pytest.raises(EndpointError, match="takes no batches"):
        run_in_batches(archive, without.url)


def test_too_many_tokens_under_way_makes_smaller_batches(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 56)
    server = serve(desk=DeskBehaviour(most_lines=12))
    report = run_in_batches(archive, server.url)
    assert report.filled is not None
    assert report.filled.done == 56
    assert len(in_batches(server)) == 40
    lines = [b["request_counts"]["total"] for b in server.desk.batches.values()]
    assert lines[:3] == [40, 20, 10]


def test_lines_that_come_twice_or_unasked_count_once(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 30)
    fates = iter(["twice", "stray"] * 7)
    server = serve(desk=DeskBehaviour(pick=lambda asked, nth: next(fates)))
    report = run_in_batches(archive, server.url)
    assert report.filled is not None
    assert (report.filled.done, len(server.desk.batches)) == (30, 1)
    assert report.spent / 1e12 == pytest.approx(cost(server))


@pytest.mark.parametrize("step", ["upload", "create", "download"])
def test_lost_replies_make_no_second_batch(tmp_path, serve, step) -> None:
    archive = make_archive(tmp_path / "a.skylore", 30)
    server = serve(desk=DeskBehaviour(loses=[step]))
    run_in_batches(archive, server.url)
    assert (archive.filled("caption"), len(server.desk.batches)) == (30, 1)
    assert len(in_batches(server)) == 14
    assert not server.desk.behaviour.loses
