"""Training a density emulator on a table."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skylore.density.coding import Coded, code_rows
from skylore.density.column_spec import ColumnSpec
from skylore.density.columns import describe_columns
from skylore.density.diffusion.limits import check_errors
from skylore.density.held_out import held_out_nats
from skylore.density.inputs import find_contrasts
from skylore.density.model import DensityConfig, DensityModel
from skylore.density.report import FitReport, density_card
from skylore.density.run import MemberRun, Rows
from skylore.density.settings import DensitySettings
from skylore.density.tables import read_table
from skylore.errors import ColumnError, ModelError
from skylore.near_names import hint_of
from skylore.training.folders import unfinished_in
from skylore.training.progress import progress_bar
from skylore.training.run import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skylore.density.tables import Readable

__all__ = ["fit_density"]

_FEWEST_ROWS = 100


def fit_density(
    source: Readable,
    folder: Path | None,
    columns: Sequence[str] | None = None,
    settings: DensitySettings | None = None,
    *,
    group: str | None = None,
    progress: bool = True,
) -> tuple[DensityModel, FitReport]:
    """Train a density emulator; with a folder, save it there and go on after an interruption.

    Parameters
    ----------
    source
        As :func:`skylore.density.tables.read_table` takes it.
    folder : Path, optional
    columns : sequence of str, optional
        All that can be modelled by default.
    settings : DensitySettings, optional
    group : str, optional
        A column; rows of one value are never split between training and validation. Rows that are
        equal in all columns never are.
    progress : bool

    Raises
    ------
    SourceError
        The table cannot be read.
    ModelError
        There is too little to learn from, a column cannot be modelled, another model is in the
        folder, or training diverges.
    """
    work = None if folder is None else unfinished_in(folder)
    settings = settings or DensitySettings()
    table = read_table(source)
    specs, left_out = describe_columns(table, columns)
    _check_emphasis(settings, specs)
    coded = code_rows(table, specs)
    kept = np.flatnonzero(coded.present.any(axis=1))
    if len(kept) < _FEWEST_ROWS:
        raise ModelError(f"{len(kept)} rows are too few to learn a density; give {_FEWEST_ROWS}")
    groups = _groups(coded, table, group)[kept]
    coded, settings = coded.rows(kept), settings.for_rows(len(kept))
    if settings.head == "diffusion":
        check_errors(coded, specs, settings)
    contrasts = find_contrasts(coded, specs)
    folds = _folds(groups, settings)
    whole = [Rows(coded, specs, contrasts, *fold) for fold in folds]
    runs = _train(settings, whole, work, progress=progress)
    config = DensityConfig(
        columns=tuple(specs),
        contrasts=tuple((c.first, c.second, c.slope) for c in contrasts),
        settings=settings,
    )
    model = DensityModel(config)
    for member, run in zip(model.members, runs, strict=True):
        member.load_state_dict(run.best.state_dict())
    report = FitReport(
        rows=len(coded),
        groups=len(np.unique(groups)),
        columns=specs,
        left_out=left_out,
        settings=settings,
        held_out=held_out_nats(config, runs),
        steps=[run.step for run in runs],
        history=[run.history for run in runs],
    )
    if folder is not None and work is not None:
        model.save(folder, density_card(model.config, report), report.model_dump_json(indent=2))
        shutil.rmtree(work, ignore_errors=True)
    return model.eval(), report


def _check_emphasis(settings: DensitySettings, specs: Sequence[ColumnSpec]) -> None:
    names = [spec.name for spec in specs]
    for name in settings.emphasis:
        if name not in names:
            raise ModelError(f'"{name}" is none of the modelled columns: {", ".join(names)}')


def _train(
    settings: DensitySettings, rows: list[Rows], work: Path | None, *, progress: bool
) -> list[MemberRun]:
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    runs = [
        MemberRun(settings, n, part, None if work is None else work / f"member-{n}.safetensors")
        for n, part in enumerate(rows)
    ]
    total = sum(run.plan.steps for run in runs)
    done = 0
    with progress_bar("infer", total, show=progress) as advance:
        for run in runs:
            run.go(_after(done, advance))
            done += run.plan.steps
            advance(done, run.history[-1].loss)
    return runs


def _after(done: int, advance: Progress) -> Progress:
    return lambda step, loss: advance(done + step, loss)


def _groups(coded: Coded, table: pa.Table, group: str | None) -> NDArray[np.str_]:
    """Name what must not be parted: equal rows, or equal values of a column."""
    if group is not None:
        if group not in table.column_names:
            hint = hint_of(group, table.column_names)
            raise ColumnError(f'there is no column "{group}" to group by; {hint}')
        named = table[group].cast(pa.string()).to_pylist()
        return np.array([f"row {i}" if v is None else f"={v}" for i, v in enumerate(named)])
    rows = np.ascontiguousarray(np.nan_to_num(coded.x, nan=1e300))
    return np.array([hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in rows])


def _folds(
    groups: NDArray[np.str_], settings: DensitySettings
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Split by group: each member holds out a share of its own."""
    names, places = np.unique(groups, return_inverse=True)
    if len(names) < 10:
        raise ModelError(f"only {len(names)} different groups of rows: too few to hold some out")
    rng = np.random.default_rng(settings.seed)
    order = rng.permutation(len(names))
    share = max(1, round(settings.validation * len(names)))
    folds = []
    for member in range(settings.members):
        start = member * share % len(names)
        held = np.isin(places, np.take(order, range(start, start + share), mode="wrap"))
        # Shuffled, because only the first of many are judged on, and tables come sorted.
        folds.append((np.flatnonzero(~held), rng.permutation(np.flatnonzero(held))))
    return folds
