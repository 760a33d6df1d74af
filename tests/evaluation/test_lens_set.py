"""A controlled lens set, from the published layout to its figures, by the commands of a user.

The layout is that of AION-Search's controlled set (200 lenses of grades A, B and C among 20,000
objects that are in no lens catalogue): a row an object, with ``id``, ``ra``, ``dec``, an image,
``is_lens``, and the grade of the lenses.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from skylore import pipeline
from skylore.archive.table import Archive
from skylore.cli.app import app
from vlm.galaxies import png

GRADES = ["A", "B", "B", "C", "C", "C"]
COUNT = 30
ARCSEC = 1 / 3600


def run(*command: object) -> str:
    done = CliRunner().invoke(app, [str(part) for part in command])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def lens_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small set in the layout of the large one, lenses anywhere among the others."""
    rng = np.random.default_rng(5)
    grades = np.array([*GRADES, *[None] * (COUNT - len(GRADES))], dtype=object)
    rng.shuffle(grades)
    table = pa.table(
        {
            "id": [f"hsc-{i:05d}" for i in range(COUNT)],
            "ra": rng.uniform(150, 151, COUNT),
            "dec": rng.uniform(1, 2, COUNT),
            "image": [png(i) for i in range(COUNT)],
            "is_lens": [grade is not None for grade in grades],
            "grade": pa.array(grades.tolist(), pa.string()),
        }
    )
    path = tmp_path_factory.mktemp("lenses") / "controlled.parquet"
    pq.write_table(table, path)
    return path


@pytest.fixture(scope="module")
def archive(lens_set: Path) -> Path:
    path = lens_set.parent / "lenses.skylore"
    run("ingest", path, lens_set)
    run("embed", path, "-q")
    return path


def evaluated(archive: Path, *asked: object) -> dict:
    how = ["--resamples", 20, "--image-queries", 4, "--format", "json"]
    report: dict = json.loads(run("evaluate", "search", archive, *asked, *how))
    return report


def figures(question: dict, method: str) -> dict:
    found = next(m for m in question["methods"] if m["method"] == method)
    return {name: figure["mean"] for name, figure in found["figures"].items()}


def test_the_set_is_ingested_embedded_and_asked_in_three_commands(archive: Path) -> None:
    report = evaluated(archive, "--queries", "aion-search-lens")
    asked = report["questions"][0]
    assert (asked["objects"], asked["relevant"], len(asked["texts"])) == (COUNT, len(GRADES), 5)
    assert asked["texts"][0] == "gravitational lens"
    methods = {method["method"] for method in asked["methods"]}
    assert methods == {"words, vector", "images, image_vector", "blind constant", "random"}
    words, chance = figures(asked, "words, vector"), figures(asked, "random")
    assert {"nDCG@10", "average precision", "recall@10", "hits@10"} <= set(words)
    assert chance["hits@10"] == pytest.approx(10 * len(GRADES) / COUNT)
    assert words["recall@10"] == pytest.approx(words["hits@10"] / len(GRADES))
    hits = [
        sum(bool(hit.columns["is_lens"]) for hit in found)
        for text in asked["texts"]
        for found in [Archive.open(archive).search(text, k=10, columns=("is_lens",))]
    ]
    assert words["hits@10"] == pytest.approx(np.mean(hits))
    same = pipeline.evaluate(
        Archive.open(archive), "aion-search-lens", resamples=20, image_queries=4
    )
    assert json.loads(same.dumps("json")) == report


def test_grades_choose_among_the_lenses(archive: Path) -> None:
    query = ["--query", "gravitational lens"]
    any_grade = evaluated(archive, *query, "--relevance", "grade IS NOT NULL")["questions"][0]
    assert any_grade["relevant"] == len(GRADES)
    sure = "grade = 'A' OR grade = 'B'"
    without = ["--where", f"grade IS NULL OR {sure}"]
    known = evaluated(archive, *query, "--relevance", "grade IS NOT NULL", *without)["questions"][0]
    assert (known["relevant"], known["objects"]) == (3, COUNT - 3)


def test_what_a_model_was_trained_on_is_left_out_by_position(archive: Path, lens_set: Path) -> None:
    rows = pq.read_table(lens_set)
    training = lens_set.parent / "training.fits"
    from astropy.table import Table

    near = Table({"ra": rows["ra"].to_numpy()[:3], "dec": rows["dec"].to_numpy()[:3] + 3 * ARCSEC})
    near.write(training, overwrite=True)
    exclude = ["--training", training, "--exclude-within", "5arcsec"]
    report = evaluated(archive, "--queries", "aion-search-lens", *exclude)
    assert report["dropped"] == 3
    assert report["questions"][0]["objects"] == COUNT - 3


def test_a_set_without_labels_or_positions_says_what_is_missing(
    lens_set: Path, tmp_path: Path
) -> None:
    rows = pq.read_table(lens_set)
    bare = tmp_path / "bare.parquet"
    pq.write_table(rows.drop_columns(["ra", "dec", "is_lens"]), bare)
    run("ingest", tmp_path / "bare.skylore", bare)
    asked = ["evaluate", "search", tmp_path / "bare.skylore", "--queries", "aion-search-lens"]
    for extra, says in ([], "is_lens"), (["--training", lens_set], "no position"):
        more = [*extra, *(["--exclude-within", "1arcsec"] if extra else [])]
        done = CliRunner().invoke(app, [str(part) for part in [*asked, *more]])
        assert done.exit_code in (3, 5)
        assert says in done.output
