from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import ColumnError, DuplicateIdError, SourceError
from skylore.evaluation.bootstrap import bootstrap_ratio
from skylore.evaluation.captions.benchmark import blind_floors, evaluate_captions
from skylore.evaluation.captions.judges import make_judge
from skylore.evaluation.captions.paths import VolunteerPath
from skylore.evaluation.captions.tables import GivenCaption, read_captions, read_paths
from skylore.morphology.tree import load_tree

TREE = load_tree("gz-decals")
KEYWORDS = make_judge("keywords")
SMOOTH = {"smooth-or-featured": "smooth", "how-rounded": "round", "merging": "none"}
EDGE_ON = {"smooth-or-featured": "featured-or-disk", "disk-edge-on": "yes", "merging": "none"}
PATHS = [
    VolunteerPath("a", SMOOTH),
    VolunteerPath("b", EDGE_ON),
    VolunteerPath("c", EDGE_ON),
]


def as_json(answers):
    return json.dumps([{"question": q, "answer": a} for q, a in answers.items()])


def evaluated(captions, paths=PATHS):
    return evaluate_captions(paths, captions, KEYWORDS, TREE, resamples=200)


def test_captions_are_averaged_by_galaxy_before_galaxies_are():
    found = evaluated(
        [
            GivenCaption("a", "A round and smooth elliptical, isolated.", "good"),
            GivenCaption("a", "Nothing to say.", "good"),
            GivenCaption("b", "An isolated edge-on disk.", "good"),
            GivenCaption("b", "A round and smooth elliptical, isolated.", "bad"),
        ]
    )
    good, bad = found.writer("good"), found.writer("bad")
    assert (good.captions, good.galaxies) == (3, 2)
    assert good.per_galaxy.mean == pytest.approx((0.5 + 1) / 2)
    assert good.per_answer.mean == pytest.approx((1.5 + 3) / 6)
    assert bad.per_galaxy.mean == pytest.approx(1 / 3)
    # The constant says: featured, edge-on, round, not merging. It has 1/3 of a and all of b.
    assert good.above_floor.mean == pytest.approx(((0.5 - 1 / 3) + (1 - 1)) / 2)
    assert good.not_mentioned == pytest.approx(0.5 / 6)
    assert good.published is None


def test_floors_see_neither_image_nor_caption():
    floors = {floor.name: floor for floor in blind_floors(PATHS, TREE, resamples=100)}
    assert floors["constant"].per_galaxy.mean == pytest.approx((1 / 3 + 1 + 1) / 3)
    assert floors["constant, root known"].per_galaxy.mean == pytest.approx(1)
    # Of two galaxies, each is guessed by the other alone.
    two = {floor.name: floor for floor in blind_floors(PATHS[:2], TREE, resamples=100)}
    assert two["constant"].per_galaxy.mean == pytest.approx((1 / 3 + 1) / 2)
    assert two["constant, left out"].per_galaxy.mean == pytest.approx(1 / 3)


def test_captions_of_other_objects_are_counted():
    captions = [GivenCaption("a", "smooth", "w"), GivenCaption("z", "smooth", "w")]
    report = evaluated(captions)
    assert report.left_out == 1
    assert "1 captions are of objects without" in str(report)
    assert "captions of 1 galaxies alone" in str(report)
    with pytest.raises(SourceError, match="none of the captions"):
        evaluated(captions[1:])


