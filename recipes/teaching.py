"""What a first encoder makes of images that nobody has classed, and of classes that may be wrong.

The encoder that ships learns from these shares beside the classes themselves: distillation into a
network of the same size (Hinton, Vinyals & Dean 2015, arXiv 1503.02531; Furlanello et al. 2018,
arXiv 1805.04770), and pseudo-labels for the larger part of the images, which no volunteer of
Galaxy Zoo 1 has classed (Lee 2013).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from recipes.probe import fit_probe
from skylore.archive.staging import ROW
from skylore.archive.table import Archive
from skylore.encoders.base import Pixels
from skylore.encoders.registry import load_image_encoder
from skylore.encoders.trained import TrainedEncoder
from skylore.imaging.decode import decode
from skylore.morphology.tree import load_tree

__all__ = ["PREFIX", "TAUGHT", "teach"]

TAUGHT = "recipes/taught.json"
"""The questions that are taught, as a decision tree; recipes are run beside their folder."""
PREFIX = "taught_"
"""Of the columns of shares."""

_SDSS = "`set` IN ('gz1', 'gz2k', 'gz2')"
_TRUST = 0.5
"""How far a class that was given counts against what the teacher says."""
_FOLDS = 5
_BATCH = 512

Shares = NDArray[np.float32]


def teach(archive: Archive, teacher: TrainedEncoder, seen: str) -> int:
    """Write the shares of the classes into columns of the archive, for SDSS images; count them."""
    tree = load_tree(TAUGHT)
    names = [f"{PREFIX}{column}" for column in tree.columns]
    if names[0] in archive.schema.names:
        return archive.filled(names[0])
    questions = [question.name for question in tree.questions]
    wanted = ["id", "object", *questions, "image"]
    objects = archive.read(wanted, where=f"({seen}) AND {_SDSS}", row_ids=True).sort_by("id")
    vectors = _vectors(teacher, objects["image"].to_pylist())
    shares = np.concatenate([_shares(objects, name, vectors) for name in questions], axis=1)
    archive.add_columns([pa.field(name, pa.float32()) for name in names])
    columns = dict(zip(names, shares.T, strict=True))
    archive.write(pa.table({ROW: objects[ROW], **columns}))
    return len(shares)


def _vectors(teacher: TrainedEncoder, images: list[bytes]) -> Shares:
    """Join what the teacher sees, on average over quarter turns and mirrors, and scattering."""
    scattering = load_image_encoder("scattering")
    parts = []
    for start in range(0, len(images), _BATCH):
        shown = [decode(data) for data in images[start : start + _BATCH]]
        seen = np.mean([teacher.encode(view) for view in _views(shown)], axis=0)
        parts.append(np.hstack([seen, scattering.encode(shown)]))
    return np.concatenate(parts)


def _views(images: list[Pixels]) -> list[list[Pixels]]:
    turned = [[np.rot90(image, turns) for image in images] for turns in range(4)]
    return turned + [[image[:, ::-1] for image in view] for view in turned]


def _shares(objects: pa.Table, question: str, vectors: Shares) -> Shares:
    """Foretell the classes of all objects, of those that have one by others' classes alone."""
    classes = np.array(objects[question].to_pylist(), dtype=object)
    given = np.array([name is not None for name in classes])
    known = classes[given].astype(str)
    groups = np.array(objects["object"].to_pylist())[given]
    foretold = np.empty((len(known), len(np.unique(known))), np.float32)
    for others, asked in GroupKFold(_FOLDS).split(known, groups=groups):
        model = fit_probe(vectors[given][others], known[others])
        foretold[asked] = model.predict_proba(vectors[given][asked])
    own = known[:, None] == np.unique(known)
    shares = np.empty((len(classes), own.shape[1]), np.float32)
    shares[given] = _TRUST * own + (1 - _TRUST) * foretold
    shares[~given] = fit_probe(vectors[given], known).predict_proba(vectors[~given])
    return shares
