"""Steps that wait for others: batches side by side, and rows that are left as they were."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier

import pyarrow as pa

from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.step import Apply, Overlapping, Values
from skylore.archive.table import Archive


@dataclass(frozen=True)
class WaitingStep(LengthStep):
    """Goes on only when as many batches are under way as there should be; leaves some rows."""

    batches_at_once: int = 4
    batch_rows: int = 5
    leave: tuple[str, ...] = ()
    together: Barrier = field(default_factory=lambda: Barrier(4))

    def prepare(self) -> Apply:
        def apply(batch: pa.Table) -> Values:
            self.together.wait(timeout=20)
            values = self._apply(batch)
            ids = batch["id"].to_pylist()
            left = frozenset(i for i, name in enumerate(ids) if name in self.leave)
            return Values(values.table, {}, left)

        return apply


def make(path: Path, rows: int) -> Archive:
    archive = Archive.create(path)
    images = [bytes(i + 1) for i in range(rows)]
    archive.append(pa.table({"id": [f"g{i}" for i in range(rows)], "image": images}))
    return archive


def test_batches_run_side_by_side(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore", 40)
    step = WaitingStep()
    assert isinstance(step, Overlapping)
    report = archive.fill(step, FillOptions(progress=False))
    assert report.done == 40
    assert archive.read(["length"])["length"].to_pylist() == list(range(1, 41))


def test_rows_that_are_left_end_the_run_and_stay(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.skylore", 60)
    step = WaitingStep(leave=("g2", "g3"), batches_at_once=1, together=Barrier(1))
    report = archive.fill(step, FillOptions(progress=False))
    assert (report.done, report.failed, report.left) == (3, 0, 57)
    assert archive.filled("length") == 3
    assert archive.count("length IS NULL AND id IN ('g2', 'g3')") == 2
    again = archive.fill(LengthStep(), FillOptions(progress=False))
    assert again.done == report.left
