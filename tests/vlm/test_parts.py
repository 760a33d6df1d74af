"""The parts: prompts, texts, money, pace, pauses, prices of a sample."""

from __future__ import annotations

import asyncio
import contextlib
import random
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.errors import ArchiveError, ModelError
from skylore.vlm.calls import Call
from skylore.vlm.endpoint import Endpoint
from skylore.vlm.estimate import total
from skylore.vlm.faults import (
    PassingError,
    RefusedError,
    UnusableAnswerError,
    pause_before,
    retry_after,
)
from skylore.vlm.limits import Pace
from skylore.vlm.money import Prices, parse_budget
from skylore.vlm.pictures import Picture, ViewSettings
from skylore.vlm.prompts import load_prompt, shipped_prompts
from skylore.vlm.purse import BudgetSpentError, Purse
from skylore.vlm.store import Answer, AnswerStore
from skylore.vlm.texts import choice, description, one_sentence, sentences

words = st.lists(st.text("abcdefgh", min_size=2, max_size=8), min_size=1, max_size=30)


@pytest.mark.parametrize("name", shipped_prompts())
def test_shipped_prompts_are_whole(name) -> None:
    prompt = load_prompt(name)
    assert prompt.name == name
    assert prompt.version
    assert str(prompt) == f"{name} {prompt.version} ({prompt.digest})"


def test_prompt_digest_follows_its_words() -> None:
    prompt = load_prompt("describe")
    assert prompt.model_copy(update={"user": "Else?"}).digest != prompt.digest
    assert prompt.model_copy(update={"temperature": 0.5}).digest != prompt.digest
    assert prompt.model_copy(update={"most_words": 99}).digest == prompt.digest


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# User\nWhat?", "between two lines"),
        ('+++\nname = "x"\nversion = "1"\n+++\nWhat?', "sections"),
        ('+++\nname = "x"\n+++\n# User\nWhat?', "version"),
        ('+++\nname = "x"\nversion = "1"\nkind = "tree"\n+++\n# User\nWhat?', "{{question}}"),
        ('+++\nname = "x"\nversion = "1"\nwords = 3\n+++\n# User\nWhat?', "words"),
        ("+++\nname = \n+++\n# User\nWhat?", "Invalid value"),
    ],
)
def test_what_is_no_prompt_is_refused(tmp_path, text, reason) -> None:
    (tmp_path / "p.md").write_text(text)
    with pytest.raises(ModelError, match=reason):
        load_prompt(tmp_path / "p.md")
    with pytest.raises(ModelError, match="there is no prompt"):
        load_prompt(tmp_path / "q.md")


@given(words, st.integers(1, 40))
def test_descriptions_end_with_a_whole_sentence_within_the_bound(parts, most) -> None:
    text = " ".join(f"{part.capitalize()} {part}." for part in parts)
    if most < 2:
        with pytest.raises(UnusableAnswerError):
            description(text, most)
        return
    kept = description(text, most)
    assert text.startswith(kept)
    assert len(kept.split()) <= most
    assert kept.endswith(".")
    assert len(kept.split()) >= min(most - 1, 2 * len(parts))


def test_descriptions_lose_markdown_and_what_was_cut_off() -> None:
    text = "## Morphology\n\n**1. Shape:**\n- A *round* galaxy, e.g. an E0.\n- It has a **bar"
    assert description(text, 50, cut_off=True) == "A *round* galaxy, e.g. an E0."
    assert description("<think>Hm. No.</think>A ring of 3.5 arcsec.", 50) == "A ring of 3.5 arcsec."
    assert sentences("A disk at z = 0.1. It is blue!") == ["A disk at z = 0.1.", "It is blue!"]
    with pytest.raises(RefusedError):
        description("I'm sorry, but I can't help with that.", 50)
    for nothing in ("", "…", "**Shape:**"):
        with pytest.raises(UnusableAnswerError):
            description(nothing, 50)


@pytest.mark.parametrize(
    "text",
    ["A disk without a bar.", "A disk. It is red.", "A galaxy that isn't round.", " ", "no arms"],
)
def test_summaries_with_negations_are_refused(text) -> None:
    with pytest.raises(UnusableAnswerError):
        one_sentence(text, 30)


def test_summaries_may_say_notable_things() -> None:
    assert one_sentence('"A notable nonbarred knot."\n', 30) == "A notable nonbarred knot."


@given(st.text(max_size=60))
def test_choices_are_among_the_answers_or_refused(text) -> None:
    answers = ("smooth", "featured")
    with contextlib.suppress(UnusableAnswerError, RefusedError):
        assert choice(text, answers) in answers
    assert choice('```json\n{"answer": "smooth"}\n```', answers) == "smooth"
    for wrong in ('{"answer": "Smooth"}', '{"answer": "smooth", "why": 1}', '["smooth"]'):
        with pytest.raises(UnusableAnswerError):
            choice(wrong, answers)


