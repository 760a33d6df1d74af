"""The finished runs of a manifest, as laws are fitted to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.errors import ModelError
from skylore.scaling.experiments.manifest import require_manifest
from skylore.scaling.runs import Runs

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Recorded", "read_runs"]

_UNITS = {"alignment": "captioned object"}


@dataclass(frozen=True, eq=False)
class Recorded:
    """Finished runs of one experiment.

    Attributes
    ----------
    name : str
        Task and label.
    unit : str
        What is counted as data, in the singular.
    runs : Runs
    widths : ndarray, shape (R,)
        Of the model of each run.
    floor : float or None
        A loss that no model can beat on the test objects.
    planned, failed : int
        Runs in the manifest, and those that were set aside.
    """

    name: str
    unit: str
    runs: Runs
    widths: NDArray[np.int64]
    floor: float | None
    planned: int
    failed: int

    def of_width(self, width: int) -> Runs:
        """Give the runs of one model."""
        return self.runs.where(self.widths == width)


def read_runs(archive: Archive) -> Recorded:
    """Read the finished runs of a manifest.

    Raises
    ------
    ArchiveError
        The archive holds no runs.
    ModelError
        Not one of them is finished.
    """
    require_manifest(archive)
    failed = archive.quarantine.read("train").num_rows
    done = archive.filled("loss") if "loss" in archive.schema.names else 0
    if not done:
        raise ModelError(
            f"none of the {len(archive)} runs of {archive} is finished ({failed} failed; see "
            "`skylore info`); run `skylore scale run` again"
        )
    columns = ["id", "task", "data", "width", "seed", "subset", "loss", "parameters", "loss_floor"]
    table = archive.read(columns, where="loss IS NOT NULL").sort_by("id")
    task = json.loads(table["task"][0].as_py())
    label = task.get("label")
    return Recorded(
        name=f"{task['task']} of {label}" if label else task["task"],
        unit=_UNITS.get(task["task"], "label"),
        runs=Runs(
            *(table[name].to_numpy() for name in ("data", "loss", "parameters", "subset", "seed"))
        ),
        widths=table["width"].to_numpy(),
        floor=_floor(table["loss_floor"]),
        planned=len(archive),
        failed=failed,
    )


def _floor(column: pa.ChunkedArray) -> float | None:
    values = column.drop_null().to_numpy()
    return float(values.min()) if len(values) else None
