"""Fits of the density benchmark: each is done once, and kept under the working folder."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.density_peers import DRAWS
from benchmarks.density_tables import Task, Values
from skylore.density.published.emulator import PublishedEmulator
from skylore.density.published.settings import PublishedTraining
from skylore.density.published.storing import load_published, save_published

ROOT = Path(__file__).parents[1]


class Answers(NamedTuple):
    """What a method says of the test rows.

    Attributes
    ----------
    log_density : ndarray, shape (N,)
        Nats of the target's unit; of a row at the cap, the log of a probability.
    draws : ndarray, shape (N, M)
    note : dict
        Seconds of training, draws per second.
    """

    log_density: Values
    draws: Values
    note: dict[str, float]


def kept_answers(file: Path) -> Answers:
    """Read what a method said."""
    table = pq.read_table(file)
    note = json.loads((table.schema.metadata or {})[b"note"])
    draws = table["draws"].combine_chunks()
    flat = np.asarray(draws.flatten(), np.float64)
    return Answers(np.asarray(table["log_density"]), flat.reshape(len(table), -1), note)


def keep(file: Path, answers: Answers) -> None:
    """Write it, whole or not at all."""
    table = pa.table({"log_density": answers.log_density, "draws": list(answers.draws)})
    note = {b"note": json.dumps(answers.note)}
    draft = file.with_name(f".{file.name}")
    pq.write_table(table.replace_schema_metadata(note), draft)
    draft.replace(file)


def export(task: Task, folder: Path) -> None:
    """Write a task for those who run elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("training", task.training), ("test", task.test)):
        pq.write_table(pa.table(task.for_peers(rows)), folder / f"{name}.parquet")
    cap = None if np.isnan(task.cap) else task.cap
    (folder / "task.json").write_text(json.dumps({"target": task.target, "cap": cap}))


def of_peer(name: str, python: Path) -> Callable[[Task, Path], Answers]:
    """Have a peer answer in its own environment."""

    def answer(_: Task, folder: Path) -> Answers:
        command = [str(python), "-m", "benchmarks.density_peers", name, str(folder.resolve())]
        places = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **places})
        return kept_answers(folder / f"{name}.parquet")

    return answer


def published_model(task: Task, folder: Path, epochs: int) -> tuple[PublishedEmulator, float]:
    """Train the published model, or read it; give it with its seconds of training."""
    place = folder / "published-model"
    note = place / "training.json"
    if not note.exists():
        start = time.process_time()
        recipe = PublishedTraining(epochs=epochs, context=len(task.columns))
        emulator = PublishedEmulator.fit(task.columns, task.training, recipe=recipe)
        save_published(emulator, place)
        spent = {"epochs": epochs, "cpu": time.process_time() - start}
        note.write_text(json.dumps(spent))
    return load_published(place), float(json.loads(note.read_text())["cpu"])


def of_published(epochs: int) -> Callable[[Task, Path], Answers]:
    """Have the published model answer, by its own draws and its probability flow."""

    def answer(task: Task, folder: Path) -> Answers:
        emulator, seconds = published_model(task, folder, epochs)
        given, truth = task.given(task.test), task.truth()
        start = time.process_time()
        draws = emulator.sample(given, task.target, DRAWS)
        rate = draws.size / (time.process_time() - start)
        logs = emulator.log_density(given, task.target, truth)
        capped = truth == task.cap
        if capped.any():
            edge = np.full(int(capped.sum()), task.near_cap)
            below = emulator.cdf(given[capped], task.target, edge)
            logs[capped] = np.log(np.maximum(1 - below, 1e-12))
        return Answers(logs, draws, {"train_cpu_s": seconds, "draws_per_s": rate})

    return answer


def answered(
    task: Task, folder: Path, name: str, method: Callable[[Task, Path], Answers]
) -> Answers:
    """Give what a method says, from what is kept if it was asked before."""
    file = folder / f"{name}.parquet"
    if not file.exists():
        if not (folder / "task.json").exists():
            export(task, folder)
        answers = method(task, folder)
        if not file.exists():
            keep(file, answers)
    return kept_answers(file)
