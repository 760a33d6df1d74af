"""The account of how right densities are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from skylore.evaluation.bootstrap import Interval

__all__ = ["CheckReport", "ColumnCheck"]


class ColumnCheck(BaseModel):
    """How good the densities of one column are, with 95 % bootstrap intervals over rows.

    Attributes
    ----------
    column : str
    rows : int
        That have a value.
    impossible : int
        With a value that the model holds impossible; left out of ``nats``.
    nats : Interval
        Mean negative log density, in the column's own unit.
    crps : Interval, optional
        Continuous ranked probability score; of categories, the Brier score.
    ks : float, optional
        Kolmogorov-Smirnov distance of the randomised PIT from uniform.
    p_value : float, optional
        Of that distance.
    coverage : dict of str to float
        Share of values within central intervals.
    accuracy : float, optional
        Of the likeliest category.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    rows: int
    impossible: int
    nats: Interval
    crps: Interval
    ks: float | None = None
    p_value: float | None = None
    coverage: dict[str, float] = {}
    accuracy: float | None = None

    def __str__(self) -> str:
        """Say it in one line."""
        line = (
            f"{self.column}: {self.rows} rows, {self.nats.mean:.4g} nats "
            f"[{self.nats.low:.4g}, {self.nats.high:.4g}]"
        )
        more = f", {self.impossible} held impossible" if self.impossible else ""
        if self.accuracy is not None:
            return f"{line}, Brier {self.crps.mean:.4g}, accuracy {self.accuracy:.3f}{more}"
        covers = ", ".join(f"{share} % holds {found:.1%}" for share, found in self.coverage.items())
        return (
            f"{line}, CRPS {self.crps.mean:.4g} [{self.crps.low:.4g}, {self.crps.high:.4g}], "
            f"PIT KS {self.ks:.4f} (p {self.p_value:.2g}); {covers}{more}"
        )


class CheckReport(BaseModel):
    """What a check found, column by column, and which columns it could not judge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: str
    columns: list[ColumnCheck]
    left_out: dict[str, str] = {}

    def __str__(self) -> str:
        """Show a line a column."""
        left = [f"{name}: left out, {why}" for name, why in self.left_out.items()]
        return "\n".join([f"given {self.given}", *map(str, self.columns), *left])
