"""Evaluation over a real Ray cluster of this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from cluster.deadly import DiesAtFirst
from search.archives import vectors_archive
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import ArchiveError
from skylore.evaluation.asked import ask
from skylore.evaluation.population import read_population
from skylore.evaluation.protocol import evaluate_search
from skylore.evaluation.questions import Question
from skylore.evaluation.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cluster")]

SETTINGS = Settings(resamples=40, image_queries=20, cuts=(10, 50))
QUESTIONS = [
    Question.build(("blue spiral", "spiral arms"), "spiral", name="spirals"),
    Question.build("smooth", "bright", name="bright", where="mag < 20"),
]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made, _ = vectors_archive(tmp_path / "a.skylore", rows=200)
    table = made.read(["caption"], row_ids=True)
    spiral = np.array([text == "blue spiral arms" for text in table["caption"].to_pylist()])
    made.add_columns([pa.field("spiral", pa.bool_())])
    made.write(pa.table({"_rowid": table["_rowid"], "spiral": spiral}))
    return made


def test_a_cluster_finds_the_same_figures_to_the_last_digit(archive: Archive) -> None:
    from skylore.evaluation import on_ray

    here = evaluate_search(archive, QUESTIONS, SETTINGS)
    spread = evaluate_search(archive, QUESTIONS, SETTINGS, engine="ray", workers=3)
    assert spread.model_dump_json() == here.model_dump_json()
    assert here.questions[0].method("images, image_vector").rankings == 20 > on_ray.EXAMPLES


def test_a_worker_that_dies_changes_nothing(archive: Archive, tmp_path: Path) -> None:
    from skylore.evaluation.on_ray import score_on_ray

    population = read_population(archive, QUESTIONS[0])
    asked = ask(archive, QUESTIONS[0], population, ("text",), SETTINGS)
    mark = tmp_path / "died"
    parts = (DiesAtFirst(asked.parts[0], str(mark)), *asked.parts[1:])
    (found,) = score_on_ray(archive, [replace(asked, parts=parts)], 2)
    assert mark.exists()
    assert asked.report(found) == asked.report(asked.score(archive))


def test_a_part_that_always_kills_its_worker_ends_the_run(archive: Archive, tmp_path: Path) -> None:
    from skylore.evaluation.on_ray import score_on_ray

    population = read_population(archive, QUESTIONS[0])
    asked = ask(archive, QUESTIONS[0], population, ("text",), SETTINGS)
    parts = (DiesAtFirst(asked.parts[0], str(tmp_path / "died"), always=True),)
    with pytest.raises(ArchiveError, match="died 4 times"):
        score_on_ray(archive, [replace(asked, parts=parts)])


def test_the_command(archive: Archive) -> None:
    asked = ["--relevance", "spiral", "--query", "spiral arms", "--format", "json"]
    command = ["evaluate", "search", str(archive), *asked, "--resamples", "40"]
    here, spread = (
        CliRunner().invoke(app, [*command, *more]) for more in ([], ["--engine", "ray"])
    )
    assert spread.exit_code == 0, spread.output
    assert json.loads(spread.stdout) == json.loads(here.stdout)
