"""The newcomer's path, by real processes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from newcomer import DemoRun, run
from skylore.archive.table import Archive
from skylore.demo import SEARCHES


def test_demo_finds_describes_and_searches(demo_run: DemoRun) -> None:
    archive = Archive.open(demo_run.archive)
    assert len(archive) == archive.filled("vector") == 320
    assert archive.filled("caption") > 30
    for text in SEARCHES:
        assert f"“{text}”" in demo_run.stdout
    assert f"skylore serve {demo_run.archive}" in demo_run.stdout
    page = (demo_run.folder / "results.html").read_text()
    assert page.count("data:image/png;base64,") >= 12 * len(SEARCHES)
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_demo_finds_edge_on_disks(demo_run: DemoRun) -> None:
    archive = Archive.open(demo_run.archive)
    found = archive.search("edge-on disk", k=10, columns=("ellipticity",), where="ellipticity >= 0")
    everyone = archive.read(["ellipticity"])["ellipticity"].drop_null().to_pylist()
    hits = sorted(hit.columns["ellipticity"] for hit in found)
    assert hits[len(hits) // 2] > sorted(everyone)[int(0.75 * len(everyone))]


def test_second_run_reuses_what_is_there(demo_run: DemoRun) -> None:
    before = Archive.open(demo_run.archive).version
    again = run("demo", "--dir", demo_run.folder)
    assert again.returncode == 0
    assert "ingest: 0 objects added, 320 were there already" in again.stdout
    assert "measure" not in again.stdout
    assert Archive.open(demo_run.archive).version == before


def test_demo_leaves_others_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    refused = run("demo", "--dir", tmp_path)
    assert refused.returncode == 3
    assert "left alone" in refused.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_search_by_every_means(demo_run: DemoRun, tmp_path: Path) -> None:
    archive = Archive.open(demo_run.archive)
    name = archive.read(["id"], limit=1)["id"][0].as_py()
    (tmp_path / "one.png").write_bytes(archive.images([name])[name] or b"")
    for arguments in (
        ["edge-on disk", "--minus", "red"],
        ["--like", name],
        ["--image", tmp_path / "one.png"],
        ["blue spiral", "--where", "ellipticity < 0.5 AND gini > 0.2"],
        ["spiral", "--mode", "text"],
        ["spiral", "--mode", "hybrid"],
        [],
    ):
        done = run("search", demo_run.archive, *arguments, "-k", 4, "--format", "json")
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert set(answer) >= {"query", "plan", "hits"}
        assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4]
    by_image = json.loads(
        run("search", demo_run.archive, "--image", tmp_path / "one.png", "--format", "json").stdout
    )
    assert by_image["hits"][0]["id"] == name
    assert by_image["hits"][0]["score"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["search", "/no/such.skylore", "x"], 3, "no archive at"),
        (["search", "ARCHIVE", "x", "--where", "drop table objects"], 5, "cannot read the filter"),
        (["search", "ARCHIVE", "x", "--where", "nothing = 1"], 5, "no column 'nothing'"),
        (["search", "ARCHIVE", "--like", "nobody"], 5, "no object 'nobody'"),
        (["search", "ARCHIVE", "--image", "/no/file.png"], 5, "cannot read the image"),
        (["search", "ARCHIVE", "--vector", "/no/file.npy"], 5, "cannot read a vector"),
        (["search", "ARCHIVE", "--cone", "1 2"], 5, "is not a cone"),
        (["search", "ARCHIVE", "x", "-k", "0"], 2, "-k"),
        (["search", "ARCHIVE", "x", "--columns", "nothing"], 3, "no column 'nothing'"),
        (["ingest", "NEW", "/no/such/folder"], 4, "there is nothing at"),
        (["ingest", "NEW", "/no/such/folder", "--encoder", "clip"], 2, "--vectors"),
        (["embed", "ARCHIVE", "--encoder", "magic"], 6, "no image encoder 'magic'"),
        (["caption", "ARCHIVE", "--captioner", "magic"], 6, "no captioner 'magic'"),
        (["measure", "ARCHIVE", "--memory", "lots"], 2, "is not a size"),
        (["index", "ARCHIVE", "--audit"], 3, "no vector index to audit"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_errors_are_one_line_with_a_code(
    demo_run: DemoRun, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    places = {"ARCHIVE": str(demo_run.archive), "NEW": str(tmp_path / "new.skylore")}
    failed = run(*(places.get(a, a) for a in arguments))
    assert failed.returncode == code, failed.stderr
    assert says.lower() in failed.stderr.lower()
    assert "Traceback" not in failed.stderr
    if code != 2:
        assert len(failed.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "new.skylore").exists()


def test_debug_shows_the_traceback() -> None:
    assert "Traceback" in run("--debug", "info", "/no/such.skylore").stderr


def test_info(demo_run: DemoRun) -> None:
    text = run("info", demo_run.archive).stdout
    assert "320 objects" in text
    assert re.search(r"vector +320 align", text)
    facts = json.loads(run("info", demo_run.archive, "--json").stdout)
    assert facts["rows"] == 320
    columns = {column["name"]: column for column in facts["columns"]}
    assert columns["image_vector"]["provenance"]["model"] == "galaxy-nano"
    assert columns["caption"]["provenance"]["parameters"]["written_from"] == "measurements"


def test_results_to_files(demo_run: DemoRun, tmp_path: Path) -> None:
    for suffix in ("csv", "parquet", "fits", "vot", "json", "html"):
        path = tmp_path / f"hits.{suffix}"
        done = run("search", demo_run.archive, "disk", "-k", 3, "-o", path)
        assert done.returncode == 0, done.stderr
        assert path.stat().st_size > 100


def test_every_command_teaches() -> None:
    commands = ["demo", "ingest", "measure", "caption", "embed", "align", "index", "build"]
    for command in [*commands, "search", "info", "serve"]:
        shown = run(command, "--help")
        assert shown.returncode == 0
        assert "Usage: skylore" in shown.stdout
        assert command in run("--help").stdout
