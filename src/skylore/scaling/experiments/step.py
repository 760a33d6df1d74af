"""The step that trains the runs of a manifest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from skylore.archive.location import Location
from skylore.archive.provenance import Provenance
from skylore.archive.step import Apply, Values
from skylore.errors import ArchiveError
from skylore.scaling.experiments.opening import open_task
from skylore.scaling.experiments.settings import Experiment
from skylore.scaling.experiments.task import Outcome, Task

__all__ = ["TrainRuns"]


@dataclass(frozen=True)
class TrainRuns:
    """Fills ``loss`` and other figures of runs by training them.

    Attributes
    ----------
    experiment : Experiment
    source : Location
        The archive that is learnt from.
    folder : Path
        For decoded images and checkpoints.
    revision : str
        The digest of the task, so that runs on other labels are never mixed with these.
    """

    experiment: Experiment
    source: Location
    folder: Path
    revision: str
    batch_rows: int = 1
    processes: bool = False
    name: str = "train"
    inputs: tuple[str, ...] = ("data", "width", "seed", "subset")

    @property
    def outputs(self) -> pa.Schema:
        """The loss, the metrics of the task, and how they were reached."""
        described = {
            "loss": (pa.float64(), "on the test objects, nats"),
            **{name: (pa.float64(), text) for name, text in self.experiment.metrics.items()},
            "parameters": (pa.int64(), "trained parameters of the model"),
            "steps": (pa.int64(), "steps trained"),
            "chosen_step": (pa.int64(), "step whose weights were kept"),
            "loss_floor": (pa.float64(), "loss that no model can beat on the test objects"),
            "seconds": (pa.float64(), "duration, since the run was last begun"),
        }
        return pa.schema(
            [
                pa.field(name, kind, metadata={"description": text})
                for name, (kind, text) in described.items()
            ]
        )

    @property
    def provenance(self) -> Provenance:
        """The experiment, and the digest of what it learns from."""
        return Provenance(
            step=self.name,
            parameters=self.experiment.model_dump(mode="json"),
            model=self.experiment.name,
            revision=self.revision,
        )

    def prepare(self) -> Apply:
        """Open the task."""
        from skylore.archive.table import Archive

        archive = Archive.open(self.source.root, storage_options=self.source.storage_options)
        task = open_task(archive, self.experiment, self.folder, progress=False)
        if task.digest != self.revision:
            raise ArchiveError(f"{archive} was changed while runs on it began; run them again")

        def apply(batch: pa.Table) -> Values:
            rows = [self._train(task, **row) for row in batch.select(self.inputs).to_pylist()]
            return Values(pa.Table.from_pylist(rows, schema=self.outputs))

        return apply

    def _train(
        self, task: Task, *, data: int, width: int, seed: int, subset: int
    ) -> dict[str, float | None]:
        began = time.monotonic()
        found: Outcome = task.run(data, width, seed, subset)
        return {
            "loss": found.loss,
            **dict.fromkeys(self.experiment.metrics),
            **found.metrics,
            "parameters": found.parameters,
            "steps": found.steps,
            "chosen_step": found.chosen_step,
            "loss_floor": task.floor,
            "seconds": time.monotonic() - began,
        }
