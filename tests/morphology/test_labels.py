from __future__ import annotations

import decimal
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.errors import ColumnError, ModelError
from skylore.morphology.labels import ClassLabels, FigureLabels, VoteCounts, VoteFractions
from skylore.morphology.tree import load_tree

NAN, INF = math.nan, math.inf
GZ2 = load_tree("gz2")


def column(values: object, kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"x": pa.array(values, kind)})


def vote_table(rows: np.ndarray, prefix: str = "") -> pa.Table:
    return pa.table({prefix + name: rows[:, i] for i, name in enumerate(GZ2.columns)})


def even_fractions(count: int) -> np.ndarray:
    shares = np.concatenate([np.full(size, 1 / size) for size in GZ2.sizes])
    return np.tile(shares, (count, 1))


@pytest.mark.parametrize(
    ("table", "classes", "numbers"),
    [
        (column(["spiral", None, "bar", "spiral"]), ("bar", "spiral"), [1, NAN, 0, 1]),
        (column([True, None, False]), ("false", "true"), [1, NAN, 0]),
        (column([3, 1, None, 1], pa.int8()), ("1", "3"), [1, 0, NAN, 0]),
        (column(["b", None, "a"]).combine_chunks(), ("a", "b"), [1, NAN, 0]),
        (column(["b", None, "a"], pa.large_string()), ("a", "b"), [1, NAN, 0]),
    ],
)
def test_classes_are_numbered_and_null_is_missing(table, classes, numbers):
    learnt = ClassLabels(column="x").learn(table)
    assert (learnt.name, learnt.kind, learnt.classes) == ("x", "classes", classes)
    np.testing.assert_array_equal(learnt.targets(table)[:, 0], np.float32(numbers))


def test_dictionary_columns_are_what_they_stand_for():
    coded = pa.table({"x": pa.array(["b", None, "a"]).dictionary_encode()})
    assert ClassLabels(column="x").learn(coded).classes == ("a", "b")
    figures = pa.table({"x": pa.array([1.5, None, 2.5]).dictionary_encode()})
    assert FigureLabels(columns=("x",)).learn(figures).centre == (2.0,)


@given(st.permutations(list("aabbbccd")))
def test_the_order_of_the_table_changes_no_meaning(values):
    learnt = ClassLabels(column="x").learn(column(values))
    assert learnt == ClassLabels(column="x").learn(column(sorted(values)))
    assert [learnt.classes[int(i)] for i in learnt.targets(column(values))[:, 0]] == values
    figures = [float(ord(value)) for value in values]
    standard = FigureLabels(columns=("x",)).learn(column(figures))
    assert standard == FigureLabels(columns=("x",)).learn(column(sorted(figures)))


def test_a_class_that_was_not_learnt_is_refused():
    learnt = ClassLabels(column="x").learn(column(["a", "b"]))
    with pytest.raises(ModelError, match="'c' was not there"):
        learnt.targets(column(["a", None, "c"]))


@pytest.mark.parametrize("values", [["a", "a", None], [None, None], []])
def test_fewer_than_two_classes_are_refused(values):
    with pytest.raises(ModelError, match="it takes from 2 to 1000"):
        ClassLabels(column="x").learn(column(values, pa.string()))


def test_a_column_of_names_is_not_taken_for_classes():
    with pytest.raises(ModelError, match="1001 classes"):
        ClassLabels(column="x").learn(column([f"NGC {i}" for i in range(1001)]))
    for rare in (["a"], ["a", "b"]):
        names = [f"NGC {i}" for i in range(20)] + rare * 4
        with pytest.raises(ModelError, match="next to no two objects share"):
            ClassLabels(column="x").learn(column(names))
    assert ClassLabels(column="x").learn(column([*names, *"ab" * 9])).classes[0] == "NGC 0"


@pytest.mark.parametrize(
    "table",
    [
        column([0.5, 1.0]),
        column([["a"], ["b"]]),
        column([b"\xff", b"a"]),
        column([{"a": 1}, {"a": 2}]),
    ],
)
def test_classes_of_the_wrong_type_are_refused(table):
    with pytest.raises(ColumnError, match="'x' holds"):
        ClassLabels(column="x").learn(table)


