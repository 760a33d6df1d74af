"""The steps themselves on a real Ray cluster, and an evaluation in words of what they made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.drawn import draw_discs, known_discs
from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.evaluation.protocol import evaluate_search
from skylore.evaluation.questions import Question
from skylore.evaluation.settings import Settings
from skylore.search.codes.fragments import to_vectors

HERE = FillOptions(progress=False, workers=0)
ON_RAY = FillOptions(progress=False, engine="ray", batch_rows=4)
QUESTION = Question.build(("edge-on galaxy", "a disk galaxy seen edge-on"), "edge_on")


def vectors(archive: Archive) -> np.ndarray:
    return to_vectors(archive.read(["vector"])["vector"].drop_null())


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_cluster_makes_what_one_process_makes(tmp_path: Path) -> None:
    images = draw_discs(tmp_path / "images", 12)
    made = {}
    for name, options in (("here", HERE), ("spread", ON_RAY)):
        archive = known_discs(tmp_path / name, images, options)
        pipeline.measure(archive, options)
        pipeline.caption(archive, options)
        archive.refresh()
        made[name] = archive
    one, other = (
        archive.read(["id", "measure_flag", "sersic_n", "gini", "captions"]).sort_by("id")
        for archive in made.values()
    )
    assert one["captions"].null_count == 0
    assert one.equals(other)
    assert np.allclose(vectors(made["here"]), vectors(made["spread"]), atol=2e-3)
    settings = Settings(modes=("vector",), cuts=(5,), resamples=40, image_queries=4)
    here = evaluate_search(made["spread"], [QUESTION], settings)
    spread = evaluate_search(made["spread"], [QUESTION], settings, engine="ray")
    assert spread.model_dump_json() == here.model_dump_json()
