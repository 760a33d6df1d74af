"""A model in the layout that AION-Search released, with random weights, and its plain formula."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

SIZES = {
    "image_input_dim": 24,
    "text_input_dim": 40,
    "embedding_dim": 32,
    "image_hidden_dim": 24,
    "text_hidden_dim": 48,
}


def save_released(folder: Path, *, seed: int = 0, **changed: object) -> dict[str, torch.Tensor]:
    """Write ``config.json`` and ``model.safetensors``; give the weights."""
    chance = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=chance) / shape[-1] ** 0.5

    def layer(name: str, outputs: int, inputs: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": draw(outputs, inputs), f"{name}.bias": draw(outputs)}

    weights = {"logit_scale": torch.tensor(3.1)}
    for side in ("image", "text"):
        length, hidden = SIZES[f"{side}_input_dim"], SIZES[f"{side}_hidden_dim"]
        name = f"{side}_projector"
        weights |= layer(f"{name}.fc_in", hidden, length)
        for block in range(4):
            inside = f"{name}.blocks.{block}"
            weights |= {f"{inside}.0.weight": 1 + draw(hidden), f"{inside}.0.bias": draw(hidden)}
            weights |= layer(f"{inside}.3", hidden, hidden)
        weights |= layer(f"{name}.fc_out", SIZES["embedding_dim"], hidden)
    folder.mkdir(parents=True)
    config = {**SIZES, "dropout": 0.1, "use_mean_embeddings": True, **changed}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors")
    return weights


def published_vectors(weights: dict[str, torch.Tensor], side: str, rows: np.ndarray) -> np.ndarray:
    """Project rows as the paper says, in double precision and without any of our code."""
    w = {name: tensor.double().numpy() for name, tensor in weights.items()}
    x = rows.astype(np.float64)
    if side == "image":
        x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
    name = f"{side}_projector"
    x = x @ w[f"{name}.fc_in.weight"].T + w[f"{name}.fc_in.bias"]
    for block in range(4):
        layer = f"{name}.blocks.{block}"
        centred = x - x.mean(axis=1, keepdims=True)
        normal = centred / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        normal = normal * w[f"{layer}.0.weight"] + w[f"{layer}.0.bias"]
        active = torch.nn.functional.gelu(torch.from_numpy(normal)).numpy()
        x = x + active @ w[f"{layer}.3.weight"].T + w[f"{layer}.3.bias"]
    x = x @ w[f"{name}.fc_out.weight"].T + w[f"{name}.fc_out.bias"]
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-3)
