from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from scaling.experiment_archives import (
    SHOTS,
    caption_archive,
    picture_archive,
    tiny,
    tree_file,
)
from skylore.alignment.settings import TrainingSettings
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import ModelError
from skylore.morphology.run import PretrainRun
from skylore.scaling.experiments.alignment_task import open_alignment_task
from skylore.scaling.experiments.encoder_figures import figures_of
from skylore.scaling.experiments.encoder_task import EncoderTask, open_encoder_task
from skylore.scaling.experiments.settings import AlignmentExperiment, Grid, Schedule
from skylore.scaling.experiments.stopping import BestWeights
from skylore.scaling.experiments.subsets import nested_order, split_by_hash
from skylore.scaling.service import run_experiment

QUIET = FillOptions(progress=False)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return picture_archive(tmp_path_factory.mktemp("pictures") / "p.skylore")


@pytest.fixture(scope="module")
def task(pictures: Archive, tmp_path_factory: pytest.TempPathFactory) -> EncoderTask:
    return open_encoder_task(pictures, tiny(), tmp_path_factory.mktemp("work"), progress=False)


def objects(task: EncoderTask, rows: np.ndarray | torch.Tensor) -> set[str]:
    return {task.names[row] for row in rows}


def test_subsets_of_an_order_are_nested_and_orders_differ(task: EncoderTask) -> None:
    small, large = task.subset(20, 0), task.subset(40, 0)
    assert set(small.tolist()) < set(large.tolist())
    assert (len(small), len(large)) == (20, 40)
    assert set(task.subset(20, 1).tolist()) != set(small.tolist())


def test_no_object_is_on_two_sides(task: EncoderTask) -> None:
    split = task.split
    sides = [objects(task, rows) for rows in (split.pool, split.validation, split.test)]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert objects(task, task.subset(task.largest, 3)) == sides[0]
    everyone = sum(map(len, (split.pool, split.validation, split.test)))
    assert everyone == len(task.names) == 240 - 6


def test_test_objects_do_not_depend_on_who_else_is_there() -> None:
    names = [f"g{i}" for i in range(400)]
    shares = {"validation": 0.1, "test": 0.2, "most": 10_000}
    whole = split_by_hash(names, **shares)
    half = split_by_hash(names[:200], **shares)
    assert {names[i] for i in half.test} == {names[i] for i in whole.test if i < 200}
    assert 50 < len(whole.test) < 110


def test_objects_to_test_on_are_bounded() -> None:
    split = split_by_hash([f"g{i}" for i in range(3000)], validation=0.1, test=0.3, most=100)
    assert 60 < len(split.test) < 150
    assert len(split.pool) + len(split.validation) + len(split.test) == 3000


def test_too_few_to_test_on() -> None:
    with pytest.raises(ModelError, match="label more"):
        split_by_hash(["a", "b", "c"], validation=0.1, test=0.3, most=100)


def test_order_keeps_groups_together() -> None:
    names = [f"g{i % 10}" for i in range(40)]
    ordered = [names[i] for i in nested_order(names, 7)]
    assert sum(a != b for a, b in pairwise(ordered)) == 9


def test_runs_are_recorded_and_can_be_added_to(pictures: Archive, tmp_path: Path) -> None:
    path, experiment = tmp_path / "runs.skylore", tiny()
    first = run_experiment(
        pictures, path, experiment, Grid(sizes=(24,), widths=(4,), seeds=2), QUIET
    )
    more = Grid(sizes=(24, 60), widths=(4, 6), seeds=2)
    second = run_experiment(pictures, path, experiment, more, QUIET)
    assert (first.done, second.done, second.already, second.failed) == (2, 6, 2, 0)
    runs = Archive.open(path)
    rows = runs.read().to_pylist()
    assert len({row["id"] for row in rows}) == len(rows) == 8
    assert all(row["loss"] > 0 and 0 <= row["accuracy"] <= 1 for row in rows)
    by_width = {row["width"]: row["parameters"] for row in rows}
    assert by_width[6] > by_width[4] > 0
    assert {row["steps"] for row in rows} == {12}
    assert {row["chosen_step"] for row in rows} <= {4, 8, 12}
    assert {row["loss_floor"] for row in rows} == {None}
    assert len({row["loss"] for row in rows}) == 8
    made = runs.columns["loss"].provenance
    assert made is not None
    assert made.parameters["label"] == "kind"
    assert not (tmp_path / "runs.skylore.work").exists()


def test_more_steps_beat_chance(pictures: Archive, tmp_path: Path) -> None:
    experiment = tiny().model_copy(update={"schedule": Schedule(steps=120)})
    opened = open_encoder_task(pictures, experiment, tmp_path, progress=False)
    found = opened.run(opened.largest, 6, seed=0, subset=0)
    test = opened.data.targets["kind"][torch.from_numpy(opened.split.test)][:, 0]
    share = float(test.mean())
    blind = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert found.loss < 0.8 * blind
    assert found.metrics["accuracy"] > max(share, 1 - share)
    assert not list(tmp_path.glob("*.safetensors"))


