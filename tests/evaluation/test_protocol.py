from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from search.archives import vectors_archive
from skylore import pipeline
from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import (
    ArchiveError,
    ColumnError,
    DuplicateIdError,
    FilterError,
    QueryError,
    SkyloreError,
)
from skylore.evaluation.metrics import expected_average_precision
from skylore.evaluation.population import read_population
from skylore.evaluation.protocol import Settings, evaluate_search
from skylore.evaluation.questions import Question, load_questions
from skylore.evaluation.rankers import scores_of_text

FAST = Settings(resamples=40, image_queries=8, cuts=(10, 50))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Captions say what an object is; the vectors of the bright point one way."""
    made, _ = vectors_archive(tmp_path_factory.mktemp("evaluated") / "a", rows=120)
    table = made.read(["bright", "caption"], row_ids=True)
    is_spiral = np.array([text == "blue spiral arms" for text in table["caption"].to_pylist()])
    fraction = np.where(is_spiral, 0.9, 0.1)
    fields = [("spiral_fraction", pa.float64()), ("votes", pa.int64()), ("is_lens", pa.bool_())]
    made.add_columns([pa.field(name, kind) for name, kind in fields])
    rows = {"_rowid": table["_rowid"], "spiral_fraction": fraction}
    made.write(pa.table(rows | {"votes": np.arange(120), "is_lens": np.arange(120) < 6}))
    return made


def ask(archive, relevance, texts="spiral", settings=FAST, **fields):
    return evaluate_search(archive, [Question.build(texts, relevance, **fields)], settings)


def test_captions_that_say_it_are_perfect_and_chance_is_chance(archive):
    found = ask(archive, "spiral_fraction", ("blue spiral", "spiral arms")).questions[0]
    words, chance = found.method("words, text"), found.method("random")
    assert (found.objects, found.relevant) == (120, 30)
    assert words.figures["average precision"].mean == pytest.approx(1)
    assert words.figures["nDCG@10"].mean == pytest.approx(1)
    assert words.figures["hits@10"].mean == pytest.approx(10)
    assert words.unranked == 90
    assert words.figures["nDCG@10"].spread == pytest.approx(0)
    expected = expected_average_precision(30, 120)
    assert chance.figures["average precision"].mean == pytest.approx(expected)
    blind = found.method("blind constant").figures
    for name, figure in blind.items():
        assert figure.mean == pytest.approx(chance.figures[name].mean)
        assert figure.low <= figure.mean <= figure.high
    assert "recall@1000" not in blind


def test_objects_that_words_do_not_find_tie_for_last(archive):
    question = Question.build("interacting", "spiral_fraction")
    found = evaluate_search(archive, [question], FAST).questions[0].method("words, text").figures
    # Thirty wrong objects come first; the 30 right ones are anywhere among the other 90.
    assert found["recall@50"].mean == pytest.approx(20 / 90)
    assert found["nDCG@10"].mean < 0.1


def test_image_similarity_leaves_the_query_out(tmp_path):
    made, _ = vectors_archive(tmp_path / "pairs", rows=40, repeats=2)
    made.add_columns([pa.field("pair", pa.bool_())])
    rows = made.read(["id"], row_ids=True)["_rowid"]
    made.write(pa.table({"_rowid": rows, "pair": np.arange(40) < 2}))
    found = ask(made, "pair").questions[0].method("images, image_vector")
    assert found.rankings == 2
    assert found.over == "queries"
    assert found.figures["average precision"].mean == pytest.approx(1)
    assert found.figures["hits@10"].mean == 1


def test_one_right_answer_has_no_image_similarity(archive):
    found = ask(archive, "votes = 3").questions[0]
    assert any("two right answers" in note for note in found.notes)
    assert not [m for m in found.methods if m.method.startswith("images")]


def test_scores_are_those_of_search(archive):
    population = read_population(archive, Question.build("blue", "is_lens"))
    scores = scores_of_text(archive, "blue spiral", "text", population)
    hits = archive.search("blue spiral", mode="text", k=30)
    best = sorted(zip(-scores, population.ids.to_pylist(), strict=True))[:30]
    assert [name for _, name in best] == [hit.id for hit in hits]


def test_an_expression_and_a_filter_choose_who_is_asked(archive):
    found = ask(archive, "mag < 16", where="mag IS NOT NULL").questions[0]
    mag = archive.read(["mag"], where="mag IS NOT NULL")["mag"].to_numpy()
    assert (found.objects, found.relevant) == (len(mag), (mag < 16).sum())
    further = ask(
        archive, "mag < 16", settings=FAST.model_copy(update={"where": "mag IS NOT NULL"})
    )
    assert further.questions[0].objects == len(mag)


def test_linear_and_exponential_gain_differ_on_grades_alone(archive):
    linear = FAST.model_copy(update={"gain": "linear"})
    graded = [ask(archive, "spiral_fraction", "disk", s).questions[0] for s in (FAST, linear)]
    chance = [g.method("random").figures["nDCG@10"].mean for g in graded]
    assert chance[0] != pytest.approx(chance[1])
    assert chance[1] == pytest.approx((30 * 0.9 + 90 * 0.1) / 120 / 0.9)


@pytest.mark.parametrize(
    ("relevance", "fields", "error", "says"),
    [
        ("mag < 0", {"where": "mag > 0"}, QueryError, "no object is relevant"),
        ("dec > -91", {}, QueryError, "all 120"),
        ("mag", {}, QueryError, "no value of 'mag'"),
        ("mag < 16", {}, QueryError, "no value"),
        ("votes", {}, QueryError, "linear gain"),
        ("-votes", {}, QueryError, "negative"),
        ("caption", {}, QueryError, "type string"),
        ("typo", {}, FilterError, "typo"),
        ("drop table", {}, FilterError, "drop"),
        ("has-spiral-arms_yes", {}, FilterError, "no column 'has-spiral-arms_yes'"),
        ("caption > 3 AND votes", {}, FilterError, "cannot be computed"),
        ("is_lens", {"where": "votes > 999"}, ArchiveError, "no object"),
        ("spiral_fraction", {"threshold": 0.95}, QueryError, "highest is 0.9"),
    ],
)
def test_questions_that_cannot_be_answered_say_why(archive, relevance, fields, error, says):
    with pytest.raises(error, match=says):
        ask(archive, relevance, **fields)


def test_archives_that_cannot_be_evaluated_say_why(tmp_path, archive):
    with pytest.raises(ArchiveError, match="is empty"):
        ask(Archive.create(tmp_path / "empty"), "dec > 0")
    with pytest.raises(QueryError, match="no question"):
        evaluate_search(archive, [], FAST)
    bare = Archive.create(tmp_path / "bare")
    bare.append(pa.table({"id": ["a", "b"], "ra": [1.0, 2.0], "dec": [1.0, -1.0]}))
    with pytest.raises(ColumnError, match="neither vectors"):
        ask(bare, "dec > 0")
    bare.append(pa.table({"id": ["a"], "ra": [1.0], "dec": [1.0]}))
    with pytest.raises(DuplicateIdError, match="'a'"):
        ask(bare, "dec > 0")


def test_settings_out_of_range_are_refused():
    for wrong in ({"resamples": 1}, {"confidence": 1.0}, {"cuts": (0,)}, {"gain": "cubic"}):
        with pytest.raises(QueryError):
            Settings.build(**wrong)


def test_a_report_is_text_json_and_csv(archive):
    report = ask(archive, "spiral_fraction", ("blue spiral", "arms"))
    rows = list(csv.DictReader(io.StringIO(report.dumps("csv"))))
    figures = json.loads(report.dumps("json"))["questions"][0]["methods"][0]["figures"]
    assert float(rows[0]["mean"]) == figures[rows[0]["figure"]]["mean"]
    methods = {row["method"] for row in rows}
    assert methods == {"words, text", "images, image_vector", "blind constant", "random"}
    text = str(report)
    assert "30 of 120 objects are right, 2 wordings" in text
    assert "90 objects could not be ranked" in text
    with pytest.raises(KeyError, match="no method"):
        report.questions[0].method("typo")


def test_the_command_says_what_python_says(archive, tmp_path):
    file = tmp_path / "report.json"
    asked = ["--relevance", "spiral_fraction", "--query", "spiral", "--query", "blue arms"]
    how = ["--resamples", "40", "--image-queries", "8", "-o", str(file)]
    done = CliRunner().invoke(app, ["evaluate", "search", str(archive), *asked, *how])
    assert done.exit_code == 0, done.output
    settings = Settings(resamples=40, image_queries=8)
    same = ask(archive, "spiral_fraction", ("spiral", "blue arms"), settings)
    assert json.loads(file.read_text()) == json.loads(same.dumps("json"))
    for wrong in (["--query", "a"], ["--relevance", "is_lens"], []):
        assert CliRunner().invoke(app, ["evaluate", "search", str(archive), *wrong]).exit_code == 2


def lens_set(folder, lenses=5, others=45):
    """Write a lens set as the shipped questions describe it: right vectors, shuffled."""
    rng = np.random.default_rng(1)
    count = lenses + others
    is_lens = rng.permutation(np.arange(count) < lenses)
    vectors = rng.normal(size=(count, 8)) + 6 * np.outer(is_lens, np.eye(8)[0])
    kind = pa.list_(pa.float32(), 8)
    table = {
        "id": [f"o{i}" for i in range(count)],
        "ra": rng.uniform(150, 151, count),
        "dec": rng.uniform(1, 2, count),
        "vector": pa.array(vectors.astype(np.float32).tolist(), kind),
        "is_lens": is_lens,
    }
    pq.write_table(pa.table(table), folder / "lenses.parquet")
    return folder / "lenses.parquet", pa.table(table)


def test_a_lens_set_is_a_table_that_is_ingested(tmp_path):
    path, _ = lens_set(tmp_path)
    made, _ = pipeline.ingest(tmp_path / "lenses", path, vector_column="vector")
    text = with_provenance(pa.field("caption", pa.string()), Provenance(step="caption"))
    made.add_columns([text])
    rows = made.read(["is_lens"], row_ids=True)
    said = ["arc of a lens" if lens else "galaxy" for lens in rows["is_lens"].to_pylist()]
    made.write(pa.table({"_rowid": rows["_rowid"], "caption": said}))
    found = evaluate_search(made, load_questions("aion-search-lens"), FAST).questions[0]
    assert (found.objects, found.relevant) == (50, 5)
    images = found.method("images, image_vector").figures["average precision"]
    assert images.mean > 0.9
    assert found.method("words, text").figures["hits@10"].mean > 2


def test_the_published_questions_are_asked_of_votes(tmp_path):
    made, _ = vectors_archive(tmp_path / "votes", rows=60)
    table = made.read(["caption"], row_ids=True)
    says = np.array(table["caption"].to_pylist())
    spiral = np.where(says == "blue spiral arms", np.where(np.arange(60) < 30, 0.95, 0.6), 0.1)
    merger = np.where(says == "interacting pair", 0.8, 0.0)
    values = {
        "has-spiral-arms_yes_fraction": spiral,
        "merging_merger_fraction": merger,
        "smooth-or-featured_total-votes": np.arange(60.0) % 10,
    }
    made.add_columns([pa.field(name, pa.float64()) for name in values])
    made.write(pa.table({"_rowid": table["_rowid"], **values}))
    report = evaluate_search(made, load_questions("aion-search"), FAST)
    found = report.question("spiral")
    voted = values["smooth-or-featured_total-votes"] >= 3
    assert found.objects == voted.sum()
    assert found.relevant == (voted & (spiral >= 0.5)).sum()
    assert found.method("words, text").rankings == 5
    # Similarity begins from what nearly all volunteers agreed on.
    sure = (voted & (spiral >= 0.9)).sum()
    assert found.method("images, image_vector").rankings == min(sure, FAST.image_queries)
    assert any("no right answer of grade 0.9" in note for note in report.question("merger").notes)


def test_every_error_is_ours(archive):
    with pytest.raises(SkyloreError):
        evaluate_search(archive, [Question.build("a", "is_lens")], FAST, training="x")
