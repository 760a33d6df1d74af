from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.table import Archive
from skylore.search.reranking.by_model import ModelJudge
from skylore.vlm.pictures import Picture, ViewSettings, data_url
from vlm.galaxies import png
from vlm.server import Behaviour, ModelServer, image_of

COUNT = 40
SIZE = 32
PRICES = {"price_in": 0.4, "price_out": 1.6}
NORTH = [0.0, 1.0]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr("skylore.vlm.faults._FIRST_PAUSE", 0.02)


@pytest.fixture
def serve() -> Iterator[Callable[..., ModelServer]]:
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(ModelServer(Behaviour(**how)))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Objects g00, g01 … that point ever further away from the north, two and two alike."""
    made = Archive.create(tmp_path / "a.skylore")
    kind = pa.list_(pa.float32(), 2)
    given = Provenance(step="ingest", model="given")
    made.add_columns(
        [with_provenance(pa.field("image_vector", kind), given), pa.field("caption", pa.string())]
    )
    angles = np.array([i // 2 for i in range(COUNT)]) * 0.03
    vectors = np.stack([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
    made.append(
        pa.table(
            {
                "id": [f"g{i:02d}" for i in range(COUNT)],
                "image": [png(i, SIZE) for i in range(COUNT)],
                "image_width": pa.array([SIZE] * COUNT, pa.int32()),
                "image_height": pa.array([SIZE] * COUNT, pa.int32()),
                "image_vector": pa.FixedSizeListArray.from_arrays(vectors.ravel(), 2),
                "caption": ["blue spiral" if i % 2 else "red elliptical" for i in range(COUNT)],
            }
        )
    )
    return made


def by_image(says: Callable[[int, int], str | None]) -> Callable[..., str | None]:
    """Let the server answer by the number of the object that it is shown, and of the request."""
    view = ViewSettings(size=SIZE)
    numbers = {data_url(Picture(png(i, SIZE), view)): i for i in range(COUNT)}
    return lambda asked, nth: says(numbers[image_of(asked)], nth)


def says(certainty: int) -> str:
    """Have the server answer with a certainty."""
    return f'says {{"answer": "{certainty}"}}'


def judge_of(archive: Archive, server: ModelServer, **asked: object) -> ModelJudge:
    """Make a judge that asks a server."""
    given = {"budget": "50USD", "image_size": SIZE, "progress": False, **PRICES, **asked}
    return ModelJudge(archive, "openai:seer-1", base_url=server.url, **given)
