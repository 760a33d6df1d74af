"""Money: never more than the budget, nothing paid for twice, and the estimate holds."""

from __future__ import annotations

import pytest

from skylore.errors import ModelError
from vlm.conftest import PRICES, run
from vlm.galaxies import make_archive
from vlm.server import FIXED, legacy_texts

MOST_PER_REQUEST = 0.0061
"""Dollars, at the prices of these tests: 8,500 tokens for the image, and the rest."""


@pytest.mark.parametrize("rates", [{}, {"cut": 0.1, "truncated": 0.1, "midway": 0.1, "500": 0.1}])
def test_overrun_is_nothing(tmp_path, serve, rates) -> None:
    archive = make_archive(tmp_path / "a.skylore", 120)
    server = serve(rates=rates, texts=legacy_texts())
    budget = 0.045
    report = run(archive, server, budget=f"{budget}USD", concurrency=16, attempts=20)
    assert report.exhausted
    assert report.filled is not None
    assert server.cost(0.4, 1.6) <= (report.spent + 1) / 1e12 <= budget
    assert report.spent / 1e12 > budget - MOST_PER_REQUEST
    assert report.filled.failed == 0
    assert report.filled.left == 120 - report.filled.done > 0
    if not rates:
        assert report.filled.done == len(server.charged)

    sent = len(server.log)
    again = run(archive, server, budget=f"{budget}USD")
    assert again.exhausted
    assert len(server.log) == sent
    more = run(archive, server, budget="2USD", attempts=20)
    assert more.filled is not None
    assert archive.filled("caption") == 120
    assert server.paid_twice() == 0


def test_estimate_holds_what_comes(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 150)
    server = serve(texts=legacy_texts())
    estimates = []

    def agree(estimate) -> bool:
        estimates.append((estimate, len(server.log)))
        return True

    report = run(archive, server, agree=agree)
    ((estimate, sample),) = estimates
    assert (sample, estimate.sampled, estimate.rows) == (16, 16, 150)
    assert estimate.cost.low <= report.spent <= estimate.cost.high
    assert estimate.cost.high < 1.5 * estimate.cost.expected
    assert estimate.tokens_out.low <= sum(e.tokens_out for e in server.log)
    assert sum(e.tokens_out for e in server.log) <= estimate.tokens_out.high
    assert "150 objects to caption" in str(estimate)
    assert len(server.log) == 150


def test_saying_no_keeps_the_sample(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 40)
    server = serve()
    report = run(archive, server, agree=lambda _: False)
    assert report.filled is None
    assert "caption" not in archive.schema.names
    assert len(server.log) == 16
    run(archive, server)
    assert archive.filled("caption") == len(server.log) == 40


def test_overwriting_pays_only_for_what_is_new(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 20)
    server = serve()
    run(archive, server)
    run(archive, server, summary=True, fill={"overwrite": True})
    assert len(server.log) == 20 + len(FIXED)
    assert archive.filled("caption") == 20


def test_server_that_does_not_count_is_reckoned_at_the_most(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 30)
    server = serve(usage=False)
    report = run(archive, server, budget="0.1USD")
    assert report.exhausted
    assert report.spent <= 0.1e12
    assert server.cost(0.4, 1.6) < 0.1
    assert archive.read(["caption_tokens_in"])["caption_tokens_in"].null_count == 30


def test_money_must_be_spoken_of(tmp_path, serve) -> None:
    archive, server = make_archive(tmp_path / "a.skylore", 2), serve()
    with pytest.raises(ModelError, match="--price-in"):
        run(archive, server, price_in=None)
    with pytest.raises(ModelError, match="--budget"):
        run(archive, server, budget=None, **PRICES)
    with pytest.raises(ModelError, match="amount of money"):
        run(archive, server, budget="plenty")
    assert not server.log
    run(archive, server, budget=None, price_in=0, price_out=0)
    assert archive.filled("caption") == 2


def test_requests_a_minute_are_kept_to(tmp_path, serve) -> None:
    archive = make_archive(tmp_path / "a.skylore", 12)
    server = serve()
    run(archive, server, requests_per_minute=600, concurrency=3)
    starts = sorted(entry.at for entry in server.log)
    assert starts[-1] - starts[0] >= 11 * 0.1 * 0.9
    assert server.most_at_once <= 3
