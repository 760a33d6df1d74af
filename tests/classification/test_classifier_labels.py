"""Labels are read as they are kept, and objects kept back are judged on."""

from __future__ import annotations

import pyarrow as pa
import pytest

from morphology.shapes import archive_of, shape_rows
from skylore import GalaxAlign
from skylore.classification.evaluate import evaluate_classifier
from skylore.classification.figures.drawing import draw_figures
from skylore.classification.labelled import class_names, read_labelled
from skylore.classification.report import ClassifierReport
from skylore.classification.service import fit_classifier
from skylore.classification.spoken import spoken_names
from skylore.errors import ColumnError, ModelError


def test_what_is_kept_back_takes_no_part_and_is_judged_on(shapes, quick, tmp_path) -> None:
    settings = quick.model_copy(update={"test": 0.3, "network_rate": 0.0, "steps": None})
    report = fit_classifier(shapes, "known", tmp_path / "m", settings, progress=False)
    whole = read_labelled(shapes, "known", quick)
    kept = read_labelled(shapes, "known", settings)
    assert 0 < report.kept_back == len(whole.digests) - len(kept.digests)
    assert set(kept.digests) < set(whole.digests)
    assert f"{report.kept_back} labelled objects kept back" in str(report)
    judged = evaluate_classifier(shapes, "known", tmp_path / "m", resamples=20, progress=False)
    assert judged.objects == report.kept_back
    assert judged.left_out == report.training + report.validation


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1.0, 0.0, None, float("nan")], ["1", "0", None, None]),
        ([" ring ", "", None, "bar"], ["ring", None, None, "bar"]),
        ([True, None, False, True], ["true", None, "false", "true"]),
    ],
)
def test_gaps_are_no_class_whatever_they_are_written_as(values, texts) -> None:
    assert class_names(pa.table({"kind": values}), "kind").to_pylist() == texts


def test_figures_are_no_classes() -> None:
    with pytest.raises(ColumnError, match="holds double; classes are"):
        class_names(pa.table({"kind": [0.5, 1.0]}), "kind")


def test_a_given_number_of_steps_is_told_by_its_last(shapes, model) -> None:
    report = ClassifierReport.model_validate_json((model / "training.json").read_bytes())
    last = report.history[-1]
    assert report.chosen is last
    accuracy = last.held_out["class"]["accuracy"]
    assert f"kept after step 30: accuracy {accuracy:.3f}" in str(report)


@pytest.mark.parametrize(
    ("column", "classes", "said"),
    [
        ("is_ring", ("false", "true"), ("no ring", "ring")),
        ("has_bar", ("n", "y"), ("no bar", "bar")),
        ("Merger_flag", ("0", "1"), ("no merger", "merger")),
        ("t04", ("0", "1"), ("0", "1")),
        ("ring", ("0", "1", "2"), ("0", "1", "2")),
    ],
)
def test_yes_and_no_are_said_of_what_the_column_names(column, classes, said) -> None:
    assert spoken_names(column, classes) == said


def test_images_that_cannot_be_decoded_are_counted(model, tmp_path) -> None:
    rows = dict(shape_rows(12, seed=5))
    rows["image"][3] = b"no image"
    archive = archive_of(tmp_path / "b.skylore", rows)
    how = {"seen_too": True, "progress": False}
    report = evaluate_classifier(archive, "shape", model, resamples=20, **how)
    assert (report.objects, report.unusable) == (11, 1)
    assert "1 left out: their image cannot be decoded" in str(report)
    drawn = draw_figures(archive, "shape", model, tmp_path / "f", method="pca", **how)
    assert drawn.objects == 11
    assert any("1 images cannot be decoded" in remark for remark in drawn.remarks)
    two = f"id = '{rows['id'][3]}' OR id = '{rows['id'][4]}'"
    with pytest.raises(ModelError, match="1 of 2 labelled objects have an image that can be"):
        evaluate_classifier(archive, "shape", model, where=two, **how)


def test_another_model_takes_another_prefix(shapes, model, quick, tmp_path) -> None:
    rows = shape_rows(4)
    archive = archive_of(tmp_path / "c.skylore", {"id": rows["id"], "image": rows["image"]})
    GalaxAlign.load(model).fill(archive)
    settings = {"network": quick.network, "network_rate": 0.0, "seed": 1}
    other = GalaxAlign.fit(shapes, "known", tmp_path / "m", progress=False, **settings)
    with pytest.raises(ColumnError, match="under another prefix"):
        other.fill(archive)
    assert other.fill(archive, prefix="other").done == 4
    assert {"galaxalign_class", "other_class"} <= set(archive.schema.names)
