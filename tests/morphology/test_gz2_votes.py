from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skylore.errors import ColumnError, ModelError
from skylore.morphology.gz2 import counts_from_fractions, gz2_counts
from skylore.morphology.tree import DecisionTree, Question, load_tree

GZ2 = load_tree("gz2")


@pytest.fixture(scope="module")
def galaxies(shared_data) -> pa.Table:
    return pq.read_table(shared_data / "gz2_votes_sdss.parquet").drop(["image"])


def fractions(seed: int, rows: int = 8) -> np.ndarray:
    generator = np.random.default_rng(seed)
    parts = [generator.dirichlet(np.full(size, 0.4), size=rows) for size in GZ2.sizes]
    return np.concatenate(parts, axis=1).round(3)


@given(st.integers(0, 2**16), st.integers(0, 90), st.booleans())
def test_as_many_answer_a_question_as_were_led_to_it(seed, volunteers, whole):
    given_fractions = fractions(seed)
    counts = counts_from_fractions(given_fractions, np.full(8, volunteers), GZ2, whole=whole)
    places = {column: i for i, column in enumerate(GZ2.columns)}
    for question, place in zip(GZ2.questions, GZ2.slices, strict=True):
        asked = np.full(8, volunteers, float)
        if question.parents:
            asked = counts[:, [places[parent] for parent in question.parents]].sum(axis=1)
        np.testing.assert_allclose(counts[:, place].sum(axis=1), asked, atol=1e-9)
        shares = given_fractions[:, place] / given_fractions[:, place].sum(axis=1, keepdims=True)
        near = 1 if whole else 1e-9
        assert (np.abs(counts[:, place] - asked[:, None] * shares) < near + 1e-9).all()
    if whole:
        np.testing.assert_array_equal(counts, counts.round())


@given(st.integers(0, 2**16))
def test_votes_are_classifications_times_the_probability_of_being_asked(seed):
    parts = [fractions(seed)[:, place] for place in GZ2.slices]
    p = np.concatenate([part / part.sum(axis=1, keepdims=True) for part in parts], axis=1)
    counts = counts_from_fractions(p, np.full(8, 40.0), GZ2)
    asked = GZ2.asked(torch.tensor(p)).numpy()
    sums = np.stack([counts[:, place].sum(axis=1) for place in GZ2.slices], axis=1)
    np.testing.assert_allclose(sums, 40 * asked, atol=1e-9)


def test_whole_votes_go_to_the_largest_remainders():
    shape = Question(name="shape", answers=("smooth", "disk", "none"))
    tree = DecisionTree(name="one", questions=(shape,))
    shares = np.array([[0.62, 0.28, 0.10], [0.33, 0.33, 0.34], [0.16, 0.15, 0.69]])
    counts = counts_from_fractions(shares, np.full(3, 10.0), tree, whole=True)
    assert counts.tolist() == [[6, 3, 1], [3, 3, 4], [2, 1, 7]]


@pytest.mark.parametrize("empty", [0.0, np.nan])
def test_questions_without_fractions_have_no_votes(empty):
    values = fractions(0, rows=1)
    values[:, GZ2.slices[1]] = empty
    counts = counts_from_fractions(values, np.array([40.0]), GZ2)
    assert (counts[:, GZ2.slices[1]] == 0).all()
    assert (counts[:, GZ2.slices[2]] == 0).all()
    assert counts[:, GZ2.slices[0]].sum() == pytest.approx(40)


def test_real_votes_sum_to_the_published_total(galaxies):
    published = galaxies["total_votes"].to_numpy()
    for whole in (False, True):
        off = gz2_counts(galaxies, whole=whole).sum(axis=1) - published
        assert np.median(np.abs(off)) <= 0.5
        assert np.mean(np.abs(off) < 0.05 * published) > 0.99
        assert np.abs(off / published).max() < 0.1


def test_missing_columns_are_named(galaxies):
    with pytest.raises(ColumnError, match="total_classifications"):
        gz2_counts(galaxies.drop(["total_classifications"]))
    with pytest.raises(ColumnError, match="t06_odd_a14_yes_weighted_fraction"):
        gz2_counts(galaxies.drop(["t06_odd_a14_yes_weighted_fraction"]))


def test_bad_fractions_and_classifications_are_refused():
    good, forty = fractions(0), np.full(8, 40.0)
    for wrong, message in (
        (good * 40, "sum to 1"),
        (-good, "sum to 1"),
        (np.where(np.arange(37) == 0, np.nan, good), "some answers only"),
        (good[:, :5], "37 answers"),
    ):
        with pytest.raises(ModelError, match=message):
            counts_from_fractions(wrong, forty, GZ2)
    with pytest.raises(ModelError, match="as many classifications"):
        counts_from_fractions(good, forty[:3], GZ2)
    with pytest.raises(ModelError, match="finite"):
        counts_from_fractions(good, np.full(8, np.nan), GZ2)
