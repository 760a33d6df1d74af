"""Make ``galaxy-nano``, the encoder that ships with Skylore, and its label-free twin.

``python -m recipes.galaxy_nano all DATA WORK`` runs every stage, or one of them:

``prepare``     the labelled galaxies of DATA and simulated ones as one archive, measured
``teacher``     an encoder that learns from people's answers, and what it makes of other images
``volunteers``  one that learns from both, and its heads
``label-free``  the twin that learns from measurements and simulations alone, and its heads
``ship``        the encoder of ``volunteers`` into the package

Stages go on where they stopped. On two cores they take about 20, 35, 35, 17 and 0 minutes.
"""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from recipes.card import HEADS_CARD, shipped_card
from recipes.galaxies import training_table
from recipes.heads import image_vectors, train_heads
from recipes.settings import LABEL_FREE, SEEN, TEACHER, VOLUNTEERS
from recipes.teaching import teach
from skylore import pipeline
from skylore.alignment.config import EncoderReference
from skylore.archive.table import Archive
from skylore.encoders.trained import GALAXY_NANO, TrainedEncoder, folder_of
from skylore.morphology.settings import PretrainSettings
from skylore.simulation.parquet import write_parquet

SIMULATIONS = 8000
_TRUTH = (
    "kind",
    "winding",
    "bulge_fraction",
    "bar_strength",
    "pitch_angle",
    "inclination",
    "axis_ratio",
    "sersic_index",
    "clumpiness",
    "colour_index",
)


def prepare(data: Path, work: Path) -> None:
    """Make the archive that both encoders are trained on."""
    work.mkdir(parents=True, exist_ok=True)
    real, simulated = work / "real.parquet", work / "simulated.parquet"
    if not real.exists():
        pq.write_table(training_table(data), real)
    archive, report = pipeline.ingest(work / "galaxies.skylore", real)
    print(report)
    print(pipeline.measure(archive))
    if not simulated.exists():
        write_parquet(simulated, SIMULATIONS, seed=0)
    labelled = work / "simulated-labelled.parquet"
    pq.write_table(_simulated(pq.read_table(simulated)), labelled)
    print(pipeline.ingest(work / "galaxies.skylore", labelled)[1])


def _simulated(table: pa.Table) -> pa.Table:
    ids = pa.array([f"sim:{name}" for name in table["id"].to_pylist()])
    constant = {"set": "sim", "survey": "simulated", "split": "train"}
    columns = {"id": ids, "object": ids, "image": table["image"]}
    columns |= {name: pa.array([value] * len(table)) for name, value in constant.items()}
    return pa.table(columns | {f"sim_{name}": table[name] for name in _TRUTH})


def train_encoder(work: Path, name: str, settings: PretrainSettings) -> TrainedEncoder:
    """Train an encoder unless it is there."""
    folder = work / name
    if not (folder / "config.json").exists():
        archive = Archive.open(work / "galaxies.skylore")
        print(pipeline.pretrain(archive, folder, settings, where=SEEN, group="object"))
    return TrainedEncoder(f"model:{folder}")


def train_teacher(work: Path) -> None:
    """Train the teacher, and let it say what it makes of the images."""
    teacher = train_encoder(work, "teacher", TEACHER)
    taught = teach(Archive.open(work / "galaxies.skylore"), teacher, SEEN)
    print(f"teacher: {taught:,} images")


def train(work: Path, name: str, settings: PretrainSettings, *, volunteers: bool) -> None:
    """Train an encoder, then its heads."""
    archive = Archive.open(work / "galaxies.skylore")
    encoder, folder = train_encoder(work, name, settings), work / name
    if (folder / "alignment").exists():
        return
    objects, vectors = image_vectors(archive, encoder, SEEN)
    known_as = GALAXY_NANO if volunteers else encoder.name
    with tqdm(desc="heads", unit="step") as bar:

        def advance(step: int, steps: int) -> None:
            bar.total = steps
            bar.update(step - bar.n)

        trained = train_heads(
            objects,
            vectors,
            pq.read_table(work / "simulated.parquet"),
            EncoderReference(name=known_as, revision=encoder.revision),
            volunteers=volunteers,
            progress=advance,
        )
    trained.model.save(folder / "alignment")
    print(f"heads: mean average precision {trained.average_precision:.3f} on held-out statements")


def ship(work: Path) -> None:
    """Copy the encoder and its heads into the package."""
    target = folder_of(GALAXY_NANO)
    if target is None:
        raise SystemExit("the package has no place for models")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(work / "volunteers", target)
    sets = Counter(
        Archive.open(work / "galaxies.skylore").read(["set"], where=SEEN)["set"].to_pylist()
    )
    (target / "README.md").write_text(shipped_card(target, sets), "utf-8")
    (target / "alignment" / "README.md").write_text(HEADS_CARD, "utf-8")
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target}: {size / 1e6:.1f} MB")


def main() -> None:
    """Run the stages that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    stages = ("prepare", "teacher", "volunteers", "label-free", "ship")
    parser.add_argument("stage", choices=("all", *stages))
    parser.add_argument("data", type=Path, help="folder of the labelled galaxies")
    parser.add_argument("work", type=Path, help="folder for archive and models")
    asked = parser.parse_args()
    chosen = stages if asked.stage == "all" else (asked.stage,)
    if "prepare" in chosen:
        prepare(asked.data, asked.work)
    if "teacher" in chosen:
        train_teacher(asked.work)
    if "volunteers" in chosen:
        train(asked.work, "volunteers", VOLUNTEERS, volunteers=True)
    if "label-free" in chosen:
        train(asked.work, "label-free", LABEL_FREE, volunteers=False)
    if "ship" in chosen:
        ship(asked.work)


if __name__ == "__main__":
    main()
