from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.errors import ArchiveError
from skylore.search.codes.best import Best
from skylore.search.codes.codebook import Codebook, leading_directions, unit_rows
from skylore.search.codes.kernel import dots, pack
from skylore.search.codes.kmeans import assign, kmeans
from skylore.search.codes.refining import Errors, refine
from skylore.search.codes.segment import Coded, Part, lay_out
from skylore.search.row_sets import RowSet

numbers = st.lists(st.integers(0, 5000), unique=True, max_size=300)


@given(held=numbers, asked=numbers)
def test_row_sets_contain_what_they_hold(held: list[int], asked: list[int]) -> None:
    rows = RowSet(np.array(sorted(held), np.uint64))
    found = rows.contains(np.array(asked, np.uint64))
    assert found.tolist() == [row in set(held) for row in asked]


@given(rows=numbers, asked=numbers, seed=st.integers(0, 99))
def test_segments_find_each_row_in_its_place(rows: list[int], asked: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = np.array(rows, np.uint64)
    coded = Coded(
        rng.integers(-127, 128, (len(rows), 4), dtype=np.int8),
        rng.integers(0, 7, len(rows)).astype(np.int32),
        names,
        rng.integers(0, 3, len(rows)).astype(np.int32),
    )
    segment = lay_out((Part(0, "a"), Part(1, "b"), Part(2, "c")), coded, 7)
    code = dict(zip(rows, coded.codes.tolist(), strict=True))
    assert dict(zip(segment.rows.tolist(), segment.codes.tolist(), strict=True)) == code
    places = segment.places(np.array(sorted(asked), np.uint64)) if rows else np.empty(0, int)
    assert segment.rows[places].tolist() == [row for row in sorted(asked) if row in code]
    for number in range(3):
        expected = sorted(names[coded.fragments == number].tolist())
        assert sorted(segment.rows[segment.places_of(number)].tolist()) == expected
    for number in range(7):
        begin, end = segment.offsets[number : number + 2]
        expected = sorted(names[coded.lists == number].tolist())
        assert segment.rows[begin:end].tolist() == expected


@given(
    parts=st.lists(st.lists(st.integers(-50, 50), max_size=80), max_size=8),
    count=st.integers(1, 40),
)
def test_best_keeps_the_best_and_their_ties(parts: list[list[int]], count: int) -> None:
    best, row, whole = Best(count), 0, []
    for part in parts:
        scores = np.array(part, np.int32)
        rows = np.arange(row, row + len(part), dtype=np.uint64)
        row += len(part)
        whole += part
        high = scores >= best.floor
        best.add(rows[high], scores[high])
    found = best.candidates()
    ordered = sorted(whole, reverse=True)
    lowest = ordered[count - 1] if len(ordered) > count else -(10**9)
    kept = [score for score in ordered if score >= lowest]
    assert found.scores[: len(kept)].tolist() == kept
    assert not found.complete or len(kept) == len(whole)
    assert found.complete or len(whole) > count
    assert all(whole[int(r)] == s for r, s in zip(found.rows, found.scores, strict=True))


@pytest.mark.parametrize("length", [8, 31, 128, 200])
def test_products_of_bytes_are_exact(length: int) -> None:
    rng = np.random.default_rng(length)
    codes = rng.integers(-127, 128, (1000, length), dtype=np.int8)
    query = rng.integers(-127, 128, length, dtype=np.int8)
    assert (dots(codes, pack(query)) == codes.astype(int) @ query.astype(int)).all()


def test_leading_directions_keep_the_most() -> None:
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(40, 40)))[0][:, :6]
    sample = unit_rows((rng.normal(size=(2000, 6)) @ axes.T).astype(np.float32))
    found = leading_directions(sample, 6, rng)
    np.testing.assert_allclose(found.T @ found, np.eye(6), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(sample @ found, axis=1), 1, atol=1e-4)


def test_codes_estimate_cosines() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(3000, 64)).astype(np.float32) * np.geomspace(1, 0.05, 64)
    vectors = vectors.astype(np.float32)
    book = Codebook.train(unit_rows(vectors), length=48, lists=16)
    codes, lists = book.encode(vectors * 7)
    assert (codes.shape, lists.max() < 16) == ((3000, 48), True)
    query = book.encode_query(vectors[0] * 3)
    estimate = dots(codes, pack(query.code)) * query.unit
    exact = unit_rows(vectors) @ unit_rows(vectors[:1])[0]
    assert np.abs(estimate - exact).max() < 0.05
    assert np.corrcoef(estimate, exact)[0, 1] > 0.999


def test_vectors_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ArchiveError, match="not finite"):
        unit_rows(np.array([[1.0, np.nan]], np.float32))
    assert (unit_rows(np.zeros((2, 3), np.float32)) == 0).all()


def test_centres_are_where_the_points_are() -> None:
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(5, 8)).astype(np.float32) * 20
    points = np.repeat(centres, 200, axis=0) + rng.normal(size=(1000, 8)).astype(np.float32)
    found = kmeans(points, 12, rng)
    distance = np.linalg.norm(points - found[assign(points, found)], axis=1)
    assert distance.mean() < 4


def reader(scores: np.ndarray, read: list[int]) -> Callable[[int, int], np.ndarray]:
    def exact(begin: int, end: int) -> np.ndarray:
        read.append(end - begin)
        return scores[begin:end]

    return exact


@given(error=st.sampled_from([1e-4, 0.01, 0.1]), seed=st.integers(0, 50))
def test_worse_estimates_cost_more_reading_and_keep_the_recall(error: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.normal(size=3000))[::-1]
    guess = scores + rng.normal(size=3000) * error
    order = np.argsort(-guess)
    read: list[int] = []
    found = refine(guess[order], 50, Errors(4.0), reader(scores[order], read), complete=True)
    assert not found.short
    assert sum(read) == len(found.scores)
    assert (found.scores >= scores[49]).sum() >= 48
    if error == 1e-4:
        assert sum(read) < 150


def test_a_short_pool_is_said() -> None:
    rng = np.random.default_rng(0)
    guess = -np.sort(rng.normal(size=300)) / 1000
    scores = rng.normal(size=300)
    assert refine(guess, 50, Errors(3.0), reader(scores, []), complete=False).short
    assert not refine(guess, 50, Errors(3.0), reader(scores, []), complete=True).short


def test_copies_with_one_error_do_not_end_the_reading() -> None:
    guess = np.concatenate([np.full(60, 0.5), np.linspace(0.45, 0.1, 300)])
    scores = np.concatenate([np.full(60, 0.35), np.linspace(0.47, 0.12, 300)])
    usual = Errors(3.0, bias=0.0, spread=0.03)
    found = refine(guess, 20, usual, reader(scores, []), complete=True)
    assert np.sort(found.scores)[-20:].min() == np.sort(scores)[-20]
