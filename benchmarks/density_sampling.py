"""Draws a second: the published walk of all steps beside a head that carries quantiles along."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from benchmarks.density_ours import Ours
from benchmarks.density_scores import figure
from benchmarks.density_tables import Task, Values
from benchmarks.report import table
from skylore.density.diffusion.head import DiffusionHead
from skylore.density.published.batches import draw_batch
from skylore.density.published.emulator import PublishedEmulator
from skylore.evaluation.bootstrap import bootstrap_mean, paired_difference
from skylore.evaluation.distributions import crps_fair

DRAWS = 1000
STEPS = 16


def trained_head(
    emulator: PublishedEmulator, task: Task, folder: Path, steps: int
) -> DiffusionHead:
    """Train a head on the published encoder as it is, so that heads alone differ; or read it."""
    settings = emulator.network.settings
    torch.manual_seed(0)
    head = DiffusionHead(settings.width, width=settings.head_width, layers=2, steps=settings.steps)
    file = folder / "diffusion-head.safetensors"
    if file.exists():
        head.load_state_dict(load_file(file))
        return head
    columns = [emulator.scaling.forward(part, j) for j, part in enumerate(task.training.T)]
    standard = torch.tensor(np.stack(columns, axis=1), dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(head.parameters(), lr=5e-3, fused=True)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(standard), (512,), generator=generator)
        batch = draw_batch(standard[rows], settings.columns, generator)
        tokens = torch.where(batch.tokens == batch.target[:, None], 0, batch.tokens)
        with torch.no_grad():
            condition = emulator.network.condition(batch.values, tokens, batch.target)
        optimiser.zero_grad()
        loss = head.loss(condition, batch.truth, generator).mean()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it without types
        optimiser.step()
        rates.step()
    save_file(head.state_dict(), file)
    return head


def speed(
    task: Task, emulator: PublishedEmulator, head: DiffusionHead, ours: Ours, rows: int = 200
) -> str:
    """Lay out draws a second and the quality of draws, taken in turns within one run."""
    given, truth = task.given(task.test[:rows]), task.truth()[:rows]
    place = task.place

    def fast() -> Values:
        condition = emulator.condition(given, task.target)
        found = head.distribution(condition, steps=STEPS, nodes=49)
        draws = found.sample(DRAWS, torch.Generator().manual_seed(0))
        return emulator.scaling.inverse(draws.double().numpy(), place)

    def published() -> Values:
        return emulator.sample(given, task.target, DRAWS)

    def exact() -> Values:
        return ours.sample(given, task.target, DRAWS)

    ways: dict[str, Callable[[], Values]] = {
        f"published, {emulator.network.settings.steps} steps": published,
        f"DPM-Solver++, {STEPS} steps, 49 quantiles carried": fast,
        "skylore, exact head": exact,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    draws: dict[str, Values] = {}
    for _ in range(3):
        for name, way in ways.items():
            start = time.process_time()
            draws[name] = way()
            times[name].append(time.process_time() - start)
    scores = {name: crps_fair(found, truth) for name, found in draws.items()}
    slow = next(iter(ways))
    lines = [_line(name, slow, times, scores, draws[name].size) for name in ways]
    head_row = [f"{task.name}, {rows} rows × {DRAWS} draws", "draws per CPU second"]
    return table([*head_row, "times as fast", "CRPS", "CRPS less the first's"], lines)


def _line(
    name: str, slow: str, times: dict[str, list[float]], scores: dict[str, Values], draws: int
) -> list[object]:
    ratio = np.array(times[slow]) / np.array(times[name])
    return [
        name,
        f"{draws / np.median(times[name]):,.0f}",
        f"{np.median(ratio):.0f} [{ratio.min():.0f}, {ratio.max():.0f}]",
        figure(bootstrap_mean(scores[name], seed=0)),
        figure(paired_difference(scores[name], scores[slow], seed=0)),
    ]
