"""Published embeddings without images: ingested, aligned as released, and searched in words."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignment.released_models import SIZES, published_vectors, save_released
from newcomer import SKYLORE, run
from skylore.archive.provenance import provenance_of
from skylore.archive.table import Archive
from skylore.intake.ingest import IngestOptions, ingest
from skylore.sources.open import open_source

QUIET = IngestOptions(progress=False)
IMAGE, SHARED = SIZES["image_input_dim"], SIZES["embedding_dim"]


def rows(count: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, length)).astype(np.float32)


def nested(vectors: np.ndarray, kind: pa.DataType) -> pa.Array:
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    return flat.cast(kind)


def write_set(folder: Path, vectors: np.ndarray, *, kind: pa.DataType, files: int = 3) -> Path:
    """Write Parquet files such as ``data/train-00000-of-00003.parquet``."""
    (folder / "data").mkdir(parents=True)
    for number, part in enumerate(np.array_split(np.arange(len(vectors)), files)):
        table = pa.table(
            {
                "object_id": [f"{n:05d}" for n in part],
                "ra": part * 0.5,
                "dec": part * -0.1,
                "EBV": part.astype(np.float32),
                "embedding": nested(vectors[part], kind),
            }
        )
        name = f"train-{number:05d}-of-{files:05d}.parquet"
        pq.write_table(table, folder / "data" / name, row_group_size=50)
    return folder


def words(text: str) -> np.ndarray:
    """Stand for the vector of a text: of unit length, as OpenAI's are."""
    seed = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
    vector = rows(1, SIZES["text_input_dim"], seed)
    return vector / np.linalg.norm(vector)


class _Embeddings(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        given = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        data = [
            {"object": "embedding", "index": n, "embedding": words(text)[0].tolist()}
            for n, text in enumerate(given)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        answer = {"object": "list", "data": data, "model": asked["model"], "usage": usage}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Embeddings)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def search(place: Path, endpoint: str, text: str) -> list[dict]:
    done = subprocess.run(
        [SKYLORE, "search", str(place), text, "-k", "10", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OPENAI_BASE_URL": endpoint, "OPENAI_API_KEY": "k"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["hits"]


@pytest.mark.parametrize(
    ("published", "kind"),
    [("image encoder", pa.list_(pa.float32())), ("shared space", pa.list_(pa.float16()))],
)
def test_a_set_without_images_is_searched_in_words(
    tmp_path: Path, endpoint: str, published: str, kind: pa.DataType
) -> None:
    weights = save_released(tmp_path / "model", seed=1)
    encoded = rows(400, IMAGE)
    shared = published_vectors(weights, "image", encoded)
    given = encoded if published == "image encoder" else shared.astype(np.float32)
    folder = write_set(tmp_path / "set", given, kind=kind)
    place = tmp_path / "a.skylore"
    name = "aion:polymathic-ai/aion-base"
    done = run("ingest", place, folder, "--vectors", "embedding", "--encoder", name, "--quiet")
    assert done.returncode == 0, done.stderr
    done = run("align", place, "--from", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    assert "400 done" in done.stdout
    hits = search(place, endpoint, "gravitational lens")
    text = published_vectors(weights, "text", words("gravitational lens"))[0]
    cosines = shared @ text
    found = [int(hit["id"]) for hit in hits]
    np.testing.assert_allclose(cosines[found], np.sort(cosines)[::-1][:10], atol=4e-3)
    np.testing.assert_allclose([hit["score"] for hit in hits], cosines[found], atol=4e-3)
    archive = Archive.open(place)
    made = provenance_of(archive.schema.field("image_vector"))
    assert made is not None
    assert made.model == name
    assert archive.filled("_healpix_29") == 400


def test_bad_vectors_are_set_aside_and_missing_ones_stay_missing(tmp_path: Path) -> None:
    vectors = rows(6, 8).astype(np.float64).tolist()
    vectors[1], vectors[2], vectors[3] = None, vectors[2][:5], [*vectors[3][:7], float("nan")]
    vectors[4] = [0.0] * 8
    table = pa.table({"object_id": range(6), "v": pa.array(vectors, pa.list_(pa.float64()))})
    pq.write_table(table, tmp_path / "v.parquet")
    archive = Archive.create(tmp_path / "a.skylore", id_type=pa.int64())
    report = ingest(archive, open_source(str(tmp_path / "v.parquet"), vector_column="v"), QUIET)
    assert (report.added, report.failed) == (3, 3)
    reasons = {r["id"]: r["reason"] for r in archive.quarantine.read("ingest").to_pylist()}
    assert "5 numbers, not 8" in reasons["2"]
    assert "NaN" in reasons["3"]
    assert "no direction" in reasons["4"]
    assert archive.filled("image_vector") == 2
    again = ingest(archive, open_source(str(tmp_path / "v.parquet"), vector_column="v"), QUIET)
    assert (again.added, again.failed, again.already) == (0, 0, 3)


def test_models_of_a_length_that_fits_neither_space_are_refused(tmp_path: Path) -> None:
    save_released(tmp_path / "model")
    folder = write_set(tmp_path / "set", rows(20, 10), kind=pa.list_(pa.float32()))
    place = tmp_path / "a.skylore"
    assert run("ingest", place, folder, "--vectors", "embedding").returncode == 0
    refused = run("align", place, "--from", tmp_path / "model")
    assert refused.returncode == 3
    assert "vectors of 10, and the model" in refused.stderr


def test_large_batches_make_few_files_and_go_on(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", rows(70_000, 4), kind=pa.list_(pa.float16(), 4), files=7)
    archive = Archive.create(tmp_path / "a.skylore")
    source = open_source(str(folder), vector_column="embedding")
    part = ingest(archive, source, QUIET.model_copy(update={"limit": 40_000}))
    rest = ingest(archive, source, QUIET)
    assert (part.added, rest.added, rest.already) == (40_000, 30_000, 40_000)
    assert len(archive.objects.get_fragments()) <= 4
    assert archive.schema.field("image_vector").type == pa.list_(pa.float16(), 4)


def test_ids_of_more_text_than_one_array_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skylore.sources.ids._STRING_LIMIT", 10)
    vectors = rows(30, 4)
    vectors[7] = np.nan
    folder = write_set(tmp_path / "set", vectors, kind=pa.list_(pa.float32()))
    source = open_source(str(folder), vector_column="embedding")
    assert source.ids().type == pa.large_string()
    archive = Archive.create(tmp_path / "a.skylore")
    first = ingest(archive, source, QUIET.model_copy(update={"limit": 20}))
    again = ingest(archive, source, QUIET)
    assert (first.added, first.failed, again.added, again.already) == (19, 1, 10, 19)
