"""SIGKILL at random moments: no row lost, no kept answer paid for again, no budget overrun."""

from __future__ import annotations

from skylore.archive.table import Archive
from skylore.vlm.places import kept_answers
from skylore.vlm.store import AnswerStore
from vlm.conftest import KEY, everything_written
from vlm.galaxies import make_archive
from vlm.killing import kill_until_done


def test_killed_at_random_moments(tmp_path, serve) -> None:
    path = tmp_path / "a.skylore"
    answers = kept_answers(make_archive(path, 90), "answers")
    server = serve(latency=0.05, rates={"cut": 0.03, "500": 0.03}, idempotent=True, key=KEY)
    outcome = kill_until_done(
        path,
        answers,
        [server.url, "5USD", 8],
        lambda: len(server.charged),
        kills=2,
        each=40,
        seed=0,
    )
    assert outcome.kills == 2
    assert outcome.kept_paid_again == 0
    assert server.paid_twice() == 0
    archive = Archive.open(path)
    assert archive.filled("caption") == 90
    assert archive.quarantine.read().num_rows == 0
    store = AnswerStore(answers)
    assert server.cost(0.4, 1.6) <= (store.spent() + 1) / 1e12 <= 5
    assert 0 < store.in_doubt()[0] <= 2 * 16
    store.close()
    assert KEY.encode() not in everything_written(tmp_path)
