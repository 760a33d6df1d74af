"""Labels are read as they are kept, and objects kept back are judged on."""

from __future__ import annotations

import pyarrow as pa
import pytest

from skylore.classification.evaluate import evaluate_classifier
from skylore.classification.labelled import class_names, read_labelled
from skylore.classification.report import ClassifierReport
from skylore.classification.service import fit_classifier
from skylore.classification.spoken import spoken_names
from skylore.errors import ColumnError


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
