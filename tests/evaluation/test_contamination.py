from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from search.archives import vectors_archive
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import ColumnError, QueryError, SourceError
from skylore.evaluation.contamination import find_contamination, parse_radius, read_positions_of
from skylore.evaluation.protocol import Settings, evaluate_search
from skylore.evaluation.questions import Question

ARCSEC = 1 / 3600


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return vectors_archive(tmp_path_factory.mktemp("sky") / "a", rows=60)[0]


def moved(archive, path, offsets):
    """Write the first objects as a training table, moved north by arcseconds."""
    objects = archive.read(["id", "ra", "dec"]).slice(0, len(offsets))
    dec = objects["dec"].to_numpy() + np.array(offsets) * ARCSEC
    pq.write_table(pa.table({"ra": objects["ra"], "dec": dec, "name": ["t"] * len(dec)}), path)
    return objects["id"].to_pylist()


def test_objects_within_the_radius_are_dropped_and_counted(archive, tmp_path):
    path = tmp_path / "training.parquet"
    ids = moved(archive, path, [0, 0.9, 1.1, 30])
    found = find_contamination(archive, path, radius=1.0)
    assert found.dropped == set(ids[:2])
    assert str(found).startswith("2 of 60 objects dropped: within 1 arcsec of one of 4 training")
    report = evaluate_search(
        archive,
        [Question.build("spiral", "caption = 'blue spiral arms'")],
        Settings(resamples=20, image_queries=0),
        training=path,
        exclude_within=1.0,
    )
    assert report.dropped == 2
    assert report.questions[0].objects == 58
    assert "2 of 60 objects dropped" in str(report)


def test_positions_match_across_the_meridian(tmp_path):
    made = Archive.create(tmp_path / "a")
    made.append(pa.table({"id": ["a"], "ra": [359.99999], "dec": [0.0]}))
    pq.write_table(pa.table({"ra": [0.00001], "dec": [0.0]}), tmp_path / "t.parquet")
    assert find_contamination(made, tmp_path / "t.parquet", radius=0.1).dropped == {"a"}


def test_an_archive_can_be_the_training_set(archive):
    assert len(find_contamination(archive, str(archive), radius=0.01).dropped) == len(archive)


def test_nothing_is_skipped_where_positions_are_missing(archive, tmp_path):
    holes = pa.table({"ra": [1.0, None], "dec": [2.0, 3.0]})
    pq.write_table(holes, tmp_path / "holes.parquet")
    with pytest.raises(SourceError, match="1 of 2 rows"):
        find_contamination(archive, tmp_path / "holes.parquet", radius=1.0)
    pq.write_table(pa.table({"ra": [1.0], "dec": [200.0]}), tmp_path / "wrong.parquet")
    with pytest.raises(SourceError, match="1 of 1 rows"):
        read_positions_of(tmp_path / "wrong.parquet")
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "none.parquet")
    with pytest.raises(SourceError, match="no columns ra and dec"):
        read_positions_of(tmp_path / "none.parquet")
    pq.write_table(holes.slice(0, 0), tmp_path / "empty.parquet")
    with pytest.raises(SourceError, match="empty"):
        read_positions_of(tmp_path / "empty.parquet")
    with pytest.raises(SourceError, match="nothing at"):
        read_positions_of(tmp_path / "nowhere.csv")
    lost = Archive.create(tmp_path / "lost")
    lost.append(pa.table({"id": ["a", "b"], "ra": [1.0, None], "dec": [1.0, None]}))
    pq.write_table(holes.slice(0, 1), tmp_path / "good.parquet")
    with pytest.raises(ColumnError, match="1 of 2 objects"):
        find_contamination(lost, tmp_path / "good.parquet", radius=1.0)
    assert (
        find_contamination(
            lost, tmp_path / "good.parquet", radius=1.0, where="ra IS NOT NULL"
        ).checked
        == 1
    )


def test_a_table_of_text_will_do(archive, tmp_path):
    (tmp_path / "t.csv").write_text("id,ra,dec\na,10.5,-3\n")
    assert [v.tolist() for v in read_positions_of(tmp_path / "t.csv")] == [[10.5], [-3.0]]


def test_both_or_neither_is_given(archive):
    question = [Question.build("a", "bright")]
    with pytest.raises(QueryError, match="both"):
        evaluate_search(archive, question, exclude_within=1.0)


@given(st.floats(0.001, 59))
def test_radii_are_read_in_their_units(value):
    assert parse_radius(f"{value:.6f}arcsec") == pytest.approx(value, abs=1e-6)
    assert parse_radius(f"{value:.6f} arcmin") == pytest.approx(60 * value, abs=1e-4)
    assert parse_radius('1"') == 1


@pytest.mark.parametrize("text", ["1", "-1arcsec", "0arcsec", "2deg", "1e3arcsec", "", "arcsec"])
def test_what_is_no_radius_is_refused(text):
    with pytest.raises(QueryError):
        parse_radius(text)


def test_the_command_drops_and_says_so(archive, tmp_path):
    moved(archive, tmp_path / "t.parquet", [0.5])
    question = ["--relevance", "caption = 'blue spiral arms'", "--query", "spiral"]
    few = ["--resamples", "20", "--image-queries", "0", "--training", str(tmp_path / "t.parquet")]
    asked = ["evaluate", "search", str(archive), *question, *few]
    done = CliRunner().invoke(app, [*asked, "--exclude-within", "1arcsec"])
    assert done.exit_code == 0, done.output
    assert "1 of 60 objects dropped: within 1 arcsec of one of 1 training objects" in done.stdout
    assert "of 59 objects are right" in done.stdout
    assert CliRunner().invoke(app, [*asked, "--exclude-within", "near"]).exit_code == 5
    assert CliRunner().invoke(app, asked).exit_code == 5
