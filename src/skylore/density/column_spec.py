"""What was learnt of one column: its kind, its transform, its point masses and gaps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from skylore.density.transforms import Warp

__all__ = ["ColumnSpec", "Kind"]

Kind = Literal["continuous", "integer", "bounded", "heavy-tailed", "categorical"]


class ColumnSpec(BaseModel):
    """What was learnt of one column.

    Attributes
    ----------
    name : str
    kind : {"continuous", "integer", "bounded", "heavy-tailed", "categorical"}
    rows, missing, infinite : int
        With a value; without; infinite, which counts as missing.
    sentinels : dict of str to int
        Numbers that stand for "no value", and how many rows have them: missing too.
    atoms : tuple of float
        Values with a probability of their own.
    lower, upper : float, optional
        Beyond which the density is zero.
    error : str, optional
        The column of its measurement errors.
    warp : Warp, optional
        Of a number.
    categories : tuple of str
        Of text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    rows: Annotated[int, Field(ge=0)]
    missing: int = 0
    infinite: int = 0
    sentinels: dict[str, int] = {}
    atoms: tuple[float, ...] = ()
    lower: float | None = None
    upper: float | None = None
    error: str | None = None
    warp: Warp | None = None
    categories: tuple[str, ...] = ()

    @property
    def is_categorical(self) -> bool:
        """Whether it has categories instead of an order."""
        return self.kind == "categorical"

    def __str__(self) -> str:
        """Say it in one line."""
        parts: list[str] = [self.kind]
        if self.categories:
            parts.append(f"{len(self.categories)} categories")
        if self.atoms:
            parts.append(f"point masses at {', '.join(f'{a:.10g}' for a in self.atoms)}")
        if self.lower is not None or self.upper is not None:
            ends = (
                ("−∞" if self.lower is None else f"{self.lower:.10g}"),
                ("∞" if self.upper is None else f"{self.upper:.10g}"),
            )
            parts.append(f"within {ends[0]} … {ends[1]}")
        if self.error:
            parts.append(f"errors in {self.error}")
        for value, rows in self.sentinels.items():
            parts.append(f"{rows} {'row holds' if rows == 1 else 'rows hold'} {value}: no value")
        if self.infinite:
            parts.append(f"{self.infinite} infinite: no value")
        if self.missing:
            parts.append(f"{self.missing} missing")
        return f"{self.name}: {'; '.join(parts)}"
