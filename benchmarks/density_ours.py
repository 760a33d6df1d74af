"""The models of any column given any others, asked in one way by the density benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.density_fits import Answers, published_model
from benchmarks.density_peers import DRAWS
from benchmarks.density_tables import Task, Values
from skylore.density.chain import sample
from skylore.density.emulator import DensityEmulator
from skylore.density.published.emulator import PublishedEmulator
from skylore.density.service import fit_density
from skylore.density.settings import DensitySettings

Arrays = dict[str, Values]


class Ours:
    """:class:`DensityEmulator` behind the questions of the benchmark."""

    def __init__(self, columns: Sequence[str], emulator: DensityEmulator) -> None:
        self._columns, self.emulator = columns, emulator

    def log_density(self, table: Values, target: str, values: Values) -> Values:
        """Give log densities at ``(N,)`` values."""
        arrays = self._arrays(table) | {target: values}
        return self.emulator.logprob(arrays, target, self._known(table, target))

    def sample(self, table: Values, target: str, count: int) -> Values:
        """Draw ``(N, count)`` values."""
        arrays = self._arrays(table)
        drawn = sample(self.emulator, arrays, [target], self._known(table, target), count)
        return np.asarray(drawn[target], np.float64)

    def _arrays(self, table: Values) -> Arrays:
        return {name: table[:, j].copy() for j, name in enumerate(self._columns)}

    def _known(self, table: Values, target: str) -> list[str]:
        own = {target, f"{target}_err"}
        columns = zip(self._columns, table.T, strict=True)
        return [name for name, part in columns if name not in own and np.isfinite(part).any()]


class Published:
    """The published model behind the same questions."""

    def __init__(self, emulator: PublishedEmulator) -> None:
        self.emulator = emulator

    def log_density(self, table: Values, target: str, values: Values) -> Values:
        """Give log densities at ``(N,)`` values."""
        return self.emulator.log_density(table, target, values)

    def sample(self, table: Values, target: str, count: int) -> Values:
        """Draw ``(N, count)`` values."""
        return self.emulator.sample(table, target, count)


def our_model(
    task: Task, folder: Path, name: str = "skylore", settings: DensitySettings | None = None
) -> tuple[Ours, float]:
    """Train ours, with its defaults unless told, or read it; give it with its training seconds."""
    place, note = folder / f"{name}-model", folder / f"{name}-model-cpu-s.txt"
    if not note.exists():
        start = time.process_time()
        arrays = dict(zip(task.columns, task.training.T.copy(), strict=True))
        fit_density(arrays, place, list(task.columns), settings)
        note.write_text(str(time.process_time() - start))
    return Ours(task.columns, DensityEmulator.load(place)), float(note.read_text())


def of_ours(
    name: str = "skylore", seed: int = 0, *, stressed: bool = False
) -> Callable[[Task, Path], Answers]:
    """Have ours answer; stressed, half of what it learnt from asked about the target."""

    def answer(task: Task, folder: Path) -> Answers:
        emphasis = (task.target,) if stressed else ()
        settings = DensitySettings(seed=seed, emphasis=emphasis)
        model, seconds = our_model(task, folder, name, settings)
        given = task.given(task.test)
        start = time.process_time()
        draws = model.sample(given, task.target, DRAWS)
        rate = draws.size / (time.process_time() - start)
        logs = model.log_density(given, task.target, task.truth())
        return Answers(logs, draws, {"train_cpu_s": seconds, "draws_per_s": rate})

    return answer


def conditioned(task: Task, folder: Path, epochs: int) -> dict[str, Ours | Published]:
    """Give both models of any conditioning set."""
    published, _ = published_model(task, folder, epochs)
    ours, _ = our_model(task, folder)
    return {"published": Published(published), "skylore": ours}


def joint_draws(model: Ours | Published, task: Task, targets: Sequence[str], count: int) -> Values:
    """Draw several columns jointly by the chain rule, shape ``(N, count, len(targets))``."""
    rows = np.repeat(task.test, count, axis=0)
    places = [task.columns.index(name) for name in targets]
    rows[:, places] = np.nan
    for name, place in zip(targets, places, strict=True):
        rows[:, place] = model.sample(rows, name, 1)[:, 0]
    return rows[:, places].reshape(len(task.test), count, len(places))
