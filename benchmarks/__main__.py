"""Run every benchmark, one after the other.

``python -m benchmarks [--data DATA] [--work WORK] [--write]``. Those on real galaxies need the
folder of the real data, and those of the trained encoders the one that ``python -m
recipes.galaxy_nano`` worked in. ``--galaxy10 FILE`` and ``--galaxymnist FOLDER`` add GalaxAlign's
own data, as they are published.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import arguments

_PUBLISHED = ("galaxy10", "galaxymnist")


def main() -> None:
    """Run them in processes of their own, so that none disturbs another's figures."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, help="folder of the real data")
    parser.add_argument("--work", type=Path, help="folder of the recipe")
    parser.add_argument("--vectors", type=Path, help="for a million vectors; made if not there")
    parser.add_argument("--growth", type=Path, help="for indexes of ever more vectors: hours")
    parser.add_argument("--serve", type=Path, help="a large archive, for eight clients")
    for published in _PUBLISHED:
        parser.add_argument(f"--{published}", type=Path, help="as it is published")
    asked = parser.parse_args()
    options = ["--write"] if asked.write else []
    skylore = Path(sys.executable).with_name("skylore")
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        subprocess.run([skylore, "demo", "--dir", demo], check=True)
        for name, *given in (
            ("demo",),
            ("startup", demo / "hdf.skylore"),
            ("rates",),
            ("encoding_rate",),
            ("pipeline_cost",),
            ("pipeline_cost", "--project"),
            ("filters",),
            ("kills",),
            ("vote_heads",),
            ("scaling_laws",),
            ("captions",),
            ("reranking",),
            ("alignment_training",),
            *(_of_vectors(asked.vectors, demo.parent) if asked.vectors else ()),
            *([("growth", asked.growth)] if asked.growth else ()),
            *([("serving", asked.serve)] if asked.serve else ()),
            *(_of_real_galaxies(asked.data) if asked.data else ()),
            *(_of_trained_encoders(asked.work) if asked.work else ()),
            *_of_published_sets(vars(asked), asked.work or Path(folder)),
        ):
            module = f"benchmarks.{name}"
            writes = [] if name == "vectors" else options
            subprocess.run([sys.executable, "-m", module, *given, *writes], check=True)


def _of_vectors(folder: Path, work: Path) -> list[tuple[str | Path, ...]]:
    made = [] if (folder / "base.npy").exists() else [("vectors", folder, "1e6", "1024")]
    return [*made, ("filtered_search", folder, work)]


def _of_real_galaxies(data: Path) -> list[tuple[str | Path, ...]]:
    # Ids of these training sets are no positions; the benchmark says so beside its figures.
    unchecked = ("--unchecked", "gz1", "gz2k", "gz2", "lenses")
    return [
        ("caption_benchmark", "--data", data),
        ("evaluate_64", "--data", data, *unchecked),
        ("density", "--data", data, "--work", Path(tempfile.gettempdir()) / "skylore-density"),
    ]


def _of_trained_encoders(work: Path) -> list[tuple[str | Path, ...]]:
    archive = ("--archive", work / "galaxies.skylore")
    alone = (
        *("retrieval", "probes", "votes", "label_noise", "downstream", "simulations"),
        "symbols",
    )
    return [
        *((name, "--work", work) for name in alone),
        ("scaling_encoder", *archive, "--runs", work / "encoder-runs.skylore"),
        ("scaling_captions", *archive, "--runs", work / "caption-runs.skylore", "--work", work),
    ]


def _of_published_sets(asked: dict[str, Path | None], work: Path) -> list[tuple[str | Path, ...]]:
    given = {f"--{name}": asked[name] for name in _PUBLISHED}
    options = [part for name, path in given.items() if path is not None for part in (name, path)]
    return [("galaxalign_paper", "--work", work, *options)] if options else []


if __name__ == "__main__":
    main()