@given(st.decimals(0, 1000, places=4), st.decimals(0, 1000, places=4), st.integers(0, 10**7))
def test_costs_are_exact(price_in, price_out, tokens) -> None:
    cost = Prices(per_million_in=price_in, per_million_out=price_out).cost(tokens, 2 * tokens)
    assert cost == (price_in + 2 * price_out) * tokens * 10**6


def test_budgets_are_read() -> None:
    assert parse_budget("20USD") == parse_budget("$20") == parse_budget(" 20.00 usd")
    assert parse_budget("12.50 EUR").amount == 12_500_000_000_000
    for wrong in ("", "-3USD", "$3EUR", "20 dollars", "1e3", "nan"):
        with pytest.raises(ModelError):
            parse_budget(wrong)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=40),
    st.integers(50, 120),
)
def test_a_budget_is_never_overrun(requests, limit) -> None:
    """Requests, each of a most and a share of it in per cent, side by side."""
    purse = Purse(limit, 10)

    async def request(most: int, spent: int) -> None:
        await purse.take(most)
        await asyncio.sleep(0)
        await purse.settle(most, min(most, spent))
        assert purse.spent <= limit

    async def everything() -> list[BaseException | None]:
        asked = (request(most, spent) for most, spent in requests)
        return await asyncio.gather(*asked, return_exceptions=True)

    for outcome in asyncio.run(everything()):
        assert outcome is None or isinstance(outcome, BudgetSpentError)
    assert purse.spent <= limit


@given(
    st.floats(1, 1000),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 50)), min_size=1, max_size=60),
)
def test_no_minute_sees_more_than_is_allowed(per_minute, arrivals) -> None:
    pace, now, booked = Pace(per_minute), 0.0, []
    for wait, amount in arrivals:
        now += wait
        booked.append((pace.book(amount, now), amount))
    for start, _ in booked:
        inside = [amount for at, amount in booked if start <= at < start + 60]
        assert sum(inside[:-1]) <= per_minute * (1 + 1e-9)


@given(st.integers(0, 200), st.floats(0, 100))
def test_pauses_grow_and_honour_the_server(attempt, asked) -> None:
    pause = pause_before(attempt, PassingError("x", after=asked), random.Random(attempt))
    assert asked <= pause <= asked + 60


def test_retry_after_is_read() -> None:
    assert retry_after("2.5") == 2.5
    assert retry_after(None) == retry_after("soon") == retry_after("-4") == 0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("Wed, 21 Oct 2115 07:28:00 GMT") > 1e9


def test_prediction_intervals_cover() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        values = rng.normal(100, 15, 300)
        span = total(list(values[:16]), 300)
        held += span.low <= values.sum() <= span.high
    assert 0.86 < held / 400 < 0.94


def test_keys_of_calls_follow_all_that_changes_the_answer() -> None:
    prompt, view = load_prompt("describe"), ViewSettings()
    call = Call(prompt, prompt.user, Picture(b"image", view))
    others = [
        Call(prompt, prompt.user, Picture(b"other", view)),
        Call(prompt, prompt.user, Picture(b"image", ViewSettings(size=256))),
        Call(prompt, "else", Picture(b"image", view)),
        Call(prompt.model_copy(update={"temperature": 1.0}), prompt.user, call.picture),
        call.corrected("answer", "complaint"),
    ]
    keys = {each.key("m") for each in (call, *others)} | {call.key("n")}
    assert len(keys) == 7
    assert Call(prompt, prompt.user, Picture(b"image", view)).key("m") == call.key("m")


def test_store_keeps_answers_and_what_they_cost(tmp_path) -> None:
    answer = Answer("k", "i", "p", "m", "A disk.", "stop", 10, 5, 700, 0.5)
    store = AnswerStore(tmp_path / "a.sqlite")
    first, second = store.reserve("k", 1000).result(), store.reserve("l", 1000).result()
    assert (store.spent(), store.in_doubt()) == (2000, (2, 2000))
    store.settle(first, 700, answer).result()
    assert (store.spent(), store.find("k"), store.find("l")) == (1700, answer, None)
    store.reject("k").result()
    store.close()
    again = AnswerStore(tmp_path / "a.sqlite")
    kept = again.find("k")
    assert kept is not None
    assert not kept.usable
    assert again.in_doubt() == (1, 1000)
    assert second != first
    again.close()


def test_store_refuses_other_files(tmp_path) -> None:
    (tmp_path / "a.sqlite").write_text("this is a diary, and no database at all " * 40)
    with pytest.raises(ArchiveError, match="cannot keep answers"):
        AnswerStore(tmp_path / "a.sqlite")


def test_secrets_in_addresses_are_refused(monkeypatch) -> None:
    for url in ("https://user:pass@host/v1", "https://host/v1?key=abc", "host/v1"):
        with pytest.raises(ModelError, match="--base-url"):
            Endpoint("m", url)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        Endpoint("m")


def test_prices_of_strings() -> None:
    assert Prices(per_million_in=Decimal("0.15")).cost(1, 0) == 150_000
