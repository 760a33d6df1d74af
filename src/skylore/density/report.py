"""The account of training a density emulator, and its model card."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from skylore.density.column_spec import ColumnSpec
from skylore.density.model import DensityConfig
from skylore.density.settings import DensitySettings
from skylore.training.state import Evaluation

__all__ = ["FitReport", "density_card"]


class FitReport(BaseModel):
    """How a density emulator was trained.

    Attributes
    ----------
    rows, groups : int
        Learnt from, and how many of them are not duplicates of others.
    columns : list of ColumnSpec
    left_out : dict of str to str
        Columns that cannot be modelled, with the reason.
    settings : DensitySettings
    held_out : dict of str to float
        Mean log loss of each column given all others, nats in the column's own unit, on rows that
        the member did not learn from.
    steps : list of int
        Of each member.
    history : list of list of Evaluation
        Of each member; losses there are of transformed values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    groups: int
    columns: list[ColumnSpec]
    left_out: dict[str, str]
    settings: DensitySettings
    held_out: dict[str, float]
    steps: list[int]
    history: list[list[Evaluation]]

    def __str__(self) -> str:
        """Show columns, and what each costs given all others."""
        lines = [
            f"{column} (held out, given all others: {self.held_out[column.name]:.4g} nats)"
            if column.name in self.held_out
            else str(column)
            for column in self.columns
        ]
        lines += [f"{name} left out: {why}" for name, why in self.left_out.items()]
        lines.append(
            f"infer: {len(self.columns)} columns of {self.rows} rows ({self.groups} different), "
            f"{len(self.steps)} networks of {', '.join(map(str, self.steps))} steps"
        )
        return "\n".join(lines)


def density_card(config: DensityConfig, report: FitReport) -> str:
    """Return the model's ``README.md``."""
    rows = "".join(
        f"| {c.name} | {str(c).partition(': ')[2]} | {_nats(report, c.name)} |\n"
        for c in config.columns
    )
    left = "".join(f"- `{name}`: {why}\n" for name, why in report.left_out.items())
    return f"""# Skylore density emulator

Gives the density of any of these columns given any others. Written by Skylore
{config.skylore_version}; `config.json` and `model.safetensors` are all of it.

| column | kind | held-out nats, given all others |
|---|---|---|
{rows}
Logs of densities are in nats, in the column's own unit; at point masses, and for integers and
categories, they are logs of probabilities. What was missing in training was left out, never
imputed. Errors of measurement are part of the likelihood: densities without an error are of the
true value, those with one of the value as measured.

## Training

{report.rows} rows, {report.groups} of them different. {config.settings.members} networks, each
stopped by another {config.settings.validation:.0%} of the groups; their densities are averaged.
{left and "Left out:" + chr(10) + chr(10) + left}
The whole recipe is in `training.json`.
"""


def _nats(report: FitReport, name: str) -> str:
    return f"{report.held_out[name]:.4g}" if name in report.held_out else ""
