from __future__ import annotations

import pytest

from evaluation.drawn import draw_discs, known_discs
from skylore.evaluation.protocol import Settings, evaluate_search
from skylore.evaluation.questions import Question
from skylore.evaluation.rankers import choose_modes, image_column


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Ten discs seen from the side among ten round blobs, in the space shared with words."""
    folder = tmp_path_factory.mktemp("drawn")
    return known_discs(folder / "a", draw_discs(folder / "images"))


def test_words_find_what_looks_so(archive):
    question = Question.build(("edge-on galaxy", "a disk galaxy seen edge-on"), "edge_on")
    settings = Settings(modes=("vector",), cuts=(10,), resamples=40, image_queries=5)
    found = evaluate_search(archive, [question], settings).questions[0]
    words, chance = found.method("words, vector"), found.method("random")
    hits = archive.search("edge-on galaxy", k=20)
    table = archive.read(["id", "edge_on"])
    thin = dict(zip(*(column.to_pylist() for column in table.columns), strict=True))
    by_search = sum(thin[hit.id] for hit in hits.top(10))
    assert by_search in (words.figures["hits@10"].worst, words.figures["hits@10"].best)
    assert words.figures["average precision"].mean > chance.figures["average precision"].high
    assert found.method("images, image_vector").figures["average precision"].mean > 0.7


def test_what_an_archive_can_do_is_chosen(archive):
    assert choose_modes(archive) == ("vector",)
    assert image_column(archive) == "image_vector"
