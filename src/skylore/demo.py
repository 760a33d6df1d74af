"""The whole of Skylore on the Hubble Deep Field that ships with scikit-image."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from skylore.errors import ArchiveExistsError

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.search.results import Results

__all__ = ["SEARCHES", "run"]

NAME = "hdf.skylore"
PAGE = "results.html"
SEARCHES = (
    "edge-on disk",
    "red elliptical",
    "blue spiral",
    "interacting pair",
    "face-on spiral galaxy with arms",
    "small round compact galaxy",
    "disturbed asymmetric galaxy",
    "galaxy with a red centre and a bluer disk",
)
GALAXIES = 320
HITS = 12
PRINTED = 3


def run(
    folder: Path, *, measure_seconds: float = 20, say: Callable[[str], None] = typer.echo
) -> None:
    """Build the archive in ``folder`` if it is not there, search it, and show the answers.

    Raises
    ------
    ArchiveExistsError
        The folder holds something that is not the demo's.
    """
    started = time.monotonic()
    _refuse_others_folder(folder)
    archive = _build(folder / NAME, measure_seconds, say)
    with _timed("search", say):
        answers = [archive.search(text, k=HITS) for text in SEARCHES]
    _show(answers, folder / PAGE, say)
    say(f"\n{len(archive)} galaxies, {time.monotonic() - started:.0f} s in all. Go on with:\n")
    first = archive.read(["id"], limit=1)["id"][0]
    place = shlex.quote(str(folder / NAME))
    for command in (
        f'search {place} "edge-on disk" --where "ellipticity > 0.5"',
        f"search {place} --like {first}",
        f"info {place}",
        f"serve {place}",
    ):
        say(f"  {_skylore()} {command}")


def _skylore() -> str:
    """Name the command as it can be called from here."""
    if shutil.which("skylore") or Path(sys.argv[0]).name != "skylore":
        return "skylore"
    return shlex.quote(sys.argv[0])


def _refuse_others_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ArchiveExistsError(f"{folder} is a file; choose another folder with --dir")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / NAME).is_dir():
        raise ArchiveExistsError(
            f"{folder} holds other things and is left alone; choose another folder with --dir"
        )


@contextmanager
def _timed(stage: str, say: Callable[[str], None]) -> Iterator[None]:
    start = time.monotonic()
    yield
    say(f"[{stage}: {time.monotonic() - start:.1f} s]")


def _build(path: Path, measure_seconds: float, say: Callable[[str], None]) -> Archive:
    from skylore import pipeline
    from skylore.archive.fill import FillOptions
    from skylore.sources.mosaic import hubble_deep_field

    with _timed("ingest", say):
        archive, report = pipeline.ingest(path, hubble_deep_field(max_objects=GALAXIES))
        say(str(report))
    if "captions" not in archive.schema.names:
        with _timed("measure", say):
            say(str(pipeline.measure(archive, FillOptions(seconds=measure_seconds))))
    with _timed("caption", say):
        say(str(pipeline.caption(archive)))
    with _timed("embed", say):
        for filled in pipeline.embed(archive):
            say(str(filled))
    with _timed("index", say):
        for line in pipeline.index(archive):
            say(line)
    return archive


def _show(answers: list[Results], page_path: Path, say: Callable[[str], None]) -> None:
    from skylore.search.export import dumps
    from skylore.search.page import Section, page

    for text, answer in zip(SEARCHES, answers, strict=True):
        say(f"\n“{text}”")
        say(str(dumps(answer.top(PRINTED), "table")).rstrip())
    sections = [Section(answer, text) for text, answer in zip(SEARCHES, answers, strict=True)]
    page_path.write_text(page("Skylore on the Hubble Deep Field", sections), encoding="utf-8")
    say(f"\nAll {HITS * len(answers)} hits with their pictures: {page_path}")
