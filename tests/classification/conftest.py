from __future__ import annotations

import numpy as np
import pytest

from morphology.shapes import QUICK, archive_of, shape_rows
from skylore.archive.table import Archive
from skylore.classification.service import fit_classifier
from skylore.classification.settings import ClassifierSettings
from skylore.morphology.service import pretrain_encoder


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Bars and discs; the last 32 are not labelled by ``known``."""
    rows = dict(shape_rows(128))
    rows["known"] = [kind if i < 96 else None for i, kind in enumerate(rows["shape"])]
    rows["ra"] = np.linspace(0, 100, 128)
    rows["dec"] = np.zeros(128)
    return archive_of(tmp_path_factory.mktemp("classes") / "a.skylore", rows)


@pytest.fixture(scope="session")
def network(shapes: Archive, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small encoder that has seen shapes, and can be trained on."""
    folder = tmp_path_factory.mktemp("start") / "m"
    pretrain_encoder(shapes, folder, QUICK, progress=False)
    return f"model:{folder}"


@pytest.fixture(scope="session")
def quick(network: str) -> ClassifierSettings:
    """A recipe of seconds."""
    return ClassifierSettings(
        network=network,
        head_steps=20,
        steps=30,
        tuning_rate=1.0,
        batch_size=16,
        dimension=16,
        drawings=8,
        precision="float32",
        learning_rate=5e-3,
        network_rate=1.0,
        averaging=0.8,
        validation=0.25,
    )


@pytest.fixture(scope="session")
def model(shapes: Archive, quick: ClassifierSettings, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("model") / "m"
    fit_classifier(shapes, "known", folder, quick, progress=False)
    return folder
