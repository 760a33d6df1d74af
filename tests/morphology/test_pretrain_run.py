from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from morphology.shapes import QUICK, SMALL, STILL, archive_of, kill_settings, png, shape_rows
from skylore.archive.table import Archive
from skylore.errors import FilterError, ModelError
from skylore.morphology.checkpoint import read_checkpoint, write_checkpoint
from skylore.morphology.dataset import open_training_set
from skylore.morphology.labels import ClassLabels
from skylore.morphology.run import PretrainRun
from skylore.morphology.service import pretrain_encoder
from skylore.morphology.settings import PretrainSettings

TESTS = Path(__file__).parents[1]
KILLED_STEPS = 60


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return archive_of(tmp_path_factory.mktemp("shapes") / "a.skylore", shape_rows(96))


def changed(**update: object) -> PretrainSettings:
    return QUICK.model_copy(update=update)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def trained(archive: Archive, folder: Path, settings: PretrainSettings = QUICK, **how) -> bytes:
    pretrain_encoder(archive, folder, settings, progress=False, **how)
    return weights(folder)


def run_of(
    archive: Archive, folder: Path, settings: PretrainSettings = QUICK, **how: str
) -> PretrainRun:
    data = open_training_set(archive, settings, folder, progress=False, **how)
    return PretrainRun(settings, data, folder / "checkpoint.safetensors")


def ignore(step: int, loss: float) -> None:
    """Show no progress."""


class PowerCutError(Exception):
    """Ends a run at a known step."""


def stop_at(step: int):
    def stop(done: int, loss: float) -> None:
        if done == step:
            raise PowerCutError

    return stop


def test_bars_and_discs_are_told_apart(tmp_path):
    archive = archive_of(tmp_path / "a.skylore", shape_rows(320))
    network = SMALL.model_copy(update={"width": 8, "depths": (1, 1), "drop_path": 0.0})
    settings = changed(
        network=network, steps=60, batch_size=32, learning_rate=1e-2, validation=0.3, averaging=0.9
    )
    report = pretrain_encoder(archive, tmp_path / "m", settings, progress=False)
    merit = report.history[-1].held_out["shape"]
    assert report.held_out_objects > 60
    assert merit["accuracy"] > 0.9
    assert merit["cross-entropy"] < 0.5
    assert report.history[-1].loss < report.history[0].loss
    card = (tmp_path / "m" / "README.md").read_text()
    assert f"| `shape` | accuracy | {merit['accuracy']:.4f} |" in card
    assert f"| `shape` | classes | {report.objects} |" in card
    assert json.loads((tmp_path / "m" / "training.json").read_text()) == report.model_dump(
        mode="json"
    )
    assert f"{report.objects} images, 60 steps; on {report.held_out_objects} held out" in str(
        report
    )


def test_killed_run_ends_as_if_it_had_not_been(archive, tmp_path):
    whole = trained(archive, tmp_path / "whole", kill_settings(KILLED_STEPS))
    folder = tmp_path / "killed"
    kill_after_a_checkpoint(archive, folder)
    reached = step_of(folder)
    assert 0 < reached < KILLED_STEPS
    report = pretrain_encoder(archive, folder, kill_settings(KILLED_STEPS), progress=False)
    assert weights(folder) == whole
    straight = json.loads((tmp_path / "whole" / "training.json").read_text())
    assert report.model_dump(mode="json") == straight
    assert not (folder / "unfinished").exists()


def kill_after_a_checkpoint(archive: Archive, folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "morphology.pretrainer", str(archive), folder, str(KILLED_STEPS)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    checkpoint = folder / "unfinished" / "checkpoint.safetensors"
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert not (folder / "config.json").exists()


def step_of(folder: Path) -> int:
    kept = read_checkpoint(folder / "unfinished" / "checkpoint.safetensors")
    assert kept is not None
    return kept[1]["step"]


@pytest.mark.parametrize("moment", [1, 4, 6, 11])
def test_chance_depends_on_seed_and_step_alone(archive, tmp_path, moment):
    settings = kill_settings(12)
    torch.manual_seed(1)
    straight = run_of(archive, tmp_path / "straight", settings)
    straight.go(ignore)
    for stop in (moment, 12):
        torch.manual_seed(stop)
        run = run_of(archive, tmp_path / "stopped", settings)
        try:
            run.go(stop_at(stop) if stop == moment else lambda step, loss: torch.rand(step))
        except PowerCutError:
            assert run.step == moment
    assert run.step == straight.step == 12
    assert run.history == straight.history
    for name, tensor in straight.averaged.state_dict().items():
        assert torch.equal(run.averaged.state_dict()[name], tensor), name


def test_training_leaves_the_callers_chance_alone(archive, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run_of(archive, tmp_path).go(ignore)
    assert torch.equal(torch.rand(3), expected)


def test_seeds_differ(archive, tmp_path):
    models = [trained(archive, tmp_path / str(seed), changed(seed=seed)) for seed in (0, 1)]
    assert models[0] != models[1]


def test_the_order_of_the_archive_does_not_matter(archive, tmp_path):
    rows = shape_rows(96)
    backwards = archive_of(tmp_path / "b.skylore", {n: v[::-1] for n, v in rows.items()})
    assert trained(backwards, tmp_path / "1") == trained(archive, tmp_path / "2")


def test_the_average_is_of_the_weights_along_the_way(archive, tmp_path):
    run = run_of(archive, tmp_path, changed(steps=3))
    kept = {n: t.clone() for n, t in run.averaged.state_dict().items()}

    def follow(step: int, loss: float) -> None:
        decay = min(0.998, step / (9 + step))
        for name, tensor in run.model.state_dict().items():
            if tensor.is_floating_point():
                kept[name] = decay * kept[name] + (1 - decay) * tensor

    run.go(follow)
    for name, tensor in run.averaged.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, kept[name], msg=name)


def test_learning_rate_rises_and_falls_as_a_cosine(archive, tmp_path):
    run = run_of(archive, tmp_path, changed(steps=20, warmup=0.25, learning_rate=0.01))
    rates = []
    run.go(lambda step, loss: rates.append(run.optimiser.param_groups[0]["lr"]))
    assert rates[:5] == sorted(rates[:5])
    assert max(rates) == pytest.approx(0.01) == rates[5]
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] < 0.0005


