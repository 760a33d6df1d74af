from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skylore.errors import FilterError
from skylore.search.predicate import compile_for, compile_predicate, quote_name, quote_text

COLUMNS = ["mag", "Odd Name", "flag", "id", "a`b"]


@pytest.mark.parametrize(
    ("given_text", "compiled"),
    [
        ("mag < 19", "`mag` < 19"),
        ("MAG<19 and not flag", "`mag` < 19 AND NOT `flag`"),
        ('"odd name" between 1 and 2', "`Odd Name` BETWEEN 1 AND 2"),
        ("`Odd Name` is not null", "NOT `Odd Name` IS NULL"),
        ("id in ('a', 'b''c')", "`id` IN ('a', 'b''c')"),
        ("id like 'x%' or mag > -1e3", "`id` LIKE 'x%' OR `mag` > -1000"),
        ("abs(mag - 3) <= 2 -- note", "ABS(`mag` - 3) <= 2"),
        ("flag", "`flag`"),
    ],
)
def test_accepts_and_rewrites(given_text: str, compiled: str) -> None:
    assert compile_predicate(given_text, COLUMNS) == compiled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "unknown > 1",
        "mag > 1; drop table objects",
        "mag > 1) or (1 = 1",
        "mag in (select 1)",
        "exists (select 1)",
        "mag > (select max(mag))",
        "cast(mag as text) = 'x'",
        "mag > ?",
        "mag > 1 order by mag",
        "mag > 1 union select 1",
        "read_csv('/etc/passwd') > 1",
        "sleep(10) > 1",
        "objects.mag > 1",
        "case when mag > 1 then true end",
        "id = 'unclosed",
        "(" * 5000 + "mag > 1" + ")" * 5000,
        "mag > 1" + " or mag > 1" * 3000,
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(FilterError):
        compile_predicate(text, COLUMNS)


def test_suggests_a_name() -> None:
    with pytest.raises(FilterError, match="did you mean mag"):
        compile_predicate("magg < 3", COLUMNS)


@given(st.text())
@example("@")
def test_any_text_is_refused_or_names_only_columns(text: str) -> None:
    try:
        compiled = compile_predicate(text, COLUMNS)
    except FilterError:
        return
    assert compile_predicate(compiled, COLUMNS) == compiled


@given(st.text(max_size=50))
def test_quoting_survives_any_text(text: str) -> None:
    assert compile_predicate(f"id = {quote_text(text)}", COLUMNS) == f"`id` = {quote_text(text)}"


def test_quoted_names() -> None:
    assert quote_name("a`b") == "`a``b`"


@pytest.mark.parametrize(
    ("given_text", "compiled"),
    [
        ("n >= 2.0", "`n` >= 2"),
        ("n >= 1.5", "CAST(`n` AS DOUBLE) >= 1.5"),
        ("n > -0.5 and x < 0.5", "CAST(`n` AS DOUBLE) > -0.5 AND `x` < 0.5"),
        ("n between 1 and 2.5", "CAST(`n` AS DOUBLE) BETWEEN 1 AND 2.5"),
        ("n in (1, 2.5)", "CAST(`n` AS DOUBLE) IN (1, 2.5)"),
    ],
)
def test_integer_columns_take_fractions(given_text: str, compiled: str) -> None:
    assert compile_predicate(given_text, ["n", "x"], whole=["n"]) == compiled
    schema = pa.schema([("n", pa.int16()), ("x", pa.float32())])
    assert compile_for(schema, given_text) == compiled


def test_a_probability_is_a_condition_on_posterior_columns() -> None:
    columns = ["mag", "z_q050", "z_q100", "kind_p_star"]
    asked = "p(z > 0.3) >= 0.9 and Mag < 20 and not P(kind = 'Star') > 0.5"
    assert compile_predicate(asked, columns) == (
        "(`z_q100` > 0.3) AND `mag` < 20 AND NOT (`kind_p_star` > 0.5)"
    )
    with pytest.raises(FilterError, match="there is no posterior of 'mag'"):
        compile_predicate("p(mag > 1) > 0.5", columns)
    with pytest.raises(FilterError, match="cannot read the probability"):
        compile_predicate("p(z between 1 and 2) > 0.5", columns)
    with pytest.raises(FilterError, match="at most"):
        compile_predicate("p(z > 0.3) > 0.9 and " * 1000 + "mag < 1", columns)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("mag >", "something is missing"),
        ("(mag > 3", "something is missing"),
        ("mag > 3\nAND (kind", "something is missing"),
        ("mag > 3)", "bracket is one too many"),
        ("kind = 'a", "quotation mark is not closed"),
        ("mag = 1 kind = 2", "not understood at '='"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(text: str, fault: str) -> None:
    with pytest.raises(FilterError, match=re.escape(fault)) as caught:
        compile_predicate(text, COLUMNS)
    assert "sqlglot" not in str(caught.value)
    assert "SELECT" not in str(caught.value)
