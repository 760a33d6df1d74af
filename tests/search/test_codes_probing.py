from __future__ import annotations

import numpy as np
import pytest

from search.array_source import ArraySource
from skylore.search.codes.building import build
from skylore.search.codes.calibration import near_and_far
from skylore.search.codes.codebook import Codebook, unit_rows
from skylore.search.codes.options import CodeOptions
from skylore.search.codes.searching import nearest
from skylore.search.codes.view import View, open_view
from skylore.search.row_sets import RowSet

ROWS, WIDTH = 12_000, 32


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> tuple[ArraySource, View]:
    """Clusters of unlike sizes, each stretched along its own directions, away from the origin."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(60, WIDTH)) + 1
    stretch = rng.exponential(size=(60, WIDTH)) * 0.3
    of = rng.choice(60, ROWS, p=rng.dirichlet(np.full(60, 0.5)))
    source = ArraySource(centres[of] + rng.normal(size=(ROWS, WIDTH)) * stretch[of])
    folder = tmp_path_factory.mktemp("clustered")
    build(source, folder, CodeOptions(bytes_a_row=32, segment_rows=4096, progress=False))
    view = open_view(source, folder)
    assert view is not None
    return source, view


def asked(source: ArraySource, kind: str) -> np.ndarray:
    sample = source.sample(400, seed=9)
    queries = near_and_far(sample, 60, np.random.default_rng(4))
    return queries[::2] if kind == "near" else queries[1::2]


def filters(source: ArraySource) -> dict[str, RowSet | None]:
    rng = np.random.default_rng(5)
    rows = np.arange(10, 10 + ROWS, dtype=np.uint64)
    side = source.vectors @ rng.normal(size=WIDTH)
    return {
        "none": None,
        "at random": RowSet(rows[rng.random(ROWS) < 0.2]),
        "on one side": RowSet(rows[side > np.quantile(side, 0.8)]),
    }


@pytest.mark.parametrize("kind", ["near", "far"])
@pytest.mark.parametrize("where", ["none", "at random", "on one side"])
def test_probing_keeps_the_recall_near_objects_and_far_from_all(
    clustered: tuple[ArraySource, View], kind: str, where: str
) -> None:
    source, view = clustered
    allowed = filters(source)[where]
    chosen = np.arange(ROWS) if allowed is None else allowed.rows.astype(np.int64) - 10
    unit = unit_rows(source.vectors)[chosen]
    for count in (10, 50):
        shares, compared = [], []
        for query in asked(source, kind):
            exact = np.sort(unit @ (query / np.linalg.norm(query)))[-count]
            found = nearest(source, view, query, count, allowed, recall=0.95, way="probe lists")
            scores = found.table["score"].to_numpy()
            shares.append(min(1, np.count_nonzero(scores >= exact - 1e-6) / count))
            compared.append(found.work.codes / ROWS)
        assert np.mean(shares) >= 0.95
        if (kind, where) == ("near", "none"):
            assert np.mean(compared) < 0.3


def test_scores_of_lists_are_foretold() -> None:
    rng = np.random.default_rng(6)
    sample = unit_rows((rng.normal(size=(6000, 24)) * np.geomspace(1, 0.05, 24)).astype(np.float32))
    book = Codebook.train(sample, length=16, lists=16)
    others = unit_rows((rng.normal(size=(20_000, 24)) * np.geomspace(1, 0.05, 24)).astype("f4"))
    _, lists = book.encode(others)
    for vector in rng.normal(size=(5, 24)).astype(np.float32):
        query = book.encode_query(vector)
        means, spreads = book.scores_of(query)
        scores = (others @ book.projection) @ query.projected
        for number in range(16):
            members = scores[lists == number]
            assert abs(members.mean() - means[number]) < 0.3 * spreads[number]
            assert 0.7 < members.std() / spreads[number] < 1.4