def test_features_have_neither_augmentation_nor_dropout_nor_neighbours(archive, tmp_path):
    run = run_of(archive, tmp_path, kill_settings(6))
    run.go(ignore)
    run.averaged.train()
    rows = run.data.training
    first = run.features(rows)
    assert torch.equal(run.features(rows), first)
    for i in (0, 7):
        torch.testing.assert_close(run.features(rows[i : i + 1])[0], first[i], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"steps": 13}, {"augmentation": STILL}, {"learning_rate": 1e-3}]
)
def test_a_run_does_not_go_on_with_other_settings(archive, tmp_path, other):
    with pytest.raises(PowerCutError):
        run_of(archive, tmp_path).go(stop_at(6))
    with pytest.raises(ModelError, match="other settings"):
        run_of(archive, tmp_path, changed(**other)).go(ignore)
    run_of(archive, tmp_path).go(ignore)


@pytest.mark.parametrize("how", [{"where": "id > 's0010'"}, {"group": "galaxy"}])
def test_a_run_does_not_go_on_with_other_objects(archive, tmp_path, how):
    with pytest.raises(PowerCutError):
        run_of(archive, tmp_path).go(stop_at(6))
    with pytest.raises(ModelError, match="other objects or labels"):
        run_of(archive, tmp_path, **how).go(ignore)


def test_checkpoints_without_a_digest_of_the_data_are_still_read(archive, tmp_path):
    with pytest.raises(PowerCutError):
        run_of(archive, tmp_path).go(stop_at(6))
    file = tmp_path / "checkpoint.safetensors"
    tensors, note = read_checkpoint(file) or ({}, {})
    del note["data"]
    write_checkpoint(file, tensors, note)
    steps: list[int] = []
    run_of(archive, tmp_path).go(lambda step, loss: steps.append(step))
    assert steps[0] == 5


@pytest.mark.parametrize("harm", ["empty", "cut", "noise", "no note", "other note", "no tensors"])
def test_damaged_checkpoints_say_what_to_do(archive, tmp_path, harm):
    with pytest.raises(PowerCutError):
        run_of(archive, tmp_path).go(stop_at(6))
    file = tmp_path / "checkpoint.safetensors"
    content = file.read_bytes()
    tensors, note = read_checkpoint(file) or ({}, {})
    if harm == "no tensors":
        write_checkpoint(file, {n: t for n, t in tensors.items() if "averaged" not in n}, note)
    elif harm == "other note":
        write_checkpoint(file, tensors, {"epoch": 3})
    elif harm == "no note":
        file.write_bytes(content.replace(b'"note"', b'"nope"'))
    else:
        torn = {"empty": b"", "cut": content[: len(content) // 2], "noise": b"\x00" * 4096}
        file.write_bytes(torn[harm])
    with pytest.raises(ModelError, match="delete it to"):
        run_of(archive, tmp_path).go(ignore)


def test_a_finished_folder_is_left_alone(archive, tmp_path):
    before = trained(archive, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "training.json",
    ]
    with pytest.raises(ModelError, match="finished model already"):
        trained(archive, tmp_path, changed(seed=3))
    assert weights(tmp_path) == before


def test_images_that_cannot_be_read_are_left_out_and_counted(tmp_path):
    rows = shape_rows(64)
    for bad in (1, 8, 20):
        rows["image"][bad] = b"\x89PNG cut short"
    archive = archive_of(tmp_path / "a.skylore", rows)
    report = pretrain_encoder(archive, tmp_path / "m", QUICK, progress=False)
    assert report.unusable_images == 3
    assert report.objects + report.held_out_objects == 61
    assert "3 images\ncould not be decoded" in (tmp_path / "m" / "README.md").read_text()


def test_objects_without_labels_are_not_trained_on_unless_images_teach(tmp_path):
    rows = shape_rows(64)
    rows["shape"] = [kind if i < 20 else None for i, kind in enumerate(rows["shape"])]
    archive = archive_of(tmp_path / "a.skylore", rows)
    labelled = run_of(archive, tmp_path / "1").sampling.rows
    assert 10 < len(labelled) <= 20
    assert int(labelled.max()) < 20
    both = run_of(archive, tmp_path / "2", changed(self_supervision=1.0))
    assert len(both.sampling.rows) == len(both.data.training) > 40


def test_images_alone_can_teach(archive, tmp_path):
    report = pretrain_encoder(
        archive, tmp_path, changed(labels=(), self_supervision=1.0), progress=False
    )
    assert report.history[-1].held_out == {}
    assert report.labelled == {}
    assert str(report).endswith("12 steps")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (changed(labels=()), "nothing to learn from"),
        (changed(learning_rate=1e30, precision="float32"), "lower the learning rate"),
    ],
)
def test_runs_that_cannot_work_are_refused(archive, tmp_path, settings, match):
    with pytest.raises(ModelError, match=match):
        trained(archive, tmp_path, settings)
    assert not (tmp_path / "config.json").exists()


