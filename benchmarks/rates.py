"""Ingest beside bare decoding, and search beside the bare Lance call, interleaved.

``python -m benchmarks.rates``: real galaxies for the ingest; an archive of 100,000 vectors of 256
dimensions for the search. Figures are ratios and differences within one run, since the machines
are shared.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import arguments, publish, table
from skylore.archive.provenance import Provenance, with_provenance
from skylore.archive.table import Archive
from skylore.intake.ingest import IngestOptions, ingest
from skylore.search.query import Query, VectorTerm
from skylore.sources.open import open_source

DATA = Path(__file__).parents[2] / "shared" / "data" / "gz1_sdss.parquet"
ROUNDS = 7


def seconds(work: Callable[..., object], *given: object) -> float:
    """Time one call."""
    start = time.perf_counter()
    work(*given)
    return time.perf_counter() - start


def decode_all(images: list[bytes]) -> None:
    """Decode images fully, and no more."""
    for data in images:
        Image.open(io.BytesIO(data)).load()


def ingest_rows(folder: Path, rounds: int) -> list[list[object]]:
    """Compare ingest with bare decoding by one thread and by as many as ingest uses."""
    images = pq.read_table(DATA, columns=["image"])["image"].to_pylist()
    threads = IngestOptions().threads
    times: dict[str, list[float]] = {"one": [], "many": [], "ingest": []}
    for i in range(rounds):
        times["one"].append(seconds(decode_all, images))
        with ThreadPoolExecutor(threads) as pool:
            parts = [images[j : j + 64] for j in range(0, len(images), 64)]
            times["many"].append(seconds(lambda: list(pool.map(decode_all, parts))))  # noqa: B023 - called at once
        archive = Archive.create(folder / f"ingest{i}.skylore")
        source = open_source(str(DATA))
        times["ingest"].append(seconds(ingest, archive, source, IngestOptions(progress=False)))
    rows: list[list[object]] = []
    for name, baseline in (("one thread", "one"), (f"{threads} threads", "many")):
        ratios = np.array(times[baseline]) / np.array(times["ingest"])
        rows.append(
            ["ingest rate / bare decode", name, spread(ratios, ".2f"), f"{rounds} × {len(images)}"]
        )
    return rows


def vectors_archive(folder: Path, rows: int, dimension: int) -> Archive:
    """Make an archive of unit vectors."""
    rng = np.random.default_rng(0)
    archive = Archive.create(folder / "vectors.skylore")
    kind = pa.list_(pa.float16(), dimension)
    made = Provenance(step="ingest", model="given")
    archive.add_columns([with_provenance(pa.field("image_vector", kind), made)])
    for start in range(0, rows, 20_000):
        vectors = rng.normal(size=(20_000, dimension)).astype(np.float16)
        column = pa.FixedSizeListArray.from_arrays(vectors.ravel(), dimension)
        names = [f"g{i:07d}" for i in range(start, start + 20_000)]
        archive.append(pa.table({"id": names, "image_vector": column}))
    return archive


def bare(archive: Archive, vector: NDArray[np.float32]) -> None:
    """Ask Lance for the same neighbours, and no more."""
    archive.objects.to_table(
        columns=["id", "_distance"],
        nearest={
            "column": "image_vector",
            "q": vector,
            "k": 20,
            "metric": "cosine",
            "use_index": False,
        },
    )


def search_rows(folder: Path, queries: int) -> list[list[object]]:
    """Compare a search with the bare call, at two sizes."""
    rows: list[list[object]] = []
    for size in (20_000, 100_000):
        place = folder / str(size)
        place.mkdir()
        archive = vectors_archive(place, size, 256)
        rng = np.random.default_rng(1)
        vectors = rng.normal(size=(queries + 5, 256)).astype(np.float32)
        times = []
        for vector in vectors:
            query = Query(terms=(VectorTerm(values=tuple(vector.tolist())),), k=20)
            ours = seconds(archive.answer, query)
            times.append((ours, seconds(bare, archive, vector)))
        ours_ms, bare_ms = 1e3 * np.array(times[5:]).T
        extra = spread(ours_ms - bare_ms, ".2f") + " ms"
        rows.append(["search − bare Lance", f"{size} × 256", extra, queries])
        rows.append(
            ["search / bare Lance", f"{size} × 256", spread(ours_ms / bare_ms, ".2f"), queries]
        )
    return rows


def spread(values: NDArray[np.float64], form: str) -> str:
    """Show the median and the quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = ingest_rows(Path(folder), ROUNDS) + search_rows(Path(folder), 60)
    header = ["figure", "against", "median [quartiles]", "n"]
    publish("rates", table(header, rows), write=options.write)


if __name__ == "__main__":
    main()
