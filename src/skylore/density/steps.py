"""The step that fills posterior columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.archive.provenance import Provenance
from skylore.archive.step import Apply, Values
from skylore.density.column_spec import ColumnSpec
from skylore.density.emulator import DensityEmulator
from skylore.density.posterior_columns import LEVELS, category_columns, level_column
from skylore.errors import ColumnError, ModelError

__all__ = ["Infer", "as_column", "check_known", "emulator_in"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Infer:
    """Fills what a column could be, given others, and how usual the value is that it has.

    Of a number: ``TARGET_mean``, quantiles ``TARGET_q010`` … ``TARGET_q990`` (in per mille). Of
    categories: ``TARGET_likeliest`` and a probability each. Of both ``TARGET_logp``, the log
    density of the object's own value: low where it is unusual given the rest, null where missing.

    Parameters
    ----------
    folder : str
        Of the model.
    target : str
    given : tuple of str, optional
        All other columns of the model by default.
    """

    folder: str
    target: str
    given: tuple[str, ...] | None = None
    batch_rows: int = 2048
    processes: bool = False

    @property
    def name(self) -> str:
        """One step a target."""
        return f"infer-{self.target}"

    @property
    def _emulator(self) -> DensityEmulator:
        return emulator_in(self.folder)

    @property
    def _spec(self) -> ColumnSpec:
        return self._emulator.columns[self._emulator.place(self.target)]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The id, which every row has; then all that is read."""
        emulator = self._emulator
        named = emulator.require([self.target], self.given)
        others = [c for c in emulator.columns if c.name != self.target]
        seen = [c for c in others if self.given is None or c.name in named]
        errors = [c.error for c in (*seen, self._spec) if c.error]
        return ("id", *(c.name for c in seen), *errors, self.target)

    @property
    def outputs(self) -> pa.Schema:
        """Posterior columns, and the log density of the value that is there."""

        def field(name: str, description: str, kind: pa.DataType | None = None) -> pa.Field:
            return pa.field(name, kind or pa.float64(), metadata={"description": description})

        spec, target = self._spec, self.target
        usual = field(f"{target}_logp", f"log density of {target} given the rest, nats")
        if spec.is_categorical:
            likeliest = field(f"{target}_likeliest", f"likeliest {target}", pa.string())
            named = category_columns(target, spec.categories)
            shares = [field(named[c], f"probability that {target} is {c}") for c in named]
            return pa.schema([likeliest, *shares, usual])
        quantiles = [
            field(level_column(target, q), f"{q:.1%} quantile of {target} given the rest")
            for q in LEVELS
        ]
        return pa.schema([field(f"{target}_mean", f"expected {target}"), *quantiles, usual])

    @property
    def provenance(self) -> Provenance:
        """Model, target and what was seen."""
        return Provenance(
            step=self.name,
            parameters={
                "target": self.target,
                "given": None if self.given is None else list(self.given),
            },
            model=f"model:{self.folder}",
            revision=self._emulator.model.identity,
        )

    def prepare(self) -> Apply:
        """Load the model."""
        return partial(_infer, self._emulator, self)


def _infer(emulator: DensityEmulator, step: Infer, batch: pa.Table) -> Values:
    target, given = step.target, step.given
    table = batch.select([name for name in batch.column_names if name != "id"])
    spec = emulator.columns[emulator.place(target)]
    if spec.is_categorical:
        shares = emulator.probabilities(table, target, given)
        best = [spec.categories[i] for i in shares.argmax(axis=1)]
        columns = [pa.array(best), *(as_column(shares[:, i]) for i in range(shares.shape[1]))]
    else:
        quantiles = emulator.quantiles(table, target, list(LEVELS), given)
        columns = [as_column(emulator.mean(table, target, given))]
        columns += [as_column(quantiles[:, i]) for i in range(len(LEVELS))]
    columns.append(as_column(emulator.logprob(table, target, given)))
    return Values(pa.Table.from_arrays(columns, schema=step.outputs))


def as_column(values: Floats) -> pa.Array:
    """Make a column: NaN is null, and −∞ a number so low that it is first in order."""
    # The impossible is the most unusual of all, and still sorts and filters as a number.
    return pa.array(np.maximum(values, -1e9), pa.float64(), from_pandas=True)


def check_known(
    emulator: DensityEmulator,
    there: Sequence[str],
    targets: Sequence[str],
    given: Sequence[str] | None,
) -> None:
    """Refuse to take for known what an archive lacks, where nothing was said of what is.

    Raises
    ------
    ColumnError
        A column of the model is not among those that are ``there``.
    """
    known = [c.name for c in emulator.columns if c.name not in targets]
    lacking = [name for name in known if name not in there]
    if given is None and lacking:
        have = ",".join(name for name in known if name in there)
        raise ColumnError(
            f"the archive lacks {', '.join(lacking)}, which the model knows; say what is known: "
            f'--given "{have}"'
        )


def emulator_in(folder: str) -> DensityEmulator:
    """Load an emulator once a process, and anew when it was written anew."""
    config = Path(folder) / "config.json"
    return _load(folder, config.stat().st_mtime_ns if config.exists() else 0)


@lru_cache(maxsize=2)
def _load(folder: str, written: int) -> DensityEmulator:  # noqa: ARG001 - told apart by it
    if not folder:
        raise ModelError("name the folder of a density emulator")
    return DensityEmulator.load(folder)
