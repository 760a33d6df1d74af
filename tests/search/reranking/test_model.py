"""Re-ranking by a model on a real server: orders, errors, money, and answers that are kept."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from search.reranking.conftest import COUNT, NORTH, by_image, judge_of, says
from skylore.errors import EndpointError, ModelError, QueryError
from skylore.search.export import dumps
from skylore.search.reranking.settings import Reranking
from skylore.vlm.places import kept_answers

BLUE = "a blue arc"


def ids(results) -> list[str]:
    return [hit.id for hit in results]


def test_certain_ones_come_first_and_ties_stay_by_similarity_then_id(archive, serve) -> None:
    certain = {30: 10, 7: 9, 8: 9, 31: 9}
    server = serve(pick=by_image(lambda i, _: says(certain.get(i, 2))))
    rerank = Reranking(judge_of(archive, server), candidates=32, samples=2, wanted=BLUE)
    plain = archive.search(vector=NORTH, k=COUNT)
    results = archive.search(vector=NORTH, k=COUNT, rerank=rerank)
    assert ids(plain) == [f"g{i:02d}" for i in range(COUNT)]
    first = ["g30", "g07", "g08", "g31"]
    assert ids(results) == first + [name for name in ids(plain) if name not in first]
    assert results.table["rank"].to_pylist() == list(range(1, COUNT + 1))
    assert results.table["rerank_certainty"].to_pylist() == [10, 9, 9, 9, *[2] * 28, *[None] * 8]
    assert min(results.table["rerank_samples"].to_pylist()[:32]) >= 1
    scores = dict(zip(ids(plain), plain.table["score"].to_pylist(), strict=True))
    assert [scores[name] for name in ids(results)] == results.table["score"].to_pylist()
    assert results.message is None
    assert len(server.log) <= 64


@pytest.mark.parametrize("policy", ["adaptive", "uniform"])
def test_pages_of_a_reranked_answer_join(archive, serve, policy) -> None:
    server = serve(pick=by_image(lambda i, nth: says(1 + (i * 7 + nth * 3) % 10)))

    def page(offset: int, k: int):
        judge = judge_of(archive, server)
        how = Reranking(judge, candidates=20, samples=3, policy=policy, wanted=BLUE)
        return archive.search(vector=NORTH, k=k, offset=offset, rerank=how)

    whole = page(0, 30)
    paid = len(server.log)
    assert 20 < paid <= 60
    parts = [page(offset, 10) for offset in (0, 10, 20)]
    assert [name for part in parts for name in ids(part)] == ids(whole)
    assert [hit.rank for part in parts for hit in part] == list(range(1, 31))
    assert len(server.log) == paid, "answers are kept: pages cost nothing"


def test_nothing_is_paid_twice_and_each_sample_is_an_answer_of_its_own(archive, serve) -> None:
    server = serve(pick=by_image(lambda _, nth: says(3 + nth)))
    how = {"candidates": 5, "samples": 4, "policy": "uniform", "wanted": BLUE}
    first_judge = judge_of(archive, server)
    first = archive.search(vector=NORTH, rerank=Reranking(first_judge, **how))
    assert len(server.log) == 20
    assert first.table["rerank_certainty"].to_pylist()[:5] == [5.5] * 5
    assert first_judge.sent == 20
    assert first_judge.spent != "0.00 USD"

    def never(_) -> bool:
        raise AssertionError("what was answered costs nothing")

    again = judge_of(archive, server, agree=never)
    second = archive.search(vector=NORTH, rerank=Reranking(again, **how))
    assert second.table.equals(first.table)
    assert (len(server.log), again.sent, again.spent) == (20, 0, "0.00 USD")
    more = how | {"candidates": 6}
    archive.search(vector=NORTH, rerank=Reranking(judge_of(archive, server), **more))
    assert len(server.log) == 24
    other = how | {"wanted": "a ring"}
    archive.search(vector=NORTH, rerank=Reranking(judge_of(archive, server), **other))
    assert len(server.log) == 44


def test_errors_are_shown_and_never_a_number(archive, serve) -> None:
    def answer(i: int, _: int) -> str:
        faults = {0: "refusal", 3: "says I would rather talk", 5: 'says {"answer": "11"}'}
        return faults.get(i) or says(1)

    server = serve(pick=by_image(answer))
    how = Reranking(judge_of(archive, server), candidates=8, samples=2, wanted=BLUE)
    results = archive.search(vector=NORTH, k=10, rerank=how)
    assert ids(results)[:8] == ["g01", "g02", "g04", "g06", "g07", "g00", "g03", "g05"]
    rows = {row["id"]: row for row in results.table.to_pylist()}
    for name, said in (("g00", "refused"), ("g03", "JSON object"), ("g05", "must be one of")):
        assert rows[name]["rerank_certainty"] is None
        assert rows[name]["rerank_samples"] == 0
        assert said in rows[name]["rerank_error"]
    assert rows["g01"]["rerank_error"] is None
    assert rows["g01"]["rerank_certainty"] == 1
    assert "3 of 8 could not be judged" in (results.message or "")
    assert "rerank_error" in str(dumps(results, "table", width=200))
    told = json.loads(str(dumps(results, "json")))
    assert told["rerank"]["failed"] == 3
    assert "re-ranked by" in told["plan"]["reason"]


def test_objects_without_a_readable_image_cost_nothing(archive, serve) -> None:
    vector = pa.FixedSizeListArray.from_arrays(pa.array([0.0, 1.0] * 2, pa.float32()), 2)
    ids_ = ["a-none", "b-broken"]
    archive.append(pa.table({"id": ids_, "image_vector": vector, "image": [None, b"no image"]}))
    archive.refresh()
    server = serve(pick=by_image(lambda *_: says(5)))
    how = Reranking(judge_of(archive, server), candidates=6, samples=1, wanted=BLUE)
    results = archive.search(vector=NORTH, k=6, rerank=how)
    assert ids(results) == ["g00", "g01", "g02", "g03", "a-none", "b-broken"]
    errors = results.table["rerank_error"].to_pylist()
    assert errors[4] == "it has no image"
    assert errors[5]
    assert len(server.log) == 4


def test_the_budget_is_never_overrun_and_the_answer_says_so(archive, serve) -> None:
    server = serve(pick=by_image(lambda *_: says(5)))
    judge = judge_of(archive, server, budget="0.03USD", concurrency=2)
    how = Reranking(judge, candidates=COUNT, samples=5, wanted=BLUE)
    results = archive.search(vector=NORTH, k=COUNT, rerank=how)
    assert server.cost(0.4, 1.6) <= 0.03
    assert results.reranked is not None
    assert results.reranked.cut_short
    assert 0 < results.reranked.answers == len(server.charged) < 5 * COUNT
    assert "ended before all was asked" in (results.message or "")

    next_search = judge_of(archive, server, budget="0.03USD", concurrency=2)
    how = Reranking(next_search, candidates=COUNT, samples=5, wanted=BLUE)
    further = archive.search(vector=NORTH, k=COUNT, rerank=how)
    assert further.reranked is not None
    assert further.reranked.answers > results.reranked.answers, "a budget is for one search"
    assert server.cost(0.4, 1.6) <= 0.06


def test_cost_is_said_before_and_may_be_declined(archive, serve) -> None:
    server = serve(pick=by_image(lambda *_: says(5)))
    told = []

    def decline(forecast) -> bool:
        told.append(forecast)
        return False

    judge = judge_of(archive, server, agree=decline, budget="1USD")
    how = {"candidates": COUNT, "samples": 3, "policy": "uniform", "wanted": BLUE}
    with pytest.raises(ModelError, match="not re-ranked"):
        archive.search(vector=NORTH, rerank=Reranking(judge, **how))
    assert len(server.log) == 16
    assert (told[0].questions, told[0].asked) == (3 * COUNT, 16)
    assert "never more than 1.00 USD" in str(told[0])
    accepting = judge_of(archive, server, agree=lambda f: not told.append(f), budget="1USD")
    archive.search(vector=NORTH, rerank=Reranking(accepting, **how))
    assert len(server.log) == 3 * COUNT
    assert told[1].questions == 3 * COUNT - 16
    cost = server.cost(0.4, 1.6)
    assert told[0].cost.expected == pytest.approx(cost * 1e12, rel=0.01)


def test_faults_on_the_way_are_tried_again(archive, serve) -> None:
    faults = ["500", "429", "cut", "html"]
    pick = by_image(lambda i, nth: faults[i % 4] if nth == 1 else says(1 + i % 10))
    server = serve(pick=pick, retry_after="0.02")
    how = Reranking(judge_of(archive, server), candidates=12, samples=1, wanted=BLUE)
    results = archive.search(vector=NORTH, k=12, rerank=how)
    assert results.message is None
    assert ids(results)[0] == "g09"


def test_a_dead_server_is_an_error_and_not_an_order(archive, serve) -> None:
    server = serve(key="another")
    how = Reranking(judge_of(archive, server), candidates=12, wanted=BLUE)
    with pytest.raises(EndpointError, match="OPENAI_API_KEY"):
        archive.search(vector=NORTH, rerank=how)
    assert kept_answers(archive, "judgements").name == "a.skylore.judgements.sqlite"
    assert kept_answers(archive, "judgements").exists()


def test_the_model_is_asked_for_the_words_of_the_query(archive, serve) -> None:
    seen = []

    def pick(asked, _) -> str:
        seen.append(json.dumps(asked))
        return says(4)

    server = serve(pick=pick)
    how = Reranking(judge_of(archive, server), candidates=3, samples=1)
    found = archive.search("spiral", mode="text", rerank=how)
    assert found.reranked is not None
    assert (found.reranked.wanted, found.reranked.judged) == ("spiral", 3)
    assert all("Looked for: spiral" in body for body in seen)
    with pytest.raises(QueryError, match="--rerank-words"):
        archive.search(like="g03", rerank=how)


@pytest.mark.parametrize(
    "wrong",
    [{"candidates": 0}, {"samples": 99}, {"questions": 0}, {"policy": "greedy"}, {"wanted": " "}],
)
def test_wrong_numbers_are_refused(archive, serve, wrong) -> None:
    with pytest.raises(QueryError):
        Reranking(judge_of(archive, serve()), **wrong)


def test_a_price_and_a_budget_must_be_said(archive, serve, tmp_path) -> None:
    with pytest.raises(ModelError, match="--budget"):
        judge_of(archive, serve(), budget=None)
    with pytest.raises(ModelError, match="openai:MODEL"):
        type(judge_of(archive, serve()))(archive, "seer-1")
    mute = tmp_path / "mute.md"
    mute.write_text('+++\nname = "mute"\nversion = "1"\n+++\n# User\n\nIs it pretty?\n')
    with pytest.raises(ModelError, match="wanted"):
        judge_of(archive, serve(), prompt=mute)
