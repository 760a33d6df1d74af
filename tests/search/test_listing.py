from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from skylore.archive.table import Archive
from skylore.search import listing
from skylore.search.index import build_indexes
from skylore.search.query import Query

ROWS = 3000


@pytest.fixture(scope="module", params=["texts", "integers"])
def listed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    texts = request.param == "texts"
    archive = Archive.create(
        tmp_path_factory.mktemp("listed") / "a.skylore",
        id_type=pa.string() if texts else pa.int64(),
    )
    archive.add_columns([pa.field("mag", pa.float64())])
    rng = np.random.default_rng(3)
    numbers = rng.permutation(ROWS) - 500
    ids = [f"it's {n}" for n in numbers] if texts else numbers.tolist()
    for part in np.array_split(np.arange(ROWS), 4):
        chosen = pa.array([ids[i] for i in part], archive.schema.field("id").type)
        archive.append(pa.table({"id": chosen, "mag": rng.uniform(15, 22, len(part))}))
    archive.delete(where="mag > 21.9")
    return archive


@pytest.mark.parametrize("where", [None, "mag < 21", "mag < 15.2", "mag < 0"])
@pytest.mark.parametrize("page", [(20, 0), (7, 900), (1000, 2500)])
@pytest.mark.parametrize("indexed", [False, True])
def test_a_listing_is_as_if_all_ids_had_been_sorted(
    listed: Archive,
    monkeypatch: pytest.MonkeyPatch,
    where: str | None,
    page: tuple[int, int],
    indexed: bool,
) -> None:
    k, offset = page
    monkeypatch.setattr(listing, "FEW", 10)
    monkeypatch.setattr(listing, "SAMPLE", 64)
    if indexed:
        build_indexes(listed)
    expected = sorted(listed.read(["id"], where=where)["id"].to_pylist())
    answer = Archive.open(listed.location.root).answer(Query(k=k, offset=offset, where=where))
    assert [hit.id for hit in answer] == expected[offset : offset + k]
    assert answer.plan.matching == len(expected)
