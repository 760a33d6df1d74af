"""Where networks run."""

from __future__ import annotations

import torch

__all__ = ["default_device", "half_precision"]


def default_device() -> torch.device:
    """Return the first CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def half_precision(device: torch.device) -> torch.autocast:
    """Compute in bfloat16 where that is faster, on CUDA devices, and as it is elsewhere."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
