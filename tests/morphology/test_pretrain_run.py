from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from morphology.shapes import QUICK, SMALL, archive_of, kill_settings, png, shape_rows
from morphology.training_runs import (
    changed,
    ignore,
    run_of,
    trained,
    weights,
)
from skylore.errors import FilterError, ModelError
from skylore.morphology.dataset import open_training_set
from skylore.morphology.labels import ClassLabels
from skylore.morphology.service import pretrain_encoder


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
