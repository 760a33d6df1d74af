"""The tables of the density benchmark, with their fixed splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skylore.evaluation.gaussian_mixture import GaussianMixture

Values = NDArray[np.float64]

FOLDS = 5


class Task(NamedTuple):
    """A table, and the column to foretell from all others.

    Attributes
    ----------
    name : str
    columns : tuple of str
    training, test : ndarray, shape (N, V)
        NaN where a value is missing.
    target : str
    cap : float
        Value at which many rows of the target lie exactly; NaN if there is none.
    near_cap : float
        From here on, what a model without point masses gives counts as the cap's.
    features : callable, optional
        Makes of the columns what peers are given instead, as their users would.
    """

    name: str
    columns: tuple[str, ...]
    training: Values
    test: Values
    target: str
    cap: float = np.nan
    near_cap: float = np.nan
    features: Callable[[dict[str, Values]], dict[str, Values]] | None = None

    @property
    def place(self) -> int:
        """Where the target is among the columns."""
        return self.columns.index(self.target)

    def given(self, rows: Values) -> Values:
        """Give rows with the target taken out."""
        hidden = rows.copy()
        hidden[:, self.place] = np.nan
        return hidden

    def for_peers(self, rows: Values) -> dict[str, Values]:
        """Give the columns that peers see, and the target."""
        columns = dict(zip(self.columns, rows.T.copy(), strict=True))
        return columns if self.features is None else self.features(columns)

    def truth(self) -> Values:
        """Give the target's values in the test rows."""
        return self.test[:, self.place]


def california(data: Path) -> Task:
    """Nine columns as scikit-learn has them; 207 rows lack the bedrooms."""
    table = pd.read_csv(data / "california_housing.csv")
    homes = table["households"]
    columns = {
        "MedInc": table["median_income"],
        "HouseAge": table["housing_median_age"],
        "AveRooms": table["total_rooms"] / homes,
        "AveBedrms": table["total_bedrooms"] / homes,
        "Population": table["population"],
        "AveOccup": table["population"] / homes,
        "Latitude": table["latitude"],
        "Longitude": table["longitude"],
        "HouseValue": table["median_house_value"] / 1e5,
    }
    return _task("california", columns, "HouseValue", cap=5.00001, near_cap=4.99)


def photoz(data: Path) -> Task:
    """SDSS galaxies as they are: magnitudes, their errors, redshift."""
    table = pd.read_csv(data / "sdss_photoz.csv")
    task = _task("photoz", dict(table.items()), "redshift")
    return task._replace(features=photometry)


def photometry(columns: dict[str, Values]) -> dict[str, Values]:
    """Give magnitudes within 10 and 28, log errors and adjacent colours, and the redshift."""
    bands = {band: columns[band].clip(10, 28) for band in "ugriz"}
    errors = {f"{band}_log_err": np.log(columns[f"{band}_err"]) for band in "ugriz"}
    colours = {
        f"{blue}_{red}": bands[blue] - bands[red] for blue, red in zip("ugri", "griz", strict=True)
    }
    return bands | errors | colours | {"redshift": columns["redshift"]}


def red_galaxies(data: Path) -> Task:
    """2SLAQ luminous red galaxies; the sentinel −666 is a missing value."""
    table = pd.read_csv(data / "2slaq_lrg_photoz.csv").replace(-666.0, np.nan)
    return _task("2slaq", dict(table.items()), "redshift")


def hipparcos(data: Path) -> Task:
    """Absolute magnitude of stars from spectral and luminosity class and apparent magnitude."""
    table = pd.read_csv(data / "hipparcos_stars.csv.gz")
    classes = {letter: i for i, letter in enumerate("OBAFGKM")}
    sizes = {name: i for i, name in enumerate(("Ia0", "Ia", "Ib", "II", "III", "IV", "V", "VI"))}
    subclass = table["spec_subclass"].where(table["spec_subclass"] < 10)
    columns = {
        "spectral": 10.0 * table["spec_class"].map(classes) + subclass,
        "luminosity": table["lum_class"].map(sizes).astype(float),
        "app_vmag": table["app_vmag"],
        "abs_vmag": table["abs_vmag"],
    }
    return _task("hipparcos", columns, "abs_vmag")


def two_branches() -> GaussianMixture:
    """Dwarfs and giants in temperature (kK), gravity, metallicity and apparent magnitude.

    At 4,700 K gravity has two modes, which is where the published figures miss one.
    """
    weights = np.array([0.3, 0.25, 0.25, 0.15, 0.05])
    means = np.array(
        [
            [5.7, 4.40, -0.05, 13.0],
            [4.6, 4.60, -0.10, 14.5],
            [4.75, 2.60, -0.15, 11.0],
            [4.2, 1.50, -0.35, 11.8],
            [4.9, 2.40, -1.30, 13.2],
        ]
    )
    deviations = np.array(
        [
            [0.40, 0.15, 0.20, 1.0],
            [0.40, 0.08, 0.20, 0.9],
            [0.15, 0.20, 0.20, 1.1],
            [0.25, 0.45, 0.25, 1.0],
            [0.20, 0.50, 0.35, 1.0],
        ]
    )
    correlations = np.array([-0.7, -0.6, 0.5, 0.85, 0.7])
    covariances = np.einsum("ki,kj->kij", deviations, deviations) * np.eye(4)
    bent = correlations * deviations[:, 0] * deviations[:, 1]
    covariances[:, 0, 1] = covariances[:, 1, 0] = bent
    leaning = np.array([-0.3, -0.2, -0.5, -0.4, -0.4]) * deviations[:, 0] * deviations[:, 2]
    covariances[:, 0, 2] = covariances[:, 2, 0] = leaning
    return GaussianMixture(weights, means, covariances)


def kiel(rows: int = 12_000) -> Task:
    """Draw the analytic joint; gravity is the target."""
    columns = ("teff", "logg", "metallicity", "magnitude")
    table = two_branches().sample(rows, seed=20)
    return _task("kiel", dict(zip(columns, table.T, strict=True)), "logg")


def limited(task: Task, training: int | None, test: int | None) -> Task:
    """Take the first rows of each part only, in an order of chance that is always the same."""
    rng = np.random.default_rng(0)
    kept = [
        part[np.sort(rng.permutation(len(part))[: count or len(part)])]
        for part, count in ((task.training, training), (task.test, test))
    ]
    return task._replace(training=kept[0], test=kept[1])


def _task(
    name: str,
    columns: dict[str, pd.Series] | dict[str, Values],
    target: str,
    *,
    cap: float = np.nan,
    near_cap: float = np.nan,
) -> Task:
    """Hold out rows whose number's SHA-256 is a multiple of 5; exact repeats stay together."""
    table = np.stack([np.asarray(column, np.float64) for column in columns.values()], axis=1)
    names = list(columns)
    place = names.index(target)
    known = np.isfinite(table[:, place]) & (np.isfinite(table).sum(axis=1) > 1)
    numbers = np.arange(len(table))
    _, first, group = np.unique(table, axis=0, return_index=True, return_inverse=True)
    held_out = np.array([_digest(int(i)) % FOLDS == 0 for i in numbers[first]])[group.ravel()]
    return Task(
        name, tuple(names), table[known & ~held_out], table[known & held_out], target, cap, near_cap
    )


def _digest(number: int) -> int:
    return int(hashlib.sha256(str(number).encode()).hexdigest(), 16)


def all_tasks(data: Path) -> list[Task]:
    """Give the five tables."""
    return [california(data), photoz(data), red_galaxies(data), hipparcos(data), kiel()]
