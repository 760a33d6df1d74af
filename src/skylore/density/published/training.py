"""Training as published."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from skylore.density.published.batches import draw_batch
from skylore.density.published.defects import Defects
from skylore.density.published.network import PublishedNetwork
from skylore.density.published.settings import PublishedTraining
from skylore.errors import ModelError

__all__ = ["TrainingLosses", "scales_gradients", "train"]


class TrainingLosses(NamedTuple):
    """Mean loss of each epoch, on the training and on the validation rows."""

    training: list[float]
    validation: list[float]


def scales_gradients(device: str, defects: Defects) -> bool:
    """Tell whether half-precision gradients are scaled on this device.

    The published code compares the whole name of the device with "cuda", so "cuda:0" fails.
    """
    kind = device if defects.forgets_schedule else torch.device(device).type
    return kind == "cuda"


def train(
    network: PublishedNetwork,
    standard: Tensor,
    recipe: PublishedTraining,
    *,
    device: str = "cpu",
    progress: bool = True,
) -> TrainingLosses:
    """Train a network on standardised rows ``(N, V)``, NaN where a value is missing.

    Raises
    ------
    ModelError
        A row has no value at all, or there are fewer rows than a batch needs.
    """
    if len(standard) < 2 or bool(standard.isnan().all(dim=1).any()):
        raise ModelError("training needs two rows at least, each with a value; leave out the rest")
    generator = torch.Generator().manual_seed(recipe.seed)
    order = torch.randperm(len(standard), generator=generator)
    held_out = int(recipe.validation * len(standard))
    validation, training = standard[order[:held_out]], standard[order[held_out:]]
    network.to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, fused=True)
    rates = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimiser, recipe.restart, eta_min=recipe.lowest_rate
    )
    scaler = torch.amp.GradScaler(enabled=scales_gradients(device, network.defects))
    losses = TrainingLosses([], [])
    for _ in tqdm(range(recipe.epochs), "epochs", disable=not progress):
        network.train()
        losses.training.append(
            _epoch(network, training, recipe, generator, optimiser=optimiser, scaler=scaler)
        )
        rates.step()
        if held_out:
            network.eval()
            with torch.no_grad():
                losses.validation.append(_epoch(network, validation, recipe, generator))
    network.eval()
    return losses


def _epoch(
    network: PublishedNetwork,
    rows: Tensor,
    recipe: PublishedTraining,
    generator: torch.Generator,
    *,
    optimiser: torch.optim.Optimizer | None = None,
    scaler: torch.amp.GradScaler | None = None,
) -> float:
    device = next(network.parameters()).device
    half = scaler is not None and scaler.is_enabled()
    total = 0.0
    order = torch.randperm(len(rows), generator=generator)
    for part in torch.split(order, recipe.batch_size):
        batch = draw_batch(rows[part], recipe.context, generator)
        values, tokens, target, truth = (tensor.to(device) for tensor in batch)
        with torch.autocast(device.type, torch.float16, enabled=half):
            loss = network.loss(network.condition(values, tokens, target), truth, generator)
        total += float(loss.detach()) * len(part)
        if optimiser is not None and scaler is not None:
            optimiser.zero_grad()
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call] # torch leaves it without types
            scaler.step(optimiser)
            scaler.update()
    return total / len(rows)