def test_oversampled_classes_are_brought_back(task: EncoderTask, tmp_path: Path) -> None:
    """A head that knows only how often classes were drawn is one that knows how many there are."""
    run = PretrainRun(task.experiment.recipe_for(60, 4, 0), task.data, tmp_path / "c.safetensors")
    ((name, head),) = run.averaged.objectives.items()
    targets = run.data.targets[name][run.data.training]
    drawn = torch.bincount(targets[:, 0].long(), weights=head.rarity(targets)).float()
    with torch.no_grad():
        head.head[1].weight.zero_()
        head.head[1].bias.copy_(drawn.log())
    test = task.data.held_out
    shares = torch.bincount(targets[:, 0].long()) / len(targets)
    expected = -shares.log()[task.data.targets[name][test][:, 0].long()].mean()
    assert figures_of(run, test)["loss"] == pytest.approx(float(expected), abs=1e-5)
    assert drawn.min() / drawn.sum() > shares.min() + 0.02


def test_run_that_was_stopped_ends_as_if_it_had_not_been(
    pictures: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_encoder_task(pictures, tiny(checkpoint_steps=5), tmp_path, progress=False)
    whole = opened.run(30, 4, seed=1, subset=1)
    offer = BestWeights.offer

    def stop(best: BestWeights, step: int, *given: object) -> None:
        offer(best, step, *given)
        if step == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(BestWeights, "offer", stop)
    with pytest.raises(KeyboardInterrupt):
        opened.run(30, 4, seed=1, subset=1)
    monkeypatch.undo()
    steps: list[int] = []
    monkeypatch.setattr(
        BestWeights,
        "offer",
        lambda best, step, *given: (steps.append(step), offer(best, step, *given)),
    )
    assert opened.run(30, 4, seed=1, subset=1) == whole
    assert steps == [8, 12]


def test_best_weights_outlive_the_process(tmp_path: Path) -> None:
    file = tmp_path / "best.safetensors"
    best = BestWeights(file)
    for step, loss in ((1, 0.9), (2, 0.5), (3, float("nan"))):
        best.offer(step, loss, {"w": torch.full((2,), float(step))})
    again = BestWeights(file)
    again.offer(4, 0.6, {"w": torch.zeros(2)})
    assert again.step == 2
    assert again.weights["w"].tolist() == [2, 2]
    with pytest.raises(ModelError, match="never finite"):
        _ = BestWeights(tmp_path / "none.safetensors").weights


def test_schedule() -> None:
    rule = Schedule(epochs=10, fewest_steps=50)
    assert [rule.steps_for(size, 32) for size in (32, 160, 1600)] == [50, 50, 500]
    assert Schedule(steps=7).steps_for(10**6, 32) == 7


def test_votes(pictures: Archive, tmp_path: Path) -> None:
    experiment = tiny("votes", tree_file(tmp_path))
    grid = Grid(sizes=(40,), widths=(4,), seeds=1)
    assert run_experiment(pictures, tmp_path / "v.skylore", experiment, grid, QUIET).done == 1
    (row,) = Archive.open(tmp_path / "v.skylore").read().to_pylist()
    assert 0 < row["loss_floor"] < row["loss"]
    assert 0 < row["fraction_error"] < 1
    assert row["accuracy"] is None


def test_alignment(tmp_path: Path) -> None:
    archive = caption_archive(tmp_path / "c.skylore")
    recipe = TrainingSettings(steps=60, evaluations=4)
    experiment = AlignmentExperiment(recipe=recipe, validation=0.1, test=0.2)
    opened = open_alignment_task(archive, experiment)
    grid = Grid(sizes=(20, opened.largest), widths=(16,), seeds=2)
    run_experiment(archive, tmp_path / "a.skylore", experiment, grid, QUIET)
    rows = Archive.open(tmp_path / "a.skylore").read().to_pylist()
    assert len(rows) == 4
    assert all(0 < row["loss_floor"] < row["loss"] < np.log(40) for row in rows)
    assert all(0 < row["average_precision"] <= 1 for row in rows)
    assert all(0 < row["ndcg_at_10"] <= 1 for row in rows)
    small, large = ([r["loss"] for r in rows if r["data"] == size] for size in grid.sizes)
    assert np.mean(large) < np.mean(small)


def test_where_chooses_objects(pictures: Archive, tmp_path: Path) -> None:
    experiment = tiny().model_copy(update={"where": "`shape_long` + `shape_round` >= 20"})
    fewer = open_encoder_task(pictures, experiment, tmp_path, progress=False)
    expected = pictures.count("kind IS NOT NULL AND shape_long + shape_round >= 20")
    assert len(fewer.names) == expected < 240 - 6 - SHOTS