def test_figures_are_standardised_robustly():
    values = [1.0, 2.0, 3.0, 4.0, 1000.0, None, NAN, INF, -INF]
    learnt = FigureLabels(columns=("x",)).learn(column(values))
    assert learnt.centre == (3.0,)
    assert learnt.scale == (pytest.approx(1.4826),)
    expected = [-2 / 1.4826, -1 / 1.4826, 0, 1 / 1.4826, 5, NAN, NAN, NAN, NAN]
    np.testing.assert_allclose(learnt.targets(column(values))[:, 0], expected, rtol=1e-6)


def test_figures_that_are_mostly_zero_are_figures_still():
    values = [0.0] * 9 + [1.0]
    learnt = FigureLabels(columns=("x",)).learn(column(values))
    assert learnt.scale == (pytest.approx(np.std(values)),)


@pytest.mark.parametrize("values", [[3, 1, 2], [True, False, None, True]])
def test_whole_numbers_and_booleans_are_figures(values):
    learnt = FigureLabels(columns=("x",)).learn(column(values))
    found = learnt.targets(column(values))[:, 0] * learnt.scale[0] + learnt.centre[0]
    np.testing.assert_allclose(found, [NAN if v is None else v for v in values], atol=1e-5)


def test_decimals_are_figures():
    values = [decimal.Decimal("1.50"), decimal.Decimal("2.50"), None]
    assert FigureLabels(columns=("x",)).learn(column(values)).centre == (2.0,)


@pytest.mark.parametrize("value", [0.1, 0.3, 7.0, 1e30])
@pytest.mark.parametrize("others", [[], [None, NAN, INF]])
def test_constant_figures_are_refused(value, others):
    with pytest.raises(ModelError, match="'x' is the same everywhere"):
        FigureLabels(columns=("x",)).learn(column([value] * 777 + others))


@pytest.mark.parametrize("values", [[None, None], [NAN, INF, None]])
def test_empty_figures_are_refused(values):
    with pytest.raises(ModelError, match="'x' has no figures"):
        FigureLabels(columns=("x",)).learn(column(values, pa.float32()))


@pytest.mark.parametrize("table", [column(["1.5", "2.5"]), column([[1.0], [2.0]]), column([b"1"])])
def test_figures_of_the_wrong_type_are_refused(table):
    with pytest.raises(ColumnError, match="'x' holds"):
        FigureLabels(columns=("x",)).learn(table)


@pytest.mark.parametrize("source", [VoteCounts, VoteFractions])
def test_votes_of_the_wrong_type_are_refused(source):
    table = pa.table({name: ["many"] for name in GZ2.columns})
    with pytest.raises(ColumnError, match="holds string"):
        source(tree="gz2").learn(table)


def test_votes_keep_their_columns_and_their_order():
    counts = np.arange(2 * len(GZ2.columns), dtype=float).reshape(2, -1)
    learnt = VoteCounts(tree="gz2", prefix="v_", head="published", weight=2).learn(
        vote_table(counts, "v_").select(["v_" + name for name in reversed(GZ2.columns)])
    )
    assert learnt.columns == tuple("v_" + name for name in GZ2.columns)
    assert (learnt.head, learnt.weight, learnt.tree) == ("published", 2, GZ2)
    np.testing.assert_array_equal(learnt.targets(vote_table(counts, "v_")), counts)


def test_objects_and_questions_without_votes_are_missing():
    counts = np.ones((3, len(GZ2.columns)))
    counts[0], counts[1, GZ2.slices[2]] = np.nan, np.nan
    learnt = VoteCounts(tree="gz2").learn(vote_table(counts))
    np.testing.assert_array_equal(learnt.targets(vote_table(counts)), counts)


@pytest.mark.parametrize("bad", [-1.0, NAN, INF])
def test_impossible_votes_are_refused_before_training(bad):
    counts = np.ones((40, len(GZ2.columns)))
    counts[33, 1] = bad
    learnt = VoteCounts(tree="gz2").learn(vote_table(counts))
    with pytest.raises(ModelError, match=f"'{GZ2.columns[0]}' to .* votes must be"):
        learnt.targets(vote_table(counts))


def test_fractions_that_do_not_sum_to_one_are_refused_before_training():
    shares = even_fractions(40)
    learnt = VoteFractions(tree="gz2").learn(vote_table(shares))
    np.testing.assert_allclose(learnt.targets(vote_table(shares)), shares, rtol=1e-6)
    with pytest.raises(ModelError, match="sum to 1"):
        learnt.targets(vote_table(40 * shares))


def test_an_unknown_tree_is_refused():
    with pytest.raises(ModelError, match="gz-decals"):
        VoteCounts(tree="gz9").learn(pa.table({}))
