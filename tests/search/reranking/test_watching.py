"""Answers that are shown while they are being judged: to a function, and on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading

import pytest

from newcomer import SKYLORE
from search.reranking.conftest import COUNT, NORTH, SIZE, by_image, judge_of, says
from skylore.errors import QueryError
from skylore.search.query import Query
from skylore.search.reranking import service
from skylore.search.reranking.request import RerankRequest
from skylore.search.reranking.service import rerank
from skylore.search.reranking.settings import Reranking


def certain(i: int, _nth: int) -> str:
    return "refusal" if i == 7 else says(1 + i % 10)


def test_the_order_of_similarity_comes_first_and_then_certainties(
    archive, serve, monkeypatch
) -> None:
    monkeypatch.setattr(service, "SECONDS_BETWEEN", 0.0)
    server = serve(pick=by_image(certain))
    how = Reranking(judge_of(archive, server), COUNT, samples=1, wanted="a ring")
    shown = []
    query = Query.build(vector=NORTH, k=12)
    done = rerank(archive, query, how, watch=shown.append)
    assert shown[0].table["id"].to_pylist() == [f"g{i:02d}" for i in range(12)]
    assert shown[0].table["rerank_certainty"].null_count == 12
    judged = [results.reranked.judged for results in shown]
    assert judged == sorted(judged)
    assert judged[0] == 0
    assert len(set(judged)) > 10, "more often than round by round"
    half = next(r for r in shown if r.reranked.judged >= 20)
    values = half.table["rerank_certainty"].to_pylist()
    assert values == sorted(values, reverse=True), "the judged come first, best before"
    assert done.reranked.failed == 1
    assert done.reranked.judge == "openai:seer-1"
    assert "answers of openai:seer-1" in done.plan.reason


def test_a_watcher_that_raises_ends_it_and_all_that_was_paid_for_counts(
    archive, serve, monkeypatch
) -> None:
    monkeypatch.setattr(service, "SECONDS_BETWEEN", 0.0)
    server = serve(pick=by_image(certain), latency=0.02)
    judge = judge_of(archive, server, concurrency=4)

    class EnoughError(Exception):
        pass

    def enough(results) -> None:
        if results.reranked.judged > 3:
            raise EnoughError

    with pytest.raises(EnoughError):
        rerank(archive, Query.build(vector=NORTH), Reranking(judge, wanted="a ring"), watch=enough)
    assert judge.spent_amount == pytest.approx(1e12 * server.cost(0.4, 1.6))
    assert judge.sent == len(server.log)


def test_a_query_holds_what_is_asked_of_a_judge_and_not_who_it_is(archive, serve) -> None:
    request = RerankRequest(candidates=10, samples=2, wanted="a ring")
    query = Query.build(vector=NORTH, k=5, rerank=request)
    assert Query.model_validate_json(query.model_dump_json()) == query
    with pytest.raises(QueryError, match="does not say by whom"):
        archive.answer(query)
    how = Reranking.of(judge_of(archive, serve(pick=by_image(certain))), request)
    assert how.request == request
    found = archive.answer(query, rerank=how)
    assert found.query == query
    assert found.to_json()["query"]["rerank"]["candidates"] == 10
    plain = archive.search(vector=NORTH, k=5, rerank=how)
    assert plain.query == query, "what was asked is part of the answer"


def read_all(descriptor: int, into: list[bytes]) -> None:
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:
            return
        if not part:
            return
        into.append(part)


def on_terminal(command: list[str]) -> tuple[str, str]:
    """Run a command with a terminal as its standard error; gives what it printed and drew."""
    ours, theirs = pty.openpty()
    drawn: list[bytes] = []
    reader = threading.Thread(target=read_all, args=(ours, drawn))
    reader.start()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment, check=True, text=True
    )
    os.close(theirs)
    reader.join()
    os.close(ours)
    return done.stdout, b"".join(drawn).decode()


def test_on_a_terminal_the_first_hits_are_drawn_while_they_are_judged(archive, serve) -> None:
    server = serve(pick=by_image(certain), latency=0.1)
    command = [SKYLORE, "search", str(archive.location.root), "--like", "g00", "-k", "3"]
    command += ["--rerank", "openai:seer-1", "--base-url", server.url, "--rerank-words", "a ring"]
    command += ["--rerank-top", "30", "--rerank-samples", "2", "--image-size", str(SIZE)]
    command += ["--price-in", "0.4", "--price-out", "1.6", "--budget", "1USD", "--yes"]
    printed, drawn = on_terminal([*command, "--concurrency", "4"])
    frames = re.split(r"\x1b\[\d+A\r\x1b\[J", drawn)
    assert len(frames) > 3
    assert "0 of 30 judged, 0 answers" in frames[0]
    assert [line.split()[1] for line in frames[0].splitlines()[1:3]] == ["g01", "g02"]
    assert re.search(r"\d+ of 30 judged, \d+ answers, 1 in vain", frames[-2])
    assert "a sample" in drawn
    assert "\x1b" not in printed
    assert [line.split()[1] for line in printed.splitlines()[1:4]] == ["g09", "g19", "g29"]
    assert not re.search(r"\x1b\[\d+A", frames[-1])
    assert "g09" not in frames[-1], "what was drawn is taken away before the answer is printed"
    plain = subprocess.run([*command], capture_output=True, text=True, check=True)
    assert "\x1b[J" not in plain.stderr
