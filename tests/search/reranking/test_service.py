"""Re-ranking by any judge: one that looks at the images itself stands in no server's way."""

from __future__ import annotations

import io
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from search.reranking.conftest import COUNT, NORTH
from skylore.archive.table import Archive
from skylore.errors import ModelError, QueryError
from skylore.search.export import FORMATS, dumps
from skylore.search.query import Query
from skylore.search.reranking.judge import Question, Verdict
from skylore.search.reranking.settings import Reranking


def brightness(image: bytes) -> float:
    pixels = np.asarray(Image.open(io.BytesIO(image)))
    return float(np.clip(pixels.mean() / 10, 1, 10))


class BrightnessJudge:
    """Is the more certain the brighter an image is."""

    def __init__(self, patience: int | None = None, lost: int = 0) -> None:
        self.asked: list[Question] = []
        self.most = 0
        self._patience = patience
        self._lost = lost

    @contextmanager
    def begin(self, most):
        self.most = most
        yield self._ask

    def _ask(self, questions):
        self.asked += questions
        left = len(questions) if self._patience is None else self._patience
        said = [Verdict(brightness(q.image)) for q in questions[:left]]
        said += [Verdict()] * (len(questions) - len(said))
        return said[self._lost :]


def test_a_judge_of_ones_own(archive) -> None:
    judge = BrightnessJudge()
    results = archive.search(vector=NORTH, k=10, rerank=Reranking(judge, 20, wanted="light"))
    images = archive.images([f"g{i:02d}" for i in range(20)])
    brightest = sorted(images, key=lambda name: (-brightness(images[name] or b""), name))
    assert [hit.id for hit in results] == brightest[:10]
    assert judge.most == 60
    assert len(judge.asked) <= 60
    keys = {(q.id, q.sample) for q in judge.asked}
    assert len(keys) == len(judge.asked), "each question has a number of its own"
    assert {q.wanted for q in judge.asked} == {"light"}


def test_fewer_questions_than_candidates_judge_the_most_similar(archive) -> None:
    judge = BrightnessJudge()
    how = Reranking(judge, COUNT, samples=1, questions=7, wanted="light")
    results = archive.search(vector=NORTH, k=COUNT, rerank=how)
    assert sorted(q.id for q in judge.asked) == [f"g{i:02d}" for i in range(7)]
    assert [hit.id for hit in results][7:] == [f"g{i:02d}" for i in range(7, COUNT)]
    assert f"{COUNT - 7} without certainty follow" in (results.message or "")


def test_a_judge_that_walks_away_leaves_the_rest_by_similarity(archive) -> None:
    how = Reranking(BrightnessJudge(patience=5), COUNT, wanted="light")
    results = archive.search(vector=NORTH, k=COUNT, rerank=how)
    assert sorted(hit.id for hit in list(results)[:5]) == [f"g{i:02d}" for i in range(5)]
    assert [hit.id for hit in results][5:] == [f"g{i:02d}" for i in range(5, COUNT)]
    assert results.reranked is not None
    assert results.reranked.cut_short


def test_lost_verdicts_are_noticed(archive) -> None:
    how = Reranking(BrightnessJudge(lost=1), 6, wanted="light")
    with pytest.raises(ModelError, match="5 verdicts on 6 questions"):
        archive.search(vector=NORTH, rerank=how)


def test_nothing_found_is_nothing_asked(archive) -> None:
    judge = BrightnessJudge()
    how = Reranking(judge, wanted="light")
    results = archive.search(vector=NORTH, where="id = 'nobody'", rerank=how)
    assert len(results) == 0
    assert not judge.asked
    assert "only 0 objects" in (results.message or "")


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_tells_of_it(archive, kind) -> None:
    how = Reranking(BrightnessJudge(patience=3), 6, wanted="light")
    written = dumps(archive.search(vector=NORTH, k=8, rerank=how), kind)
    text = written if isinstance(written, str) else written.decode("latin-1")
    expected = "without certainty follow" if kind == "html" else "rerank_certainty"
    assert expected in (text.lower() if kind == "fits" else text)


def test_integer_ids(tmp_path) -> None:
    archive = Archive.create(tmp_path / "n.skylore", id_type=pa.int64())
    buffers = []
    for level in (20, 90, 60):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (level,) * 3).save(buffer, "PNG")
        buffers.append(buffer.getvalue())
    archive.append(pa.table({"id": [3, 1, 2], "image": buffers}))
    archive.refresh()
    results = archive.search(rerank=Reranking(BrightnessJudge(), wanted="light"))
    assert [hit.id for hit in results] == [1, 2, 3]
    assert [hit.columns["rerank_certainty"] for hit in results] == [9, 6, 2]


def test_what_is_wanted_and_what_is_not() -> None:
    how = Reranking(BrightnessJudge())
    query = Query.build(["a ring", "an arc"], minus="a star")
    assert how.words(query) == "a ring and an arc; but not: a star"
    with pytest.raises(QueryError, match="no words"):
        how.words(Query.build(minus="a star"))
