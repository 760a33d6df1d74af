"""Kill what changes an archive at random moments, many times, and count what is lost.

``python -m benchmarks.kills``: real processes, SIGKILL; ingest, fill (with and without worker
processes), append, index build, compaction and deletion, and the build of codes on its own, which
must end with the codes of one that nobody killed. After each kill of the last five, and at the end
of the others, the archive is checked as by ``skylore check``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from benchmarks.report import arguments, publish, table
from skylore.archive.table import Archive

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

ROWS = 4000
UPKEEP = {"append": 0.8, "delete": 0.8, "compact": 1.5, "index": 3.0}
"""Seconds within which each is killed: some of its rounds."""


def fill_row(folder: Path, workers: int, kills: int) -> list[object]:
    """Kill a fill."""
    from archive.killing import check, kill_until_done

    path, log = folder / f"fill{workers}.skylore", folder / f"log{workers}"
    archive = Archive.create(path)
    expected = {f"g{i}": 10 + i % 500 for i in range(ROWS)}
    names = list(expected)
    for part in (names[: ROWS // 3], names[ROWS // 3 :]):
        archive.append(pa.table({"id": part, "image": [bytes(expected[i]) for i in part]}))
    outcome = kill_until_done(path, log, workers=workers, kills=kills, seed=workers)
    found = check(path, expected)
    name = f"fill, {workers or 'no'} worker processes"
    # The images of this archive are bytes of known lengths, and no images.
    problems = sum(p.check != "images" for p in Archive.open(path).check().problems)
    damage = [found["lost"], found["doubled"], found["wrong"], problems]
    return [name, outcome.kills, ROWS, *damage, outcome.paid_twice]


def ingest_row(folder: Path, kills: int) -> list[object]:
    """Kill an ingest."""
    from archive.killing import kill_ingest_until_done

    source, path = folder / "images", folder / "ingest.skylore"
    source.mkdir()
    rng = np.random.default_rng(0)
    for i in range(ROWS):
        noise = rng.integers(0, 255, (32, 32, 3), np.uint8)
        Image.fromarray(noise).save(source / f"g{i:05d}.png")
    done = kill_ingest_until_done(path, source, kills=kills, seed=0)
    rows = Archive.open(path).read(["id", "image"]).to_pydict()
    images = dict(zip(rows["id"], rows["image"], strict=True))
    lost = sum(p.stem not in images for p in source.iterdir())
    wrong = sum(images.get(p.stem) != p.read_bytes() for p in source.iterdir()) - lost
    problems = len(Archive.open(path).check(deep=True).problems)
    return ["ingest", done, ROWS, lost, len(rows["id"]) - len(images), wrong, problems, "–"]


def upkeep_row(folder: Path, what: str, kills: int) -> list[object]:
    """Kill what changes the archive as a whole, and check it after each kill."""
    from archive.surviving import kill_while
    from archive.victim import create

    path = folder / f"{what}.skylore"
    rows = {"append": 0, "delete": 12000}.get(what, 1000)
    create(path, rows)
    found = kill_while(what, path, rows=rows, kills=kills, seed=kills, longest=UPKEEP[what])
    for message in found.problems:
        print(message)
    damage = [found.lost, found.doubled, found.wrong + found.returned, len(found.problems)]
    return [what, found.kills, found.rows, *damage, "–"]


def codes_row(folder: Path, kills: int) -> list[object]:
    """Kill builds of codes, and compare what they leave with a build that nobody killed."""
    from search.killed_builds import kill_builds

    found = kill_builds(folder, rows=6000, kills=kills, seed=kills)
    for message in found.problems:
        print(message)
    damage = [found.lost, found.doubled, found.wrong, len(found.problems)]
    return ["build of codes", found.kills, found.rows, *damage, found.again]


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each kind")
    options = parser.parse_args()
    header = ["what", "kills", "rows", "lost", "doubled", "wrong", "problems found by check"]
    header += ["finished work paid for again"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [upkeep_row(folder, what, options.kills) for what in UPKEEP]
        rows.append(codes_row(folder, options.kills))
        rows.append(ingest_row(folder, options.kills))
        rows += [fill_row(folder, workers, options.kills) for workers in (0, 2)]
    publish("kills", table(header, rows), write=options.write)


if __name__ == "__main__":
    main()
