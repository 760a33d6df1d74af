"""Precision, accumulated gradients, stages and cutouts of a training run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from morphology.shapes import archive_of, shape_rows
from skylore.classification.evaluate import evaluate_classifier
from skylore.classification.examples import open_examples
from skylore.classification.guidance import Guidance
from skylore.classification.labelled import read_labelled
from skylore.classification.networks import load_trainable
from skylore.classification.run import ClassifierRun
from skylore.classification.schedule import Schedule
from skylore.classification.service import fit_classifier
from skylore.classification.warming import steps_of


def run_of(shapes, settings, folder) -> ClassifierRun:
    network = load_trainable(settings.network)
    labelled = read_labelled(shapes, "known", settings)
    kept = 2 * round(network.view.canvas * 9 / 16)
    examples = open_examples(shapes, labelled, settings, kept, folder, progress=False)
    return ClassifierRun(settings, examples, network, Guidance(torch.eye(2, 8), None), folder / "c")


def test_accumulated_gradients_are_those_of_all_their_batches(shapes, quick, tmp_path) -> None:
    update = {"objective": "cross-entropy", "accumulate": 3, "gradient_clip": 1e9}
    running = run_of(shapes, quick.model_copy(update=update), tmp_path)
    running.model.train()
    torch.manual_seed(5)
    losses = [running._loss() for _ in range(3)]
    wanted = torch.autograd.grad(
        sum(losses) / 3, [running.model.linear.weight, *running.model.network.parameters()]
    )
    torch.manual_seed(5)
    assert running._step() == pytest.approx(float(sum(losses).detach()) / 3, rel=1e-5)
    got = [running.model.linear.weight, *running.model.network.parameters()]
    for parameter, gradient in zip(got, wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_bfloat16_learns_and_computes_in_it(shapes, quick, tmp_path) -> None:
    settings = quick.model_copy(update={"precision": "bfloat16"})
    running = run_of(shapes, settings, tmp_path / "w")
    seen: list[torch.dtype] = []
    running.model.head.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
    loss = running._loss()
    assert seen == [torch.bfloat16]
    assert loss.dtype == torch.float32
    assert {p.dtype for p in running.model.parameters()} == {torch.float32}
    fit_classifier(shapes, "known", tmp_path / "m", settings, progress=False)
    report = evaluate_classifier(shapes, "shape", tmp_path / "m", progress=False)
    assert max(way.accuracy.mean for way in report.ways) > 0.8


def test_heads_take_fewer_steps_where_images_are_few(quick) -> None:
    settings = quick.model_copy(update={"head_steps": 90, "head_epochs": 10})
    assert [steps_of(settings, images) for images in (8, 16, 40, 10_000)] == [10, 10, 30, 90]


def test_stages_part_symbols_when_they_say(quick) -> None:
    def planned(**update: object) -> Schedule:
        return Schedule.of(quick.model_copy(update=update), 160)

    assert [planned(stages=s).first for s in ("both", "first", "second")] == [10, None, 0]
    epochs = {"steps": None, "first_epochs": 2, "most_epochs": 5}
    assert planned(**epochs) == Schedule(20, 50, 10)
    assert planned(**epochs, stages="first") == Schedule(None, 50, 10)
    assert planned(**epochs, most_steps=25) == Schedule(10, 25, 6)
    assert planned(**epochs, network_rate=0) == Schedule(None, 0, 1)


@pytest.mark.parametrize("stages", ["first", "second"])
def test_one_stage_alone_learns_too(shapes, quick, tmp_path, stages) -> None:
    update = {"stages": stages, "steps": None, "first_epochs": 1, "most_epochs": 4, "patience": 1}
    settings = quick.model_copy(update=update)
    fit_classifier(shapes, "known", tmp_path / "m", settings, progress=False)
    report = evaluate_classifier(shapes, "shape", tmp_path / "m", progress=False)
    assert max(way.accuracy.mean for way in report.ways) > 0.8
    history = json.loads((tmp_path / "m" / "training.json").read_text())["history"]
    assert len(history) >= 2


@pytest.mark.parametrize(("scale", "apart"), [(2.0, True), (None, False), (0.1, False)])
def test_the_width_of_a_cutout_is_what_is_not_split(quick, tmp_path, scale, apart) -> None:
    """Pairs lie 62″ apart: within 32 pixels of 2″, and not within 60″."""
    rows = dict(shape_rows(64))
    rows["ra"] = np.repeat(np.linspace(0, 300, 32), 2) + np.tile([0.0, 62 / 3600], 32)
    rows["dec"] = np.zeros(64)
    rows["image_width"] = np.full(64, 32, np.int32)
    if scale is not None:
        rows["pxscale"] = np.full(64, scale)
    archive = archive_of(tmp_path / "c.skylore", rows)
    labelled = read_labelled(archive, "shape", quick)
    examples = open_examples(archive, labelled, quick, 36, tmp_path, progress=False)
    aside = {row // 2 for row in examples.validation.tolist()}
    straddling = aside & {row // 2 for row in examples.training.tolist()}
    assert bool(straddling) != apart


def test_what_overlaps_training_is_not_judged_on(shapes, model, tmp_path) -> None:
    """Repeats of the training galaxies, under other ids and 3″ away, and four of another place."""
    known = shapes.read(["id", "image", "shape", "ra", "dec"], where="known IS NOT NULL")
    rows = {name: known[name].to_pylist() for name in known.column_names}
    rows["known"] = rows["shape"]
    again = {
        **{name: list(values) for name, values in rows.items()},
        "id": [f"again-{i}" for i in range(96)],
        "dec": [3 / 3600] * 96,
        "known": [None] * 96,
    }
    again["dec"][:4] = [40.0] * 4
    archive = archive_of(
        tmp_path / "d.skylore", {name: [*rows[name], *again[name]] for name in rows}
    )
    report = evaluate_classifier(archive, "shape", model, progress=False, resamples=20)
    assert (report.objects, report.left_out, report.overlapping) == (4, 96, 92)
    assert "92 left out: their images overlap one of training's" in str(report)
    one = evaluate_classifier(
        archive, "shape", model, where="dec > 0", separation=None, progress=False, resamples=20
    )
    assert (one.objects, one.overlapping) == (96, 0)
    split = evaluate_classifier(
        archive, "shape", model, where="dec > 0", progress=False, resamples=20
    )
    assert (split.objects, split.overlapping) == (4, 92)
