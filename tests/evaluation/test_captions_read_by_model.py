"""Captions read by a language model: a real server on loopback, and published captions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from skylore import pipeline
from skylore.cli.app import app
from skylore.errors import EndpointError, ModelError
from skylore.evaluation.captions.benchmark import evaluate_captions
from skylore.evaluation.captions.by_model import ModelCaptionJudge
from skylore.evaluation.captions.judge import CaptionJudge, Unjudged
from skylore.evaluation.captions.judges import make_judge
from skylore.evaluation.captions.keywords import KeywordJudge
from skylore.evaluation.captions.paths import VolunteerPath, walk
from skylore.evaluation.captions.tables import GivenCaption, read_captions, read_paths
from skylore.morphology.tree import load_tree
from skylore.vlm.prompts import load_prompt
from vlm.server import FIXED, Behaviour, ModelServer

TREE = load_tree("gz-decals")
WORDING = load_prompt("galaxy-zoo").questions
KEYWORDS = KeywordJudge.shipped()
PRICES = {"price_in": 0.4, "price_out": 1.6}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr("skylore.vlm.faults._FIRST_PAUSE", 0.02)


@pytest.fixture
def serve() -> Iterator[Callable[..., ModelServer]]:
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(ModelServer(Behaviour(**how)))


def asked_of(body: dict) -> tuple[str, str]:
    """Give the caption that a request is about, and its question by name."""
    words = body["messages"][-1]["content"][0]["text"]
    caption = words.split("A description of an image:\n\n")[1].split("\n\nThe question: ")[0]
    put = words.split("The question: ")[1].split("\n")[0]
    return caption, next(name for name, wording in WORDING.items() if wording == put)


def reader(body: dict, _nth: int = 1) -> str:
    """Read like the keyword judge does: the server's model knows as much as it."""
    caption, question = asked_of(body)
    said = KEYWORDS.fill(TREE, [caption])[0][question]
    return f"says {json.dumps({'answer': said or 'not-mentioned'})}"


def judge_of(server: ModelServer, **asked: object) -> ModelCaptionJudge:
    given = {"budget": "50USD", "progress": False, **PRICES, **asked}
    return ModelCaptionJudge("openai:reader-1", base_url=server.url, **given)


def test_a_model_that_reads_as_keywords_do_scores_as_they_do(serve, shared_data) -> None:
    paths = read_paths(shared_data / "legacy_benchmark64.parquet", TREE)
    captions = read_captions(shared_data / "legacy_benchmark64_captions.parquet")
    captions = [c for c in captions if c.writer == "gpt-4.5-preview"]
    server = serve(pick=reader)
    judge = judge_of(server)
    found = evaluate_captions(paths, captions, judge, TREE, resamples=50)
    expected = evaluate_captions(paths, captions, KEYWORDS, TREE, resamples=50)
    ours, theirs = found.writer("gpt-4.5-preview"), expected.writer("gpt-4.5-preview")
    assert (ours.captions, ours.per_galaxy) == (64, theirs.per_galaxy)
    assert ours.per_answer == theirs.per_answer
    assert ours.published == theirs.published
    assert found.floors == expected.floors
    assert found.failed == ()
    assert "openai:reader-1, prompt caption-judge 1" in found.judge
    assert {asked["answer"] for asked in (json.loads(e.answer) for e in server.log)} > {"smooth"}

    sent = len(server.log)
    again = evaluate_captions(paths, captions, judge_of(server), TREE, resamples=50)
    assert again == found
    assert len(server.log) == sent, "kept answers are not asked for again"


def test_a_question_is_asked_only_where_its_parent_was_answered_so(serve) -> None:
    seen: list[tuple[str, str]] = []

    def noting(body: dict, nth: int) -> str:
        seen.append(asked_of(body))
        return reader(body, nth)

    judge = judge_of(serve(pick=noting))
    captions = [*FIXED, "Nothing can be said."]
    found = judge.fill(TREE, captions)
    parents = TREE.parents
    for caption, answers in zip(captions, found, strict=True):
        assert not isinstance(answers, Unjudged)
        reached = walk(TREE, answers)
        due = {q for q, needed in parents.items() if not needed or reached & set(needed)}
        assert set(answers) == due == {q for c, q in seen if c == caption}
        assert reached == walk(TREE, KEYWORDS.fill(TREE, [caption])[0])
    assert len(seen) == len(set(seen))


def test_answers_that_are_none_are_mended_and_failures_are_shown_and_not_scored(serve) -> None:
    smooth = {"smooth-or-featured": "smooth"}
    paths = [VolunteerPath(name, smooth) for name in "abc"]
    captions = [
        GivenCaption("a", "A smooth elliptical.", "w"),
        GivenCaption("b", "This one is refused.", "w"),
        GivenCaption("c", "A smooth galaxy, babbled about.", "w"),
        GivenCaption("c", "A smooth galaxy.", "other"),
        GivenCaption("b", "This one is hopeless.", "lost"),
    ]

    def pick(body: dict, nth: int) -> str:
        caption, _ = asked_of_first(body)
        if "refused" in caption:
            return "refusal"
        corrected = any(m["role"] == "assistant" for m in body["messages"])
        if "hopeless" in caption or ("babbled" in caption and not corrected):
            return 'says {"answer": "golden"}'
        return reader({**body, "messages": body["messages"][:2]}, nth)

    report = evaluate_captions(paths, captions, judge_of(serve(pick=pick)), TREE, resamples=50)
    assert report.writer("w").captions == 2
    assert report.writer("w").per_galaxy.mean == 1
    assert report.writer("other").captions == 1
    assert [(f.id, f.writer) for f in report.failed] == [("b", "w"), ("b", "lost")]
    assert "refused" in report.failed[0].reason
    assert "must be one of" in report.failed[1].reason
    assert "2 captions could not be judged, and count in no score" in str(report)
    assert "b by lost" in str(report)
    with pytest.raises(KeyError, match="lost"):
        report.writer("lost")
    with pytest.raises(ModelError, match="none of 1 captions"):
        evaluate_captions(paths, captions[1:2], judge_of(serve(pick=pick)), TREE)


