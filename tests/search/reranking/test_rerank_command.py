"""``skylore search --rerank``, as users call it."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from search.reranking.conftest import SIZE, by_image, says
from skylore.cli.app import app


def search(archive, *options, answer: str = ""):
    return CliRunner().invoke(app, ["search", str(archive), *map(str, options)], input=answer)


def test_it_says_what_it_costs_asks_and_shows_certainties(archive, serve) -> None:
    server = serve(pick=by_image(lambda i, _: "refusal" if i == 4 else says(1 + i % 10)))
    given = ["--like", "g00", "--rerank", "openai:seer-1", "--base-url", server.url, "-q"]
    given += ["--rerank-words", "a ring", "--rerank-top", 30, "--rerank-samples", 2]
    given += ["--image-size", SIZE, "--price-in", 0.4, "--price-out", 1.6, "-k", 5]

    refused = search(archive, *given)
    assert refused.exit_code == 6
    assert "--budget" in refused.output

    given += ["--budget", "1USD"]
    declined = search(archive, *given, answer="n\n")
    assert declined.exit_code == 6
    assert "at most 60 questions; 16 were asked" in declined.output
    assert "never more than 1.00 USD" in declined.output
    assert "not re-ranked" in declined.output
    assert len(server.log) == 16

    done = search(archive, *given, "--yes")
    assert done.exit_code == 0
    assert "rerank_certainty" in done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines()[1:4]] == ["g09", "g19", "g29"]
    assert "first 30 re-ranked by" in done.stderr
    assert "1 of 30 could not be judged" in done.stderr

    sent = len(server.log)
    again = search(archive, *given, "--format", "json")
    assert again.exit_code == 0
    assert "0 requests sent, 0.00 USD spent" in again.stderr
    assert len(server.log) == sent
    hits = json.loads(again.stdout)["hits"]
    assert [hit["rerank_certainty"] for hit in hits[:3]] == [10, 10, 10]


def test_options_of_reranking_need_a_model(archive) -> None:
    wrong = search(archive, "--like", "g00", "--rerank-top", 5)
    assert wrong.exit_code == 2
    assert "--rerank openai:MODEL" in wrong.output