def test_labels_that_only_held_out_objects_have_teach_nothing(tmp_path):
    aside = open_training_set(
        archive_of(tmp_path / "a.skylore", shape_rows(64)), QUICK, tmp_path / "w", progress=False
    ).held_out.tolist()
    rows = shape_rows(64)
    rows["shape"] = [("bar", "disc")[i % 2] if i in aside else None for i in range(64)]
    rows["shape"][aside[0]], rows["shape"][aside[1]] = "bar", "disc"
    archive = archive_of(tmp_path / "b.skylore", rows)
    with pytest.raises(ModelError, match="0 objects have a label"):
        run_of(archive, tmp_path / "b")


def test_encoders_that_see_no_difference_are_refused(tmp_path):
    rows = shape_rows(40)
    rows["image"] = [rows["image"][0]] * 40
    archive = archive_of(tmp_path / "a.skylore", rows)
    with pytest.raises(ModelError, match="collapsed"):
        trained(archive, tmp_path / "m")


def test_only_the_objects_asked_for_are_seen(archive, tmp_path):
    how = {"where": "id >= 's0040' and SHAPE in ('bar', 'disc')"}
    report = pretrain_encoder(archive, tmp_path, QUICK, progress=False, **how)
    assert report.objects + report.held_out_objects == 56
    rows = {name: values[40:] for name, values in shape_rows(96).items()}
    alone = archive_of(tmp_path / "alone.skylore", rows)
    assert trained(alone, tmp_path / "alone") == weights(tmp_path)


@pytest.mark.parametrize(
    "where",
    ["", "nowhere > 1", "id = 's1') OR (1 = 1", "random() > 0.5", "1 = 1; DELETE FROM objects"],
)
def test_predicates_are_checked_before_the_engine_sees_them(archive, tmp_path, where):
    with pytest.raises(FilterError):
        trained(archive, tmp_path, where=where)
    assert list(tmp_path.iterdir()) == []


def test_class_columns_may_have_any_name(tmp_path):
    rows = shape_rows(48)
    names = ("type", "keys", "bar or disc", "50%")
    archive = archive_of(tmp_path / "a.skylore", {**rows, **dict.fromkeys(names, rows["shape"])})
    settings = changed(labels=tuple(ClassLabels(column=name) for name in names), steps=2)
    report = pretrain_encoder(archive, tmp_path / "m", settings, progress=False)
    assert set(report.labelled) == set(report.history[-1].held_out) == set(names)
    tensors = load_file(tmp_path / "m" / "model.safetensors")
    assert sum(name.startswith("heads.") for name in tensors) == 2 * len(names)


def test_small_images_are_enlarged_and_wide_ones_cut(tmp_path):
    rows = shape_rows(40)
    wide = [png(torch.randint(0, 255, (20, 90, 3), dtype=torch.uint8).numpy()) for _ in range(20)]
    rows["image"] = wide + list(rows["image"][20:])
    archive = archive_of(tmp_path / "a.skylore", rows)
    report = pretrain_encoder(archive, tmp_path / "m", QUICK, progress=False)
    assert report.unusable_images == 0


def test_the_unfinished_work_of_a_run_that_was_cut_off_at_its_end_is_used(archive, tmp_path):
    whole = trained(archive, tmp_path / "whole")
    run_of(archive, tmp_path / "m" / "unfinished").go(ignore)
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "m", kept)
    steps = read_checkpoint(kept / "unfinished" / "checkpoint.safetensors")
    assert steps is not None
    assert steps[1]["step"] == QUICK.steps
    assert trained(archive, kept) == whole