def asked_of_first(body: dict) -> tuple[str, str]:
    return asked_of({**body, "messages": body["messages"][:2]})


def test_a_spent_budget_ends_it_and_more_money_goes_on(serve, tmp_path) -> None:
    captions = [f"A smooth galaxy, the {i}th of many." for i in range(30)]
    server = serve(pick=reader)
    small = judge_of(server, budget="0.004USD", concurrency=1)
    with pytest.raises(ModelError, match="budget is spent after"):
        small.fill(TREE, captions)
    assert 0 < server.cost(**{f"price_{k}": PRICES[f"price_{k}"] for k in ("in", "out")}) <= 0.004
    done = len(server.log)
    found = judge_of(server).fill(TREE, captions)
    assert len(found) == 30
    assert server.paid_twice() == 0
    assert len(server.log) > done


def test_the_cost_is_told_before_and_may_be_declined(serve) -> None:
    captions = [f"A round elliptical, number {i}." for i in range(40)]
    server, told = serve(pick=reader), []

    def decline(forecast) -> bool:
        told.append(forecast)
        return False

    with pytest.raises(ModelError, match="not judged"):
        judge_of(server, agree=decline).fill(TREE, captions)
    assert (told[0].captions, told[0].judged) == (40, 16)
    assert "never more than 50.00 USD" in str(told[0])
    asked = len(server.log)
    judge_of(server, agree=lambda forecast: told.append(forecast) or True).fill(TREE, captions)
    assert (told[1].captions, told[1].judged) == (24, 16)
    cost = server.cost(PRICES["price_in"], PRICES["price_out"])
    assert told[0].cost.expected == pytest.approx(cost * 1e12, rel=0.05)
    assert asked < len(server.log)


def test_a_dead_server_is_an_error(serve) -> None:
    with pytest.raises(EndpointError, match="OPENAI_API_KEY"):
        judge_of(serve(key="another")).fill(TREE, ["A galaxy."])


def test_judges_by_name(serve, tmp_path) -> None:
    made = make_judge("openai:reader-1", base_url=serve().url, budget="1USD", **PRICES)
    assert isinstance(made, CaptionJudge)
    with pytest.raises(ModelError, match="--budget"):
        make_judge("openai:reader-1", **PRICES)
    with pytest.raises(TypeError, match="budget"):
        make_judge("keywords", budget="1USD")
    mute = tmp_path / "mute.md"
    mute.write_text('+++\nname = "mute"\nversion = "1"\n+++\n# User\n\n{{caption}}?\n')
    with pytest.raises(ModelError, match="question"):
        make_judge("openai:reader-1", budget="1USD", prompt=mute, **PRICES)


def test_the_command_asks_and_reports_as_python_does(serve, tmp_path) -> None:
    node = {"question": "smooth-or-featured", "answer": "smooth"}
    ids = [f"g{i}" for i in range(20)]
    trees, captions = tmp_path / "trees.parquet", tmp_path / "captions.parquet"
    pq.write_table(pa.table({"id": ids, "decision_tree": [json.dumps([node])] * 20}), trees)
    texts = [f"A smooth elliptical, number {i}." for i in range(20)]
    pq.write_table(pa.table({"id": ids, "description": texts}), captions)
    server = serve(pick=reader)
    given = ["evaluate", "captions", str(trees), str(captions), "--judge", "openai:reader-1"]
    how = ["--base-url", server.url, "--price-in", "0.4", "--price-out", "1.6", "-q"]
    how += ["--resamples", "50", "--format", "json"]

    refused = CliRunner().invoke(app, [*given, *how])
    assert refused.exit_code == 6
    assert "--budget" in refused.output
    declined = CliRunner().invoke(app, [*given, *how, "--budget", "1USD"], input="n\n")
    assert declined.exit_code == 6
    assert "20 captions to judge; 16 of them were, as a sample" in declined.output
    done = CliRunner().invoke(app, [*given, *how, "--budget", "1USD", "--yes"])
    assert done.exit_code == 0, done.output
    same = pipeline.evaluate_captions(
        trees,
        captions,
        judge="openai:reader-1",
        resamples=50,
        progress=False,
        base_url=server.url,
        budget="1USD",
        **PRICES,
    )
    assert json.loads(done.stdout) == json.loads(same.dumps("json"))
    wrong = CliRunner().invoke(app, [*given[:4], "--budget", "1USD"])
    assert wrong.exit_code == 2
    assert "--judge openai:MODEL" in wrong.output
    shown = CliRunner().invoke(app, [*given, *how, "--budget", "1USD", "--image-size", "64"])
    assert shown.exit_code == 2
