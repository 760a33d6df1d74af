from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.array_source import ArraySource
from skylore.search.codes import merging
from skylore.search.codes.building import build
from skylore.search.codes.merging import groups_to_merge, merge
from skylore.search.codes.options import CodeOptions
from skylore.search.codes.segment import (
    ARRAYS,
    Coded,
    Part,
    Segment,
    lay_out,
    open_segment,
    write_segment,
)
from skylore.search.codes.tails import falling_shares
from skylore.search.codes.view import open_view

LISTS = 9


def coded(rows: np.ndarray, parts: int, rng: np.random.Generator) -> Coded:
    return Coded(
        rng.integers(-127, 128, (len(rows), 4), dtype=np.int8),
        rng.integers(0, LISTS, len(rows)).astype(np.int32),
        rows.astype(np.uint64),
        np.sort(rng.integers(0, parts, len(rows))).astype(np.int32),
    )


def segments(sizes: list[int], rng: np.random.Generator) -> tuple[list[Segment], Segment]:
    """Give segments one after the other by row id, and what is laid out from all at once."""
    made, all_codes, parts, first = [], [], [], 0
    for number, size in enumerate(sizes):
        rows = first + np.sort(rng.choice(2 * size, size, replace=False))
        first += 2 * size
        here = (Part(2 * number, "a"), Part(2 * number + 1, "b"))
        values = coded(rows, 2, rng)
        made.append(lay_out(here, values, LISTS))
        all_codes.append(values._replace(fragments=values.fragments + len(parts)))
        parts += here
    joined = Coded(*(np.concatenate(each) for each in zip(*all_codes, strict=True)))
    return made, lay_out(tuple(parts), joined, LISTS)


def test_merged_segments_are_those_of_one_coding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "BLOCK", 50)
    made, expected = segments([200, 1, 77, 300], np.random.default_rng(0))
    written = [open_segment(tmp_path, write_segment(tmp_path, each)) for each in made]
    merged = open_segment(tmp_path, merge(tmp_path, written))
    assert merged.parts == expected.parts
    for array in ARRAYS:
        np.testing.assert_array_equal(getattr(merged, array), getattr(expected, array))


def test_only_neighbours_of_fitting_size_are_merged() -> None:
    rng = np.random.default_rng(1)
    made, _ = segments([20, 20, 20, 20, 20, 400, 20, 20, 20], rng)
    assert groups_to_merge(made, 20) == [[0, 1, 2, 3, 4]]
    assert groups_to_merge(made, 10) == [[0, 1, 2, 3, 4]]
    assert groups_to_merge(made[:3], 20) == []
    overlapping = [made[0], made[0], made[0], made[0]]
    assert groups_to_merge(overlapping, 20) == []


def test_a_build_of_many_parts_ends_in_few_segments(tmp_path: Path) -> None:
    source = ArraySource(np.random.default_rng(2).normal(size=(14_000, 16)))
    build(source, tmp_path, CodeOptions(bytes_a_row=16, segment_rows=2048, progress=False))
    view = open_view(source, tmp_path)
    assert view is not None
    (only,) = view.segments
    assert sorted(only.segment.rows.tolist()) == list(range(10, 14_010))
    made, _ = view.codebook.encode(source.vectors)
    np.testing.assert_array_equal(only.segment.codes, made[only.segment.rows.astype(int) - 10])
    assert {path.name for path in tmp_path.iterdir()} == {
        only.segment.name,
        f"{view.manifest.codebook}.safetensors",
        "manifest.json",
    }


def test_shares_fall_and_go_on_as_a_normal_distribution() -> None:
    at = np.linspace(0, 8, 9)
    above = np.array([50.0, 20, 30, 2, 0, 1, 0, 0, 0])
    of = np.array([100.0, 100, 100, 100, 1e3, 1e4, 1e5, 1e5, 0])
    shares = falling_shares(at, above, of)
    assert (np.diff(shares) <= 0).all()
    assert shares[0] == 0.5
    assert shares[1] == shares[2] == 0.25
    assert shares[6] == pytest.approx(shares[5] * np.exp((25 - 36) / 2))
