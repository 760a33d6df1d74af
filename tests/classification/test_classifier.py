"""Classifiers learn, are kept, fill columns and are measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from encoders.hub_models import save_clip, save_dino
from morphology.shapes import archive_of, shape_rows
from skylore import GalaxAlign
from skylore.archive.table import Archive
from skylore.classification import run
from skylore.classification.evaluate import evaluate_classifier
from skylore.classification.examples import open_examples
from skylore.classification.labelled import read_labelled
from skylore.classification.model import ClassifierModel
from skylore.classification.networks import load_trainable
from skylore.classification.service import fit_classifier
from skylore.classification.settings import ClassifierSettings
from skylore.classification.ways import WAYS
from skylore.cli.app import app
from skylore.errors import ModelError
from skylore.imaging.decode import decode


def changed(settings: ClassifierSettings, **update: object) -> ClassifierSettings:
    return settings.model_copy(update=update)


def test_it_learns_and_every_way_tells_classes(shapes, model) -> None:
    report = evaluate_classifier(shapes, "shape", model, progress=False)
    assert report.objects == 32
    assert report.left_out == 96
    assert {way.way for way in report.ways} == set(WAYS)
    for way in report.ways:
        assert way.accuracy.mean > 0.85, way
        assert way.accuracy.low <= way.accuracy.mean <= way.accuracy.high
    assert report.similarity["mAP"].mean > report.random["mAP"] + 0.2
    assert np.array(report.confusion).sum() == 32
    flattering = evaluate_classifier(shapes, "shape", model, seen_too=True, progress=False)
    assert (flattering.objects, flattering.seen_in_training) == (128, 96)


def test_the_same_seed_gives_the_same_model(shapes, quick, model, tmp_path) -> None:
    fit_classifier(shapes, "known", tmp_path / "m", quick, progress=False)
    again = (tmp_path / "m" / "model.safetensors").read_bytes()
    assert again == (model / "model.safetensors").read_bytes()
    with pytest.raises(ModelError, match="holds a finished model"):
        fit_classifier(shapes, "known", tmp_path / "m", quick, progress=False)


@pytest.mark.parametrize("stop", [4, 14])
def test_a_run_that_was_cut_off_ends_as_if_it_had_not(shapes, quick, model, tmp_path, stop) -> None:
    """Once before, and once after symbols got an encoder of their own."""
    step = run.ClassifierRun._step

    def dies(self):
        if self.step == stop:
            raise KeyboardInterrupt
        return step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_CHECKPOINT_STEPS", 2)
        patch.setattr(run.ClassifierRun, "_step", dies)
        with pytest.raises(KeyboardInterrupt):
            fit_classifier(shapes, "known", tmp_path / "m", quick, progress=False)
    fit_classifier(shapes, "known", tmp_path / "m", quick, progress=False)
    resumed = (tmp_path / "m" / "model.safetensors").read_bytes()
    assert resumed == (model / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "update",
    [
        {"objective": "bimodal"},
        {"objective": "cross-entropy"},
        {"positives": "pair"},
        {"steps": None, "first_epochs": 1, "most_epochs": 3, "patience": 1},
        {"accumulate": 2, "drawings": 1},
        {"head_steps": 0},
    ],
)
def test_other_recipes_learn_too(shapes, quick, tmp_path, update) -> None:
    fit_classifier(shapes, "known", tmp_path / "m", changed(quick, **update), progress=False)
    report = evaluate_classifier(shapes, "shape", tmp_path / "m", progress=False)
    assert max(way.accuracy.mean for way in report.ways) > 0.8
    ways = {way.way for way in report.ways}
    assert ("symbol" in ways) == (update.get("objective", "tri-modal") == "tri-modal")


def test_a_network_that_is_left_alone_stays_as_it_came(shapes, quick, tmp_path) -> None:
    settings = changed(quick, network_rate=0, head_steps=60, steps=None)
    report = fit_classifier(shapes, "known", tmp_path / "m", settings, progress=False)
    assert [evaluation.step for evaluation in report.history] == [0]
    kept = ClassifierModel.load(tmp_path / "m").network.state_dict()
    came = load_trainable(quick.network).state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in came.items())
    found = evaluate_classifier(shapes, "shape", tmp_path / "m", progress=False)
    assert max(way.accuracy.mean for way in found.ways) > 0.8


@pytest.mark.parametrize(
    ("column", "objective", "told"),
    [("is_ring", "tri-modal", None), ("number", "bimodal", "no word of 0, 1 says")],
)
def test_classes_that_nothing_is_drawn_for(quick, tmp_path, column, objective, told) -> None:
    """Ring or not is drawn by the name of the column; mere numbers are learnt without symbols."""
    rows = dict(shape_rows(48))
    rows["is_ring"] = [kind == rows["shape"][0] for kind in rows["shape"]]
    rows["number"] = [int(ring) for ring in rows["is_ring"]]
    archive = archive_of(tmp_path / "a.skylore", rows)
    settings = changed(quick, network_rate=0, steps=None)
    report = fit_classifier(archive, column, tmp_path / "m", settings, progress=False)
    assert ClassifierModel.load(tmp_path / "m").config.objective == objective
    assert (told or "") in str(report)
    assert (report.notice is None) == (told is None)


def test_it_fills_columns_that_searches_filter_on(shapes, model, tmp_path) -> None:
    rows = shape_rows(12, seed=5)
    rows["image"][3] = b"no image"
    archive = archive_of(tmp_path / "b.skylore", {"id": rows["id"], "image": rows["image"]})
    filled = GalaxAlign.load(model).fill(archive)
    assert (filled.done, filled.failed) == (11, 1)
    named = ["id", "galaxalign_class", "galaxalign_probability", "galaxalign_p_bar"]
    table = archive.read([*named, "galaxalign_p_disc"], where="galaxalign_class = 'bar'")
    assert 3 <= table.num_rows <= 8
    bar, disc = (table[f"galaxalign_p_{n}"].to_numpy() for n in ("bar", "disc"))
    np.testing.assert_allclose(bar + disc, 1, atol=1e-5)
    assert (bar == table["galaxalign_probability"].to_numpy()).all()


def test_images_in_python(shapes, model) -> None:
    galaxalign = GalaxAlign.load(model)
    assert galaxalign.classes == ("bar", "disc")
    table = shapes.read(["image", "shape"], where="known IS NULL")
    images = [decode(data) for data in table["image"].to_pylist()]
    shares = galaxalign.predict(images)
    assert shares.shape == (32, 2)
    right = [galaxalign.classes[i] for i in shares.argmax(axis=1)] == np.array(
        table["shape"].to_pylist()
    )
    assert right.mean() > 0.85
    np.testing.assert_allclose(np.linalg.norm(galaxalign.encode(images), axis=1), 1, atol=1e-5)
    with pytest.raises(ModelError, match="no classifier can be read"):
        GalaxAlign.load(model.parent / "none")


@pytest.mark.parametrize("kind", ["clip", "dinov2-registers", "convnext"])
def test_networks_of_the_hub_are_tuned(shapes, quick, tmp_path, kind) -> None:
    pytest.importorskip("transformers")
    folder = tmp_path / kind
    save_clip(folder) if kind == "clip" else save_dino(folder, kind)
    settings = changed(quick, network=f"hf:{folder}", steps=6, learning_rate=1e-3)
    fit_classifier(shapes, "known", tmp_path / "m", settings, progress=False)
    before = (folder / "model.safetensors").read_bytes()
    report = evaluate_classifier(shapes, "shape", tmp_path / "m", progress=False)
    assert report.objects == 32
    assert (folder / "model.safetensors").read_bytes() == before


def test_repeats_of_a_galaxy_are_never_split(quick, tmp_path) -> None:
    rows = dict(shape_rows(64))
    rows["ra"] = np.repeat(np.linspace(0, 300, 32), 2) + np.tile([0.0, 5 / 3600], 32)
    rows["dec"] = np.zeros(64)
    archive = archive_of(tmp_path / "c.skylore", rows)
    labelled = read_labelled(archive, "shape", quick, separation=60.0)
    examples = open_examples(archive, labelled, quick, 36, tmp_path, progress=False)
    aside = {row // 2 for row in examples.validation.tolist()}
    assert aside
    assert not aside & {row // 2 for row in examples.training.tolist()}


def test_rare_classes_are_learnt_and_judged(quick, tmp_path) -> None:
    """Among a dozen classes of six, chance alone would leave some out of either part."""
    rows = dict(shape_rows(72))
    rows["kind"] = [f"k{i % 12}" for i in range(72)]
    archive = archive_of(tmp_path / "r.skylore", rows)
    settings = changed(quick, validation=0.15)
    labelled = read_labelled(archive, "kind", settings)
    examples = open_examples(archive, labelled, settings, 36, tmp_path / "w", progress=False)
    for part in (examples.training, examples.validation):
        assert set(examples.labels[part].tolist()) == set(range(12))
    assert not set(examples.training.tolist()) & set(examples.validation.tolist())


def test_what_cannot_be_learnt_is_refused(shapes, quick, tmp_path) -> None:
    rows = dict(shape_rows(40))
    rows["shape"] = ["bar"] * 38 + ["ring"] * 2
    rows["one"] = ["bar"] * 40
    rows["odd"] = ["bar", "xyzzy"] * 20
    archive = archive_of(tmp_path / "d.skylore", rows)
    for column, update, reason in [
        ("shape", {}, r"fewer than 5 examples: 'ring' \(2\)"),
        ("one", {}, "has 1 classes"),
        ("odd", {"symbols": "galaxymnist"}, "lack bar, xyzzy"),
        ("odd", {"network": "resnet"}, "training cannot go on from 'resnet'"),
    ]:
        with pytest.raises(ModelError, match=reason):
            fit_classifier(
                archive, column, tmp_path / "x", changed(quick, **update), progress=False
            )


def test_the_commands(shapes, quick, tmp_path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(quick.model_dump_json())
    path, model = str(shapes.location), str(tmp_path / "m")

    def call(*command: str):
        return CliRunner().invoke(app, ["classify", *command, "-q"])

    wrong = call("fit", path, "--labels", "known", "--model", model, "--batch-size", "2")
    assert wrong.exit_code == 6
    assert "batch_size" in wrong.output
    given = ["--labels", "known", "--model", model, "--settings", str(file), "--steps", "12"]
    fitted = call("fit", path, *given)
    assert fitted.exit_code == 0, fitted.output
    assert fitted.stdout.startswith("classify: 2 classes from")
    measured = call("evaluate", path, "--labels", "shape", "--model", model, "--format", "json")
    figures = json.loads(measured.stdout)
    assert figures["objects"] == 32
    assert set(figures["intervals"]) >= {"accuracy", "macro_f1", "mAP", "mAP@5"}
    assert 0 <= figures["mAP@5"] <= 1
    table = call("evaluate", path, "--labels", "shape", "--model", model)
    assert "truth \\ found" in table.stdout
    copy = tmp_path / "e.skylore"
    rows = shape_rows(6)
    archive_of(copy, {"id": rows["id"], "image": rows["image"]})
    filled = call("predict", str(copy), "--model", model, "--prefix", "kind")
    assert filled.stdout.startswith("classify: 6 done"), filled.output
    assert Archive.open(copy).filled("kind_class") == 6
