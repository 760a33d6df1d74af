"""How many labels of the held-out objects are likely to be wrong, by confident learning.

``python -m benchmarks.label_noise --work WORK``, after ``python -m recipes.galaxy_nano all DATA
WORK``. Probabilities are those of linear probes fitted on the training split. Where a probe is
sure and wrong, its error counts as noise; where a label lies between two classes, noise is missed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recipes.probe import fit_probe

from benchmarks.held_out import encoders
from benchmarks.probes import TASKS, load
from benchmarks.report import arguments, publish, table
from skylore.encoders.registry import load_image_encoder

CHOSEN = ("GZ1, four classes", "class5, three-way", "class5, five classes")


def likely_classes(probabilities: NDArray[Any], given: NDArray[np.intp]) -> NDArray[np.intp]:
    """Give each object the class that it confidently belongs to, or its own where there is none.

    An object is counted to the likeliest of the classes whose probability is at least the mean
    that objects labelled so are given (Northcutt, Jiang & Chuang 2021, arXiv 1911.00068, eq. 1).

    Parameters
    ----------
    probabilities : ndarray, shape (N, C)
        Out of sample.
    given : ndarray of int, shape (N,)
        The labels.
    """
    classes = probabilities.shape[1]
    means = [probabilities[given == number, number].mean() for number in range(classes)]
    confident = np.where(probabilities >= np.array(means), probabilities, -1)
    return np.where(confident.max(axis=1) > 0, confident.argmax(axis=1), given)


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    options = parser.parse_args()
    objects, images = load(options.work)
    tested = (objects["split"] == "test").to_numpy()
    rows: list[list[object]] = []
    for name, place in encoders(options.work).items():
        vectors = load_image_encoder(place).encode(images)
        for task in (task for task in TASKS if task.name in CHOSEN):
            classes = task.label(objects)
            known = classes.notna().to_numpy()
            model = fit_probe(vectors[known & ~tested], classes[known & ~tested].to_numpy())
            asked = vectors[known & tested]
            given = np.searchsorted(model.classes_, classes[known & tested].to_numpy())
            likely = likely_classes(model.predict_proba(asked), given)
            right = model.predict(asked) == model.classes_[given]
            noisy = likely != given
            cells = [f"{noisy.mean():.3f}", f"{right.mean():.3f}", f"{right[~noisy].mean():.3f}"]
            rows.append([task.name, name, len(given), *cells])
    rows.sort(key=lambda row: CHOSEN.index(str(row[0])))
    header = ["task", "vectors", "objects", "likely wrong", "accuracy", "accuracy without them"]
    publish("label-noise", table(header, rows), write=options.write)


if __name__ == "__main__":
    main()