def test_the_command_reads_tables_and_archives(tmp_path):
    trees = tmp_path / "trees.parquet"
    ids = [path.id for path in PATHS]
    rows = {"id": ids, "decision_tree": [as_json(path.answers) for path in PATHS]}
    pq.write_table(pa.table(rows), trees)
    texts = ["A round smooth elliptical.", "An edge-on disk.", "A galaxy."]
    table = pa.table(
        {"id": ids, "description": texts, "model": ["m"] * 3, "decision_tree_score": [1, 0.5, 0.0]}
    )
    pq.write_table(table, tmp_path / "captions.parquet")
    how = ["--resamples", "50", "--format", "csv"]
    asked = ["evaluate", "captions", str(trees), str(tmp_path / "captions.parquet"), *how]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    first = next(csv.DictReader(io.StringIO(done.stdout)))
    assert first["writer"] == "m"
    assert float(first["per_galaxy"]) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert float(first["published"]) == 0.5

    archive = Archive.create(tmp_path / "a")
    made = Provenance(step="caption", model="someone")
    archive.add_columns([with_provenance(pa.field("caption", pa.string()), made)])
    archive.append(pa.table({"id": ids, "caption": [*texts[:2], None]}))
    found = read_captions(tmp_path / "a")
    assert [(c.id, c.writer) for c in found] == [("a", "someone"), ("b", "someone")]
    with pytest.raises(ColumnError, match="typo"):
        read_captions(tmp_path / "a", text_column="typo")


def test_tables_that_cannot_be_read_say_why(tmp_path):
    file = tmp_path / "t.parquet"
    good = {"id": ["a"], "decision_tree": [as_json(SMOOTH)]}
    for wrong, error, says in [
        ({"id": ["a"]}, SourceError, "no column 'decision_tree'"),
        ({"id": ["a", "a"], "decision_tree": ["x", "x"]}, DuplicateIdError, "'a'"),
        ({"id": ["a", "b"], "decision_tree": ["x", None]}, SourceError, "1 of 2"),
    ]:
        pq.write_table(pa.table(wrong), file)
        with pytest.raises(error, match=says):
            read_paths(file, TREE)
    pq.write_table(pa.table(good).slice(0, 0), file)
    with pytest.raises(SourceError, match="empty"):
        read_paths(file, TREE)
    with pytest.raises(SourceError, match="neither an archive nor"):
        read_captions(tmp_path / "nowhere")
    pq.write_table(pa.table({"id": ["a"], "caption": [" "]}), file)
    with pytest.raises(SourceError, match="1 captions in"):
        read_captions(file)
    pq.write_table(pa.table({"id": ["a"], "words": ["b"]}), file)
    with pytest.raises(SourceError, match="none of the columns"):
        read_captions(file)


def test_a_ratio_is_of_the_sums():
    found = bootstrap_ratio([1, 3], [2, 4], seed=0)
    assert found.mean == pytest.approx(4 / 6)
    assert 0.5 <= found.low <= found.high <= 0.75
    for wrong in (([1], [0]), ([], []), ([1], [1, 2]), ([np.nan], [1])):
        with pytest.raises(ValueError, match="ratio"):
            bootstrap_ratio(*wrong, seed=0)


def test_the_published_benchmark_has_the_floors_that_were_found(shared_data):
    paths = read_paths(shared_data / "legacy_benchmark64.parquet", TREE)
    floors = {floor.name: floor for floor in blind_floors(paths, TREE, resamples=50)}
    assert len(paths) == 64
    assert sum(len(path.answers) for path in paths) == 279
    assert floors["constant"].per_galaxy.mean == pytest.approx(0.4225, abs=5e-5)
    assert floors["constant"].per_answer.mean == pytest.approx(156 / 279)
    assert floors["constant, root known"].per_galaxy.mean == pytest.approx(0.69, abs=5e-3)


@pytest.mark.parametrize(
    ("writer", "per_galaxy", "per_answer"),
    [("gpt-4.1-mini", 0.501, 0.544), ("gpt-4.1", 0.508, 0.556)],
)
def test_published_scores_are_found_again(shared_data, writer, per_galaxy, per_answer):
    captions = read_captions(shared_data / "legacy_benchmark64_captions.parquet")
    own = [caption for caption in captions if caption.writer == writer]
    paths = read_paths(shared_data / "legacy_benchmark64.parquet", TREE)
    found = evaluate_captions(paths, own, KEYWORDS, TREE, resamples=50).writer(writer)
    assert (found.galaxies, found.captions) == (64, 192)
    assert found.published.mean == pytest.approx(per_galaxy, abs=6e-4)
    assert found.published_per_answer.mean == pytest.approx(per_answer, abs=6e-4)
