from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from morphology.shapes import QUICK, archive_of, shape_rows
from skylore.errors import ColumnError, ModelError
from skylore.morphology.dataset import TrainingSet, open_training_set, share_by_hash
from skylore.morphology.labels import ClassLabels
from skylore.morphology.settings import PretrainSettings
from skylore.training.folders import unfinished_in

BARS = 0.0
"""The number of the class `bar`."""


def opened(path: Path, rows: dict, settings: PretrainSettings = QUICK, **how) -> TrainingSet:
    archive = archive_of(path / "a.skylore", rows)
    return open_training_set(archive, settings, path / "work", progress=False, **how)


def test_images_and_labels_belong_together(tmp_path):
    """Rows lie in the archive in another order than in the training set."""
    rows = shape_rows(48)
    order = np.random.default_rng(0).permutation(48)
    data = opened(tmp_path, {name: [values[i] for i in order] for name, values in rows.items()})
    straight = opened(tmp_path / "straight", rows)
    for mine, theirs in ((data, straight), (straight, data)):
        assert torch.equal(mine.targets["shape"], theirs.targets["shape"])
        assert torch.equal(mine.training, theirs.training)
        assert mine.digest == theirs.digest
    assert np.array_equal(data.images.pixels, straight.images.pixels)
    assert data.targets["shape"][0::2].eq(BARS).all()
    assert not data.targets["shape"][1::2].eq(BARS).any()


def test_every_usable_object_is_trained_on_or_held_out(tmp_path):
    rows = shape_rows(64)
    for bad in (3, 30):
        rows["image"][bad] = b"not an image"
    rows["image"][60] = rows["image"][60][:100]
    rows["image"][63] = None
    data = opened(tmp_path, rows, QUICK.model_copy(update={"validation": 0.3}))
    assert np.flatnonzero(~data.images.usable).tolist() == [3, 30, 60]
    both = sorted(data.training.tolist() + data.held_out.tolist())
    assert both == [i for i in range(63) if i not in {3, 30, 60}]
    assert 8 < len(data.held_out) < 32


def test_images_of_one_galaxy_are_never_split(tmp_path):
    settings = QUICK.model_copy(update={"validation": 0.4})
    data = opened(tmp_path, shape_rows(80), settings, group="galaxy")
    trained, aside = ({int(i) // 4 for i in rows} for rows in (data.training, data.held_out))
    assert not trained & aside
    assert len(trained) + len(aside) == 20
    assert min(len(trained), len(aside)) > 3


def test_objects_without_a_group_are_on_their_own(tmp_path):
    rows = {**shape_rows(80), "galaxy": pa.nulls(80, pa.string())}
    settings = QUICK.model_copy(update={"validation": 0.4})
    data = opened(tmp_path, rows, settings, group="galaxy")
    alone = opened(tmp_path / "alone", shape_rows(80), settings)
    assert torch.equal(data.held_out, alone.held_out)
    assert 15 < len(data.held_out) < 50


def test_the_split_depends_on_each_name_alone():
    names = [f"g{i}" for i in range(4000)]
    aside = share_by_hash(names, 0.1)
    assert abs(aside.mean() - 0.1) < 4 * np.sqrt(0.09 / 4000)
    assert np.array_equal(share_by_hash(names[::-1], 0.1), aside[::-1])
    assert not share_by_hash(names, 0.0).any()
    assert (share_by_hash(names, 0.3) >= aside).all()


@pytest.mark.parametrize(
    ("columns", "how", "error", "match"),
    [
        (("nowhere",), {}, ColumnError, "no column 'nowhere'"),
        (("shape",), {"group": "nowhere"}, ColumnError, "no column 'nowhere'"),
        (("shape",), {"group": "lists"}, ColumnError, "'lists' holds list"),
        (("shape", "shape"), {}, ModelError, "the same name"),
        (("shape",), {"where": "shape = 'bar'"}, ModelError, "24 images are too few"),
        (("empty",), {}, ModelError, "0 classes"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(tmp_path, columns, how, error, match):
    rows = {
        **shape_rows(48),
        "lists": [[1]] * 48,
        "empty": pa.nulls(48, pa.string()),
    }
    labels = tuple(ClassLabels(column=name) for name in columns)
    with pytest.raises(error, match=match):
        opened(tmp_path, rows, QUICK.model_copy(update={"labels": labels}), **how)


def test_an_archive_without_a_readable_image_is_refused(tmp_path):
    with pytest.raises(ModelError, match="not one of 48 images"):
        opened(tmp_path, {**shape_rows(48), "image": [b"nothing"] * 48})


@pytest.mark.parametrize("harm", ["no note", "torn note", "no images", "torn images", "swapped"])
def test_images_left_damaged_are_decoded_anew(tmp_path, harm):
    archive = archive_of(tmp_path / "a.skylore", shape_rows(40))
    work = tmp_path / "work"
    whole = open_training_set(archive, QUICK, work, progress=False).images.pixels.copy()
    file, note = work / "images.npy", work / "images.json"
    if harm == "no note":
        note.unlink()
        file.write_bytes(b"")
    elif harm == "torn note":
        note.write_text(note.read_text()[:20])
    elif harm == "no images":
        file.unlink()
    elif harm == "torn images":
        file.write_bytes(file.read_bytes()[:5000])
    else:
        np.save(file, whole[:20])
    again = open_training_set(archive, QUICK, work, progress=False).images.pixels
    assert np.array_equal(again, whole)


def test_images_are_decoded_once(tmp_path):
    archive = archive_of(tmp_path / "a.skylore", shape_rows(40))
    open_training_set(archive, QUICK, tmp_path / "work", progress=False)
    file = tmp_path / "work" / "images.npy"
    written = file.stat().st_mtime_ns
    open_training_set(archive, QUICK, tmp_path / "work", progress=False)
    assert file.stat().st_mtime_ns == written
    larger = QUICK.model_copy(update={"canvas_margin": 1.5})
    data = open_training_set(archive, larger, tmp_path / "work", progress=False)
    assert data.images.pixels.shape[2:] == (48, 48)


def test_another_split_or_other_labels_are_another_training_set(tmp_path):
    rows = shape_rows(64)
    first = opened(tmp_path / "1", rows)
    split = opened(tmp_path / "2", rows, QUICK.model_copy(update={"validation": 0.4}))
    rows["shape"][5] = None
    labels = opened(tmp_path / "3", rows)
    assert len({first.digest, split.digest, labels.digest}) == 3


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("model/config.json", "holds a finished model already"),
        ("model/README.md", "holds other files"),
        ("model", "is a file"),
    ],
)
def test_a_model_takes_the_place_of_nothing(tmp_path: Path, there: str, message: str) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine")
    with pytest.raises(ModelError, match=message):
        unfinished_in(tmp_path / "model")
    assert (tmp_path / there).read_text() == "mine"


def test_a_model_goes_where_nothing_or_its_own_run_is(tmp_path: Path) -> None:
    work = unfinished_in(tmp_path / "new" / "model")
    work.mkdir(parents=True)
    (work.parent / "README.md").write_text("written just before the run was killed")
    assert unfinished_in(work.parent) == work
