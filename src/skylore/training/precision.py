"""The precision that a processor trains fastest in without harm."""

from __future__ import annotations

from typing import Literal

import torch

__all__ = ["Precision", "training_precision"]

Precision = Literal["auto", "float32", "bfloat16"]


def training_precision(asked: Precision, device: torch.device) -> torch.dtype | None:
    """Give the precision of convolutions in training, or None for single precision throughout.

    Without instructions of its own for bfloat16, a processor emulates it, and is slower than in
    single precision.
    """
    if asked != "auto":
        return torch.bfloat16 if asked == "bfloat16" else None
    if device.type != "cpu":
        return torch.bfloat16
    has_it = {"avx512_bf16", "amx_bf16", "sve_bf16"}
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return torch.bfloat16 if any(found.get(name) for name in has_it) else None
