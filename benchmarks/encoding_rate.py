"""Embedding an archive beside the bare forward pass on prepared batches, interleaved.

``python -m benchmarks.encoding_rate``: real galaxies; galaxy-nano, and a ViT-S of random weights
that transformers saved. 1 means that decoding, preparing and writing hide behind the network.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from benchmarks.rates import DATA, spread
from benchmarks.report import arguments, publish, table
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.encoders.network import NetworkEncoder
from skylore.encoders.registry import load_image_encoder
from skylore.encoders.steps import EmbedImages
from skylore.imaging.decode import decode
from skylore.intake.ingest import IngestOptions, ingest
from skylore.sources.open import open_source

ROUNDS = 5
A_BATCH = 32


def save_vit(folder: Path) -> str:
    """Save a ViT-S/16 of random weights as transformers does, and name its encoder."""
    from transformers import ViTConfig, ViTModel

    shape = ViTConfig(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, intermediate_size=1536
    )
    torch.manual_seed(0)
    ViTModel(shape, add_pooling_layer=False).save_pretrained(folder)
    settings = {
        "size": {"height": 224, "width": 224},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return f"hf:{folder}"


def prepared_batches(encoder: NetworkEncoder, images: list[bytes]) -> list[dict[str, torch.Tensor]]:
    """Decode and prepare all images beforehand, on the device."""
    size = encoder.inputs_per_pass
    pixels = [decode(data) for data in images]
    batches = [encoder.prepare(pixels[i : i + size]) for i in range(0, len(pixels), size)]
    return [{n: t.to(encoder.device) for n, t in batch.items()} for batch in batches]


def bare(encoder: NetworkEncoder, batches: list[dict[str, torch.Tensor]]) -> float:
    """Time the network alone."""
    start = time.perf_counter()
    with torch.inference_mode():
        for batch in batches:
            encoder.forward(batch)
        if encoder.device.type == "cuda":
            torch.cuda.synchronize()
    return time.perf_counter() - start


def embedding(archive: Archive, name: str) -> float:
    """Time the step from an archive without vectors to one with all of them committed."""
    archive.drop_columns(["image_vector"])
    start = time.perf_counter()
    report = archive.fill(EmbedImages(name), FillOptions(progress=False, batch_rows=A_BATCH))
    taken = time.perf_counter() - start
    if report.done != len(archive):
        raise RuntimeError(f"only {report}")
    return taken


def rows_of(name: str, label: str, count: int, folder: Path, rounds: int) -> list[list[object]]:
    """Compare embedding with the bare network."""
    archive = Archive.create(folder / f"{label}.skylore")
    ingest(archive, open_source(str(DATA)), IngestOptions(progress=False, limit=count))
    encoder = load_image_encoder(name)
    if not isinstance(encoder, NetworkEncoder):
        raise TypeError(f"{name} is no network")
    column = archive.read(["image"])["image"]
    images: list[bytes] = pa.chunked_array(column).to_pylist()
    batches = prepared_batches(encoder, images)
    bare(encoder, batches)
    embedding(archive, name)
    ours, network = [], [bare(encoder, batches)]
    for _ in range(rounds):
        ours.append(embedding(archive, name))
        network.append(bare(encoder, batches))
    # The load of a shared machine drifts: the network is timed before and after each embedding.
    alone = (np.array(network[:-1]) + np.array(network[1:])) / 2
    threads = f"{torch.get_num_threads()} threads" if encoder.device.type == "cpu" else "GPU"
    return [
        [
            label,
            threads,
            spread(count / alone, ".0f"),
            spread(count / np.array(ours), ".0f"),
            spread(alone / np.array(ours), ".2f"),
            f"{rounds} × {count}",
        ]
    ]


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    if not DATA.exists():
        sys.exit(f"needs the real images in {DATA.name}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        vit = save_vit(folder / "vit")
        rows = rows_of("galaxy-nano", "galaxy-nano", 768, folder, options.rounds)
        rows += rows_of(vit, "ViT-S/16, 224 px", 64, folder, options.rounds)
    header = [
        "encoder",
        "network on",
        "network alone, images/s",
        "embed, images/s",
        "embed / network",
        "n",
    ]
    publish("encoding_rate", table(header, rows), write=options.write)


if __name__ == "__main__":
    main()
