"""What experiments refuse, and what they set aside."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from scaling.experiment_archives import caption_archive, picture_archive, tiny
from skylore.alignment.settings import TrainingSettings
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import ArchiveError, ColumnError, FilterError, ModelError
from skylore.scaling.experiments.making import make_experiment
from skylore.scaling.experiments.settings import AlignmentExperiment, Grid
from skylore.scaling.service import run_experiment

QUIET = FillOptions(progress=False)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return picture_archive(tmp_path_factory.mktemp("pictures") / "p.skylore")


def test_failed_run_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    archive = caption_archive(tmp_path / "c.skylore")
    experiment = AlignmentExperiment(
        recipe=TrainingSettings(steps=10, evaluations=2), validation=0.1, test=0.2
    )
    grid = Grid(sizes=(4, 30), widths=(8,), seeds=1)
    report = run_experiment(archive, tmp_path / "a.skylore", experiment, grid, QUIET)
    assert (report.done, report.failed) == (1, 1)
    (failure,) = Archive.open(tmp_path / "a.skylore").quarantine.read("train").to_pylist()
    assert failure["id"] == "alignment/d4/w8/s0"
    assert "too few" in failure["reason"]


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"task": "density"}, ModelError, "does not have"),
        ({"task": "weather"}, ModelError, "no task 'weather'"),
        ({"task": "votes"}, ModelError, "needs labels"),
        ({"task": "alignment", "label": "kind"}, ModelError, "takes no label"),
        ({"task": "classification", "label": "kind", "pixels": 4}, ModelError, "pixels = 4"),
        ({"task": "classification", "label": "kind", "test": 0.9}, ModelError, "test = 0.9"),
    ],
)
def test_experiments_that_make_no_sense(
    given: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        make_experiment(**given)


@pytest.mark.parametrize(
    ("changes", "sizes", "refused"),
    [
        ({"where": "drop table objects"}, (20,), (FilterError, "cannot read the filter")),
        ({"where": "nothing = 1"}, (20,), (FilterError, "no column 'nothing'")),
        ({"where": "kind = 'long' and kind = 'round'"}, (20,), (ModelError, "no images")),
        ({"label": "nothing"}, (20,), (ColumnError, "no column 'nothing'")),
        ({"group_by": "nothing"}, (20,), (ColumnError, "no column 'nothing'")),
        ({}, (20, 5000), (ModelError, "take smaller sizes")),
        ({}, (20, 20), (ModelError, "different")),
        ({}, (), (ModelError, "positive")),
    ],
)
def test_nothing_is_made_where_nothing_can_be_run(
    pictures: Archive,
    tmp_path: Path,
    changes: dict[str, object],
    sizes: tuple[int, ...],
    refused: tuple[type[Exception], str],
) -> None:
    error, says = refused
    experiment = tiny().model_copy(update=changes)
    with pytest.raises(error, match=says):
        run_experiment(pictures, tmp_path / "r", experiment, Grid(sizes=sizes, widths=(4,)), QUIET)
    assert not (tmp_path / "r").exists()


def test_runs_of_another_experiment_are_never_mixed(pictures: Archive, tmp_path: Path) -> None:
    grid = Grid(sizes=(20,), widths=(4,), seeds=1)
    run_experiment(pictures, tmp_path / "r", tiny(), grid, QUIET)
    with pytest.raises(ArchiveError, match=r"another experiment \(other recipe\)"):
        run_experiment(pictures, tmp_path / "r", tiny(batch_size=8), grid, QUIET)
    with pytest.raises(ArchiveError, match="holds no training runs"):
        run_experiment(pictures, caption_archive(tmp_path / "c").location.root, tiny(), grid, QUIET)
    with pytest.raises(ArchiveError, match="another archive"):
        run_experiment(pictures, pictures.location.root, tiny(), grid, QUIET)


def test_runs_on_other_labels_are_never_mixed(tmp_path: Path) -> None:
    archive = picture_archive(tmp_path / "p.skylore", seed=5)
    grid = Grid(sizes=(20,), widths=(4,), seeds=1)
    run_experiment(archive, tmp_path / "r", tiny(), grid, QUIET)
    first = archive.read(["id"], where="kind IS NULL", limit=1, row_ids=True)
    archive.write(pa.table({"_rowid": first["_rowid"], "kind": ["long"]}))
    more = Grid(sizes=(20, 30), widths=(4,), seeds=1)
    with pytest.raises(ColumnError, match="--overwrite"):
        run_experiment(archive, tmp_path / "r", tiny(), more, QUIET)
    again = FillOptions(progress=False, overwrite=True)
    assert run_experiment(archive, tmp_path / "r", tiny(), more, again).done == 2
