"""Words find images before anything is captioned or trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import skylore as sky
from newcomer import run
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.simulation.simulator import simulate

QUIET = FillOptions(progress=False)
KINDS = ("barred spiral", "elliptical", "edge-on")
EACH = 8


def draw(folder: Path, kinds: tuple[str, ...], each: int, first: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for kind in kinds:
        for seed in range(first, first + each):
            name = f"{kind.replace(' ', '-')}-{seed}.png"
            Image.fromarray(simulate(1_000_000 + seed, kind).image).save(folder / name)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bundled")
    draw(home / "images", KINDS, EACH)
    for command in (["ingest", home / "a.skylore", home / "images"], ["embed", home / "a.skylore"]):
        done = run(*command)
        assert done.returncode == 0, done.stderr
    return home / "a.skylore"


def best(archive: Archive, words: str, k: int = EACH) -> list[str]:
    return [str(hit.id) for hit in archive.search(words, k=k, mode="vector")]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("barred spiral", "barred-spiral"),
        ("a galaxy with a bar and arms", "barred-spiral"),
        ("edge-on disk", "edge-on"),
        ("smooth elliptical galaxy", "elliptical"),
    ],
)
def test_embedding_is_all_it_takes(embedded: Path, words: str, kind: str) -> None:
    found = best(Archive.open(embedded), words)
    assert sum(kind in name for name in found) >= 6, found


def test_the_command_line_finds_the_same(embedded: Path) -> None:
    done = run("search", embedded, "edge-on disk", "-k", 3, "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("edge-on") >= 3


def test_the_model_travels_with_the_archive(embedded: Path) -> None:
    made = Archive.open(embedded).columns["vector"].provenance
    assert made is not None
    assert made.parameters["bundled"] is True
    assert (embedded / "models" / str(made.revision) / "model.safetensors").exists()


@pytest.fixture
def grown(tmp_path: Path) -> Archive:
    draw(tmp_path / "images", KINDS, 4)
    archive, _ = sky.ingest(tmp_path / "a.skylore", tmp_path / "images")
    sky.embed(archive, QUIET)
    return archive


def test_images_that_come_later_are_shared_too(grown: Archive, tmp_path: Path) -> None:
    draw(tmp_path / "later", ("ring",), 2)
    archive, _ = sky.ingest(tmp_path / "a.skylore", tmp_path / "later")
    sky.embed(archive, QUIET)
    assert archive.filled("vector") == len(archive) == 14


def test_build_leaves_the_shared_words_as_they_are(grown: Archive) -> None:
    before = grown.columns["vector"].provenance
    lines = list(sky.build(grown, QUIET))
    after = grown.latest().columns["vector"].provenance
    assert before is not None
    assert after is not None
    assert after.revision == before.revision
    assert not any(line.startswith("align: left out") for line in lines)


def test_align_adapts_what_was_shipped(grown: Archive) -> None:
    told = ["a " + name.rsplit("-", 1)[0] for name in grown.read(["id"])["id"].to_pylist()]
    _with_captions(grown, told)
    shipped = grown.columns["vector"].provenance
    report = sky.align(grown, QUIET)
    own = grown.latest().columns["vector"].provenance
    assert shipped is not None
    assert own is not None
    assert own.revision == report.model != shipped.revision
    assert own.parameters["bundled"] is False
    again = sky.align(grown, QUIET)
    assert again.training is None
    assert again.model == report.model
    adapted = sky.Alignment.load(grown.location.get_folder(f"models/{own.revision}"))
    start = sky.Alignment.load(grown.location.get_folder(f"models/{shipped.revision}"))
    texts = np.random.default_rng(0).normal(size=(20, start.config.text_input_dim))
    alike = (adapted.encode_text_vectors(texts) * start.encode_text_vectors(texts)).sum(axis=1)
    assert alike.mean() > 0.5, "training began from nothing"


def test_another_encoder_is_not_given_words_that_are_not_its_own(grown: Archive) -> None:
    sky.embed(grown, FillOptions(progress=False, overwrite=True), encoder="scattering")
    _with_captions(grown, [f"object {i}" for i in range(len(grown))])
    sky.align(grown, QUIET)
    made = grown.latest().columns["vector"].provenance
    assert made is not None
    assert made.parameters["image_encoder"]["name"] == "scattering"
    assert made.parameters["bundled"] is False


def _with_captions(archive: Archive, texts: list[str]) -> None:
    import pyarrow as pa

    rows = archive.read(["id"], row_ids=True)
    archive.add_columns([pa.field("told", pa.string())])
    archive.write(pa.table({"told": texts, "_rowid": rows["_rowid"]}))
    sky.caption(archive, QUIET, captioner="column:told")
    sky.embed(archive, QUIET)
