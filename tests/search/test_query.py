from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.errors import QueryError
from skylore.search.query import Cone, ImageTerm, ObjectTerm, Query, Range, TextTerm, VectorTerm

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
words = st.text(min_size=1, max_size=30).filter(
    lambda text: any(c.isprintable() and not c.isspace() for c in text)
)
weights = st.floats(-100, 100).filter(lambda w: w != 0)
terms = st.one_of(
    st.builds(TextTerm, text=words, weight=weights),
    st.builds(ObjectTerm, id=st.one_of(st.text(), st.integers()), weight=weights),
    st.builds(VectorTerm, values=st.lists(finite, min_size=1, max_size=4).map(tuple)),
)
queries = st.builds(
    Query,
    terms=st.lists(terms, max_size=4).map(tuple),
    cones=st.lists(
        st.builds(
            Cone,
            ra=st.floats(0, 359.9),
            dec=st.floats(-90, 90),
            radius=st.floats(1e-6, 180),
        ),
        max_size=2,
    ).map(tuple),
    ranges=st.lists(st.builds(Range, column=st.text(), minimum=finite), max_size=2).map(tuple),
    where=st.none() | st.text(),
    k=st.integers(1, 10_000),
    mode=st.sampled_from([None, "vector", "text", "hybrid"]),
)


@given(queries)
def test_json_round_trip(query: Query) -> None:
    assert Query.model_validate_json(query.model_dump_json()) == query


def test_build_takes_what_people_give(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG bytes")
    query = Query.build(
        "edge-on", image=tmp_path / "x.png", like=42, minus=["red", "round"], cone="10, -5 0.1", k=3
    )
    assert [t.kind for t in query.terms] == ["text", "image", "object", "text", "text"]
    image = query.terms[1]
    assert isinstance(image, ImageTerm)
    assert image.data == b"\x89PNG bytes"
    assert [t.weight for t in query.terms] == [1, 1, 1, -0.5, -0.5]
    assert query.cones == (Cone(ra=10, dec=-5, radius=0.1),)
    assert Query.model_validate_json(json.dumps(query.model_dump(mode="json"))) == query


@pytest.mark.parametrize(
    "arguments",
    [
        {"k": 0},
        {"k": 10_001},
        {"text": ""},
        {"cone": "1 2"},
        {"cone": "1 2 three"},
        {"cone": "1 200 1"},
        {"image": "/no/such/file.png"},
        {"mode": "magic"},
        {"offset": -1},
        {"vector": [float("nan")]},
        {"vector": []},
        {"colour": "red"},
        {"terms": [{"kind": "text", "text": "x", "weight": 0}]},
        {"ranges": [{"column": "mag"}]},
    ],
)
def test_bad_input_is_a_query_error(arguments: dict[str, object]) -> None:
    with pytest.raises(QueryError):
        Query.build(**arguments)


def test_queries_are_values() -> None:
    assert Query.build("a", k=3) == Query.build("a", k=3)
    assert hash(Query.build("a")) == hash(Query.build("a"))
