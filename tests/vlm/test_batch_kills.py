"""SIGKILL between the steps of a batch, and at random: one batch, each answer paid for once."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import pytest

from archive.killing import start
from skylore.archive.table import Archive
from skylore.vlm.places import kept_answers
from skylore.vlm.store import AnswerStore
from vlm.batching import cost, in_batches
from vlm.desk import DeskBehaviour
from vlm.galaxies import make_archive


def begin(path, server, most: int = 1000) -> subprocess.Popen:
    return start("vlm.batch_captioner", path, server.url, most)


def finish(path, server, most: int = 1000) -> str:
    process = begin(path, server, most)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told.decode()
    return told.decode()


def spent(archive: Archive) -> tuple[float, tuple[int, int]]:
    store = AnswerStore(kept_answers(archive, "answers"))
    try:
        return store.spent() / 1e12, store.in_doubt()
    finally:
        store.close()


@pytest.mark.parametrize("step", ["upload", "create", "download"])
def test_killed_while_a_step_is_answered(tmp_path, serve, step) -> None:
    path = tmp_path / "a.skylore"
    archive = make_archive(path, 30)
    server = serve(desk=DeskBehaviour(holds=[step]))
    process = begin(path, server)
    assert server.desk.held.wait(60), process.communicate()
    process.kill()
    process.communicate()
    finish(path, server)
    assert Archive.open(path).filled("caption") == 30
    assert (len(server.desk.batches), len(in_batches(server))) == (1, 14)
    assert spent(archive) == (pytest.approx(cost(server)), (0, 0))


def test_killed_at_random_moments(tmp_path, serve) -> None:
    path, chance = tmp_path / "a.skylore", random.Random(3)
    archive = make_archive(path, 60)
    server = serve(idempotent=True, desk=DeskBehaviour(seconds=0.3))
    kills = 0
    while kills < 3:
        process = begin(path, server, most=12)
        while process.poll() is None and len(server.log) < 10 * (kills + 1):
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
    finish(path, server, most=12)
    assert Archive.open(path).filled("caption") == 60
    assert server.paid_twice() == 0
    assert sum(b["request_counts"]["total"] for b in server.desk.batches.values()) <= 44
    assert not list(tmp_path.rglob("*.jsonl"))
    total, (_, doubtful) = spent(archive)
    assert cost(server) <= total + 1e-12 <= cost(server) + doubtful / 1e12 + 1e-9


def test_interrupt_leaves_the_batch_with_the_provider(tmp_path, serve) -> None:
    path = tmp_path / "a.skylore"
    make_archive(path, 30)
    server = serve(desk=DeskBehaviour(seconds=600))
    process = begin(path, server)
    while not server.desk.batches and process.poll() is None:
        time.sleep(0.01)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told.decode()
    assert "14 requests in batches" in told.decode()
    server.desk.hurry()
    assert "14 done" in finish(path, server)
    assert (len(server.desk.batches), Archive.open(path).filled("caption")) == (1, 30)
