"""Digests of networks, so that vectors of different weights are never compared."""

from __future__ import annotations

import hashlib

import torch

__all__ = ["network_digest"]


def network_digest(network: torch.nn.Module, *settings: object) -> str:
    """Digest a network's weights with the settings that its output also depends on.

    Parameters
    ----------
    network : torch.nn.Module
    *settings : object
        Anything whose ``repr`` says how input is prepared and output is pooled.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(repr(settings).encode())
    for name, tensor in sorted(network.state_dict().items()):
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(memoryview(flat.numpy()))
    return digest.hexdigest()[:16]
