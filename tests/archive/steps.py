"""Steps for tests: importable by worker processes."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from skylore.archive.provenance import Provenance
from skylore.archive.step import Apply, Values


@dataclass(frozen=True)
class LengthStep:
    """Writes the length of each image, logging each row that it is paid for."""

    log: str = ""
    bad: tuple[str, ...] = ()
    deadly: tuple[str, ...] = ()
    broken: bool = False
    factor: int = 1
    seconds: float = 0.0
    batch_rows: int = 16
    processes: bool = False
    name: str = "length"
    inputs: tuple[str, ...] = ("image",)
    columns: tuple[str, str] = ("length", "double")

    @property
    def outputs(self) -> pa.Schema:
        whole, twice = self.columns
        return pa.schema([pa.field(whole, pa.int64()), pa.field(twice, pa.float32())])

    @property
    def provenance(self) -> Provenance:
        return Provenance(step=self.name, parameters={"factor": self.factor})

    def prepare(self) -> Apply:
        if self.broken:
            raise RuntimeError("this step cannot be prepared")
        return self._apply

    def _apply(self, batch: pa.Table) -> Values:
        ids = [str(i) for i in batch["id"].to_pylist()]
        time.sleep(self.seconds)
        if set(ids) & set(self.deadly):
            os._exit(9)
        if set(ids) & set(self.bad):
            raise ValueError("a bad row")
        if self.log:
            with Path(self.log).open("a") as file:
                file.write("".join(f"{i}\n" for i in ids))
        given = batch[self.inputs[0]].to_pylist()
        lengths = [(x if isinstance(x, int) else len(x)) * self.factor for x in given]
        whole, twice = self.columns
        return Values(pa.table({whole: lengths, twice: [2.0 * x for x in lengths]}))


@dataclass(frozen=True)
class FirstByteStep(LengthStep):
    """Writes another column than its base, so that both can run at once."""

    name: str = "first-byte"

    @property
    def outputs(self) -> pa.Schema:
        return pa.schema([pa.field("first_byte", pa.int64())])

    def _apply(self, batch: pa.Table) -> Values:
        time.sleep(self.seconds)
        return Values(pa.table({"first_byte": [x[0] for x in batch["image"].to_pylist()]}))


@dataclass(frozen=True)
class KnownStep(LengthStep):
    """Leaves the number of its process in a folder."""

    folder: str = ""

    def _apply(self, batch: pa.Table) -> Values:
        (Path(self.folder) / str(os.getpid())).touch()
        return super()._apply(batch)
