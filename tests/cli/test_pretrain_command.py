"""Training an encoder from the command line, and searching with it, by real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from morphology.shapes import QUICK, archive_of, shape_rows
from newcomer import run
from skylore.archive.table import Archive
from skylore.morphology.settings import PretrainSettings


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("command") / "a.skylore"
    archive_of(path, shape_rows(96))
    return path


def test_pretrain_embed_search(path: Path, tmp_path: Path) -> None:
    recipe, model = tmp_path / "recipe.json", tmp_path / "model"
    network = QUICK.network.model_copy(update={"width": 3})
    recipe.write_text(
        QUICK.model_copy(update={"network": network, "learning_rate": 1e-2}).model_dump_json()
    )
    trained = run(
        *("pretrain", path, "--model", model, "--settings", recipe, "--classes", "shape"),
        *("--figures", "elongation", "--self-supervision", "0.1", "--steps", 80, "--width", 8),
        *("--where", "id >= 's0008'", "--group-by", "galaxy", "--quiet"),
    )
    assert trained.returncode == 0, trained.stderr
    assert trained.stderr == ""
    said, hint = trained.stdout.splitlines()
    assert said.startswith("pretrain: ")
    assert "shape accuracy" in said
    report = json.loads((model / "training.json").read_text())
    assert report["objects"] + report["held_out_objects"] == 88
    settings = PretrainSettings.model_validate(report["settings"])
    assert (settings.steps, settings.batch_size, settings.learning_rate) == (80, 16, 1e-2)
    assert (settings.network.width, settings.network.pixels) == (8, 16)
    assert set(report["labelled"]) == {"shape", "figures"}

    embedded = run(*hint.removeprefix("use it with: skylore ").split(), "--quiet")
    assert embedded.returncode == 0, embedded.stderr
    assert Archive.open(path).filled("image_vector") == 96
    for example in ("s0010", "s0011"):
        found = run("search", path, "--like", example, "-k", 8, "--format", "json")
        assert found.returncode == 0, found.stderr
        hits = [hit["id"] for hit in json.loads(found.stdout)["hits"]]
        alike = sum(int(name[1:]) % 2 == int(example[1:]) % 2 for name in hits)
        assert alike >= 7

    again = run("pretrain", path, "--model", model, "--classes", "shape")
    assert again.returncode == 6
    assert "finished model already" in again.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 6, "nothing to learn from"),
        (("--classes", "nowhere"), 3, "no column 'nowhere'"),
        (("--classes", "shape", "--where", "shape = (SELECT 1)"), 5, "not allowed in a filter"),
        (("--classes", "shape", "--pixels", "5000", "--learning-rate", "-1"), 6, "network.pixels"),
    ],
)
def test_mistakes_are_told_in_one_line(
    path: Path, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    refused = run("pretrain", path, "--model", tmp_path / "model", *options)
    assert refused.returncode == code, refused.stderr
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "model").exists()


def test_a_head_without_votes_is_refused(path: Path, tmp_path: Path) -> None:
    given = ("--classes", "shape", "--published-head")
    refused = run("pretrain", path, "--model", tmp_path / "m", *given)
    assert refused.returncode == 2
    assert "name them with --votes" in refused.stderr


def test_settings_that_cannot_be_read_are_told(path: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"steps": "many"}')
    refused = run(
        *("pretrain", path, "--model", tmp_path / "m", "--settings", tmp_path / "recipe.json")
    )
    assert refused.returncode == 6
    assert "recipe.json cannot be read" in refused.stderr
