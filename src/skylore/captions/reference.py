"""What is usual in an archive, so that words such as "red" can mean "redder than most"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, model_validator

from skylore.errors import ColumnError

__all__ = ["RELATIVE_COLUMNS", "MeasurementReference"]

RELATIVE_COLUMNS = (
    "colour",
    "colour_gradient",
    "half_light_radius",
    "concentration",
    "sersic_n",
    "gini",
    "m20",
    "asymmetry",
    "deviation",
    "lopsidedness",
    "residual",
    "fine_structure",
    "arm_strength",
    "outline_asymmetry",
)
"""The measurements whose words are relative to the archive."""

_LEVELS = tuple(float(level) for level in np.round(np.linspace(0.0, 1.0, 101), 2))
_FEWEST = 30


class MeasurementReference(BaseModel):
    """Percentiles of measurements over one archive, as plain JSON values.

    Display images are nonlinear, so published cuts in asymmetry or Gini do not carry over;
    rank within objects drawn alike does.

    Attributes
    ----------
    percentiles
        For each column the values at 0, 1, … 100 %, rising; empty where fewer than 30 objects have
        one, too few to say what is usual.
    objects
        How many well-measured objects they come from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    percentiles: Mapping[str, tuple[float, ...]]
    objects: int

    @model_validator(mode="after")
    def _rises(self) -> MeasurementReference:
        for name, values in self.percentiles.items():
            if values and (len(values) != len(_LEVELS) or any(np.diff(values) < 0)):
                raise ValueError(f"{name} needs {len(_LEVELS)} rising percentiles")
        return self

    @classmethod
    def fit(cls, table: pa.Table) -> MeasurementReference:
        """Take the percentiles of the measurement columns of ``table``.

        A small archive has no usual values: with fewer than 30 well-measured objects all ranks are
        NaN, and only what is absolute can be said of them.

        Parameters
        ----------
        table
            ``measure_flag`` and the columns of :data:`RELATIVE_COLUMNS`; others are ignored. Rows
            that are flagged bad or have no value for a column are left out.

        Raises
        ------
        ColumnError
            A column is missing: run the measure step first.
        """
        if missing := {"measure_flag", *RELATIVE_COLUMNS} - set(table.column_names):
            raise ColumnError(f"no column {', '.join(sorted(missing))}; run the measure step first")
        flags = _numbers(table, "measure_flag")
        good = flags < 2
        percentiles: dict[str, tuple[float, ...]] = {}
        for name in RELATIVE_COLUMNS:
            values = _numbers(table, name)[good]
            known = values[np.isfinite(values)]
            enough = known.size >= _FEWEST
            percentiles[name] = tuple(np.quantile(known, _LEVELS).tolist()) if enough else ()
        return cls(percentiles=percentiles, objects=int(good.sum()))

    def rank(self, name: str, value: float) -> float:
        """Share of the archive, 0 to 1, below ``value``; NaN for NaN, or with nothing to compare.

        Raises
        ------
        ColumnError
            The reference knows no such column.
        """
        if name not in self.percentiles:
            raise ColumnError(f"the reference has no percentiles of {name}; fit it again")
        values = np.asarray(self.percentiles[name])
        if not (values.size and np.isfinite(value)):
            return float("nan")
        low, high = np.searchsorted(values, value, "left"), np.searchsorted(values, value, "right")
        if high > low:  # equal values share the middle of their ranks
            return float(low + high - 1) / 2 / (len(_LEVELS) - 1)
        return float(np.interp(value, values, _LEVELS))


def _numbers(table: pa.Table, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    column = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(column, np.float64)
