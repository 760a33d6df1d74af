"""How to run a step, and what a run did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["FillOptions", "FillReport"]


class FillOptions(BaseModel):
    """How to run a step.

    Attributes
    ----------
    limit
        Do at most so many rows in this run.
    seconds
        Begin no batch after so many seconds.
    retry_failed
        Try again the rows that were set aside.
    overwrite
        Drop the columns first if they were made in another way.
    workers
        Worker processes; 0 works in this one, in threads where the step waits for others. None
        chooses one a core for steps that gain by it, else none.
    memory
        Bytes that the batches under way may take, images decoded.
    batch_rows
        Rows in a batch; None takes the step's own, cut down to ``memory``.
    fold_rows, fold_bytes
        Finished rows become visible to readers after so many rows or bytes.
    engine
        ``ray`` works on a Ray cluster, where ``workers`` are batches under way.
    progress
        Show a progress bar on stderr.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = Field(None, ge=0)
    seconds: float | None = Field(None, gt=0)
    retry_failed: bool = False
    overwrite: bool = False
    workers: int | None = Field(None, ge=0)
    memory: int = Field(2 << 30, gt=0)
    batch_rows: int | None = Field(None, gt=0)
    fold_rows: int = Field(100_000, gt=0)
    fold_bytes: int = Field(256 << 20, gt=0)
    engine: Literal["ray"] | None = None
    progress: bool = True

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.engine is not None and self.workers == 0:
            raise ValueError("workers=0 works in this process, and an engine elsewhere")
        return self


@dataclass(frozen=True)
class FillReport:
    """What a run did.

    Attributes
    ----------
    step
        Its name.
    done, failed
        Rows finished and set aside by this run.
    already
        Rows that had a value before.
    waiting
        Rows whose input is not there yet.
    left
        Rows not tried: beyond the limit, the time or the budget, or set aside earlier.
    seconds
        Duration.
    """

    step: str
    done: int
    failed: int
    already: int
    waiting: int
    left: int
    seconds: float

    @property
    def succeeded(self) -> int:
        """Rows that have a value now, made by this run or before."""
        return self.done + self.already

    def __str__(self) -> str:
        """Say it in one line."""
        parts = [f"{self.step}: {self.done} done"]
        if self.already:
            parts.append(f"{self.already} were there already")
        if self.failed:
            parts.append(f"{self.failed} set aside (see `skylore info`)")
        if self.waiting:
            parts.append(f"{self.waiting} lack the input of an earlier step")
        if self.left:
            parts.append(f"{self.left} left")
        return ", ".join(parts) + f" ({self.seconds:.1f} s)"
