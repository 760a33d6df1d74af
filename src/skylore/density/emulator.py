"""The density emulator as users hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skylore.density.coding import Coded
from skylore.density.model import DensityModel
from skylore.density.predictive import Predictive
from skylore.density.report import FitReport, density_card
from skylore.density.row_predictor import RowPredictor
from skylore.density.settings import DensitySettings
from skylore.density.tables import read_table
from skylore.errors import ModelError

if TYPE_CHECKING:
    import pyarrow as pa

    from skylore.density.tables import Readable

__all__ = ["DensityEmulator"]

Floats = NDArray[np.float64]


class DensityEmulator(RowPredictor):
    """One model for the density of any column given any others.

    A transformer and a trunk read tokens of whatever is known of a row (after Leung, Bovy & Speagle
    2024, arXiv 2407.15703), and give the asked column's density exactly: a mixture of Gaussians in
    a learned monotone transform of it, and point masses. Made by :meth:`fit` and :meth:`load`.

    Where rows are asked for below, ``given`` names the columns that are seen; all others of the
    model by default. A value that is missing in a row is not seen there.

    Examples
    --------
    >>> model = DensityEmulator.fit("catalogue.csv", ["u", "g", "r", "redshift"])  # doctest: +SKIP
    >>> model.quantiles("new.csv", "redshift", [0.16, 0.5, 0.84])  # doctest: +SKIP
    """

    def __init__(self, model: DensityModel, report: FitReport | None = None) -> None:
        super().__init__(model)
        self.report = report

    @classmethod
    def load(cls, folder: str | Path) -> DensityEmulator:
        """Read a model.

        Raises
        ------
        ModelError
            There is none, or it is damaged.
        """
        folder = Path(folder)
        if (folder / "unfinished").is_dir() and not (folder / "config.json").exists():
            raise ModelError(
                f"the training in {folder} has not ended; run the same `skylore infer fit` again, "
                "which goes on from there"
            )
        model = DensityModel.load(folder)
        try:
            report = FitReport.model_validate_json((folder / "training.json").read_bytes())
        except (OSError, ValueError):
            report = None
        return cls(model, report)

    @classmethod
    def fit(
        cls,
        table: Readable,
        columns: Sequence[str] | None = None,
        folder: str | Path | None = None,
        *,
        group: str | None = None,
        progress: bool = True,
        **settings: Any,  # noqa: ANN401 - as DensitySettings takes them
    ) -> DensityEmulator:
        """Learn the columns of a table.

        Parameters
        ----------
        table
            An archive or its path, a CSV, Parquet or FITS file, an Arrow table, a data frame, or
            arrays by name.
        columns : sequence of str, optional
            All that can be modelled by default; ``x_err`` is taken for the error of ``x``.
        folder : path, optional
            Where the model goes; an interrupted training goes on from there.
        group : str, optional
            A column; rows of one value are never split between training and validation.
        progress : bool
        **settings
            As :class:`skylore.density.settings.DensitySettings` takes them.

        Raises
        ------
        pydantic.ValidationError
            A setting is not one.
        SourceError, ModelError
            As :func:`skylore.density.service.fit_density`.
        """
        from skylore.density.service import fit_density

        chosen = DensitySettings(**settings)
        place = None if folder is None else Path(folder)
        return cls(*fit_density(table, place, columns, chosen, group=group, progress=progress))

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder."""
        if self.report is None:
            raise ModelError("the account of the training is missing; copy the model's folder")
        card = density_card(self.model.config, self.report)
        self.model.save(Path(folder), card, self.report.model_dump_json(indent=2))

    def logprob(self, table: Readable, target: str, given: Sequence[str] | None = None) -> Floats:
        """Give the log density of each row's own value in nats, in the column's unit, ``(N,)``.

        At point masses, and for integers and categories, it is the log of a probability. Where the
        row has a measurement error, it is the density of the value as measured. NaN where the value
        is missing, −∞ where it is impossible by what was learnt.

        Raises
        ------
        ModelError
            A column is not there, or the target is among the given.
        """
        coded, rows = self.code(table, [target], given)
        column = self.place(target)
        if self.columns[column].is_categorical:
            logs = self.log_categories(coded, rows, column)
            codes = coded.x[:, column].astype(np.int64)
            own = logs[np.arange(len(logs)), codes]
            found = np.where(coded.present[:, column], own, np.nan)
            return np.where(self._strange(table, target, coded), -np.inf, found)
        parts = self.predict(coded, rows, column)
        return np.concatenate([part.log_prob(block, column) for block, part in parts])

    def cdf(
        self,
        table: Readable,
        target: str,
        given: Sequence[str] | None = None,
        at: float | Floats | None = None,
    ) -> Floats:
        """Give the probability of values at or below ``at``.

        Parameters
        ----------
        table, target, given
            As in :meth:`logprob`.
        at : float or ndarray, optional
            One value for all rows, or ``(N,)``, or ``(N, Q)``; the rows' own by default.

        Returns
        -------
        ndarray, shape (N,) or (N, Q)
        """
        needed = [target] if at is None else []
        coded, rows = self.code(table, needed, given, target)
        column = self.place(target)
        own = coded.x[:, column] if at is None else np.asarray(at, np.float64)
        values = np.broadcast_to(own, (len(coded),)) if own.ndim < 2 else own
        grid = values.reshape(len(coded), -1)
        noise = coded.error[:, column] if at is None else None
        found, start = [], 0
        for block, part in self.predict(coded, rows, column):
            here = slice(start, start + len(block))
            start += len(block)
            there = np.isfinite(grid[here])
            below = part.cdf(
                np.where(there, grid[here], 0.0), None if noise is None else noise[here]
            )
            found.append(np.where(there, below, np.nan))
        return np.concatenate(found).reshape(values.shape)

    def quantiles(
        self,
        table: Readable,
        target: str,
        shares: Sequence[float] | Floats,
        given: Sequence[str] | None = None,
    ) -> Floats:
        """Give quantiles ``(N, Q)``.

        Raises
        ------
        ModelError
            As :meth:`logprob`, or a share is not between 0 and 1.
        """
        wanted = np.asarray(shares, np.float64)
        if wanted.ndim != 1 or not ((wanted > 0) & (wanted < 1)).all():
            raise ModelError("quantiles are asked for by shares between 0 and 1")
        return self._each(table, target, given, lambda part: part.quantiles(wanted))

    def mean(self, table: Readable, target: str, given: Sequence[str] | None = None) -> Floats:
        """Give the expectation of each row, ``(N,)``."""
        return self._each(table, target, given, lambda part: part.mean())

    def probabilities(
        self, table: Readable, target: str, given: Sequence[str] | None = None
    ) -> Floats:
        """Give the probability of each category, ``(N, C)``, in the order of the column's."""
        column = self.place(target)
        if not self.columns[column].is_categorical:
            raise ModelError(f'the column "{target}" has no categories; ask for quantiles')
        coded, rows = self.code(table, [], given, target)
        return np.exp(self.log_categories(coded, rows, column))

    def _each(
        self,
        table: Readable,
        target: str,
        given: Sequence[str] | None,
        ask: Callable[[Predictive], Floats],
    ) -> Floats:
        coded, seen = self.code(table, [], given, target)
        parts = self.predict(coded, seen, self.place(target))
        return np.concatenate([ask(part) for _, part in parts])

    def _strange(self, table: Readable, target: str, coded: Coded) -> NDArray[np.bool_]:
        """Tell the rows whose category was never seen."""
        if target not in coded.unknown:
            return np.zeros(len(coded), bool)
        column: pa.ChunkedArray = read_table(table, [target])[target]
        given = np.asarray(column.is_valid(), np.bool_)
        strange: NDArray[np.bool_] = ~coded.present[:, self.place(target)] & given
        return strange
