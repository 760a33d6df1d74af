"""Time filters: bare Lance without and with range indexes, and copies of columns, side by side.

``python -m benchmarks.filters [--rows N ...]``: synthetic rows in the order of the sky.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.report import arguments, publish, table
from skylore.archive.sky import healpix_29
from skylore.archive.table import Archive
from skylore.search.filters import predicate_for
from skylore.search.masks.service import build_masks, rows_matching
from skylore.search.query import Query

ROWS_AT_ONCE = 500_000
SHARES = (0.1, 0.01, 0.001)
INDEXED = ("_healpix_29", "ra", "dec", "mag")


def make(folder: Path, rows: int) -> Archive:
    """Make rows over the whole sky, cell after cell, with magnitudes that rise as counts do."""
    archive = Archive.create(folder)
    archive.add_columns([pa.field("mag", pa.float32())])
    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 360, rows), np.degrees(np.arcsin(rng.uniform(-1, 1, rows)))
    cells = healpix_29(ra, dec)
    order = np.argsort(cells)
    for start in range(0, rows, ROWS_AT_ONCE):
        part = order[start : start + ROWS_AT_ONCE]
        mag = 22 + np.log10(rng.random(len(part))) / 0.6
        archive.append(
            pa.table(
                {
                    "id": [f"g{i}" for i in range(start, start + len(part))],
                    "ra": ra[part],
                    "dec": dec[part],
                    "_healpix_29": cells[part],
                    "mag": mag.astype(np.float32),
                }
            )
        )
    return archive


def filters(archive: Archive) -> dict[str, str]:
    """Write the filters: a box on the sky, and the brightest, of known shares."""
    found = {}
    for share in SHARES:
        side = float(np.sqrt(share * 41253))
        # A band around the equator, as wide as high, is that share of the sphere.
        half = float(np.degrees(np.arcsin(share * 360 / side)))
        box = Query.build(box=f"180 0 {side!r}x{2 * half!r}")
        found[f"box, {share:.1%}"] = predicate_for(box, archive.schema) or ""
        limit = float(22 + np.log10(share) / 0.6)
        found[f"magnitude, {share:.1%}"] = f"`mag` < {limit!r}"
    return found


def best_of(call: Callable[[str], int], where: str, repeats: int = 3) -> tuple[int, float]:
    """Give the answer, and the shortest of several times in seconds."""
    times, answer = [], 0
    for _ in range(repeats):
        start = time.perf_counter()
        answer = call(where)
        times.append(time.perf_counter() - start)
    return answer, min(times)


def measure(rows: int, folder: Path) -> list[list[object]]:
    """Time each filter in each way."""
    archive = make(folder / f"{rows}.skylore", rows)
    built = build_masks(archive)
    if built is None:
        raise RuntimeError("the archive is not local")
    asked = filters(archive)

    def by_lance(where: str, *, indexed: bool) -> int:
        scanner = archive.objects.scanner(
            columns=[], filter=where, with_row_id=True, use_scalar_index=indexed
        )
        return int(scanner.to_table().num_rows)

    def by_copies(where: str) -> int:
        # An archive opened anew has no answers of before, and what it opens is timed too.
        return len(rows_matching(Archive.open(archive.location.root), where))

    warm = Archive.open(archive.location.root)
    rows_matching(warm, " OR ".join(f"`{name}` IS NULL" for name in INDEXED))
    number = iter(range(1_000_000))

    def by_copies_warm(where: str) -> int:
        return len(rows_matching(warm, f"{where}{' ' * next(number)}"))

    def bare(where: str) -> int:
        return by_lance(where, indexed=False)

    def indexed(where: str) -> int:
        return by_lance(where, indexed=True)

    ways = {"scan": bare, "first": by_copies, "copies": by_copies_warm}
    times = {way: {n: best_of(call, w) for n, w in asked.items()} for way, call in ways.items()}
    for column in INDEXED:
        archive.objects.create_scalar_index(column, "BTREE")
    times["indexed"] = {n: best_of(indexed, w) for n, w in asked.items()}
    order = ("scan", "indexed", "first", "copies")
    return [row(rows, name, *(times[way][name] for way in order)) for name in asked]


def row(rows: int, name: str, *found: tuple[int, float]) -> list[object]:
    """Lay out a line; all ways must agree."""
    counts = {count for count, _ in found}
    if len(counts) != 1:
        raise RuntimeError(f"{name}: the ways find {counts} rows")
    (count,) = counts
    seconds = found[-1][1]
    times = [f"{1e3 * time:.1f}" for _, time in found]
    per = [f"{1e9 * seconds / rows:.2f}", f"{1e9 * seconds / max(count, 1):.1f}"]
    return [f"{rows:,}", name, f"{count:,}", *times, *per]


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    options = parser.parse_args()
    header = [
        "rows",
        "filter",
        "matching",
        "Lance, ms",
        "with BTREE, ms",
        "copies, first, ms",
        "copies, ms",
    ]
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for count in options.rows for row in measure(count, Path(folder))]
    publish("filters", table([*header, "ns a row", "ns a match"], rows), write=options.write)


if __name__ == "__main__":
    main()
