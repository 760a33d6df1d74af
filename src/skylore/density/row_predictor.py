"""From rows of any table to the densities of one of their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skylore.density.coding import Coded, code_rows
from skylore.density.column_spec import ColumnSpec
from skylore.density.inputs import inputs_of
from skylore.density.model import DensityModel
from skylore.density.predictive import Predictive
from skylore.density.tables import read_table
from skylore.encoders.devices import default_device
from skylore.errors import ModelError
from skylore.near_names import hint_of

if TYPE_CHECKING:
    from skylore.density.tables import Readable

__all__ = ["RowPredictor"]

Floats = NDArray[np.float64]

_ROWS = 2048


class RowPredictor:
    """A model, and how rows are brought to it.

    Parameters
    ----------
    model : DensityModel
    """

    def __init__(self, model: DensityModel) -> None:
        self.model = model.to(default_device()).eval()

    @property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """What was learnt of each column."""
        return self.model.config.columns

    def place(self, name: str) -> int:
        """Give the number of a column; ModelError where the model does not know it."""
        names = [spec.name for spec in self.columns]
        if name in names:
            return names.index(name)
        owner = next((spec.name for spec in self.columns if spec.error == name), None)
        if owner is not None:
            raise ModelError(f'"{name}" is the error of "{owner}", and is not modelled itself')
        raise ModelError(f'the model does not know the column "{name}"; {hint_of(name, names)}')

    def require(self, targets: Sequence[str], given: Sequence[str] | None) -> list[str]:
        """Give the columns that are given, of whose errors some may be named.

        Raises
        ------
        ModelError
            The model does not know a column, or one is asked for and given at once.
        """
        for name in targets:
            self.place(name)
        errors = {spec.error: spec.name for spec in self.columns if spec.error}
        names = [errors.get(name, name) for name in given or ()]
        for name in names:
            self.place(name)
            if name in targets:
                raise ModelError(f'"{name}" is asked for and given at once; leave it out of one')
        return names

    def code(
        self,
        table: Readable,
        targets: Sequence[str],
        given: Sequence[str] | None,
        *others: str,
    ) -> tuple[Coded, Tensor]:
        """Read rows, and say which columns are seen, ``(V,)``.

        Parameters
        ----------
        table
        targets : sequence of str
            Columns that the table must have, and that are not seen.
        given : sequence of str, optional
        *others : str
            Columns that are not seen and need not be there.
        """
        hidden = {*targets, *others}
        names = self.require([*targets, *others], given)
        errors = [spec.error for spec in self.columns if spec.error]
        asked = [*(() if given is None else given), *targets]
        wanted = [spec.name for spec in self.columns] + errors
        read = read_table(table, wanted)
        for name in asked:
            if name not in read.column_names:
                hint = hint_of(name, read_table(table).column_names)
                raise ModelError(f'the table has no column "{name}"; {hint}')
        coded = code_rows(read, self.columns)
        seen = [
            spec.name not in hidden and (given is None or spec.name in names)
            for spec in self.columns
        ]
        return coded, torch.tensor(seen)

    def predict(
        self, coded: Coded, seen: Tensor, column: int, rows: int = _ROWS
    ) -> Iterator[tuple[Coded, Predictive]]:
        """Give the densities of a numeric column, so many rows at a time."""
        spec = self.columns[column]
        if spec.is_categorical:
            raise ModelError(f'the column "{spec.name}" has categories; ask for probabilities')
        for block, visible in self._blocks(coded, seen, rows):
            inputs = inputs_of(block, self.model.contrasts)
            yield block, Predictive(spec, self.model.spread(inputs, visible, column))

    def log_categories(self, coded: Coded, seen: Tensor, column: int) -> Floats:
        """Give the log probability of each category of a column, ``(N, C)``."""
        found = [
            self.model.log_categories(inputs_of(block, self.model.contrasts), visible, column)
            for block, visible in self._blocks(coded, seen)
        ]
        return np.concatenate([logs.numpy() for logs in found])

    def _blocks(
        self, coded: Coded, seen: Tensor, rows: int = _ROWS
    ) -> Iterator[tuple[Coded, Tensor]]:
        for start in range(0, len(coded), rows):
            block = coded.rows(slice(start, start + rows))
            yield block, torch.from_numpy(block.present) & seen
