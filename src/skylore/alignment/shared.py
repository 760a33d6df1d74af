"""Models for images whose vectors lie in the shared space already."""

from __future__ import annotations

import torch

from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.model import Alignment

__all__ = ["for_shared_images"]


def for_shared_images(model: Alignment) -> Alignment:
    """Give a model that takes image vectors of the shared space, and leaves their direction.

    AION-Search publishes its galaxies so (Koblischke et al. 2025, arXiv 2512.11982): 1024-d rows,
    which are what the image side of its model made of 768-d vectors of AION-1. Texts are projected
    as before. The image side becomes an identity: blocks that add nothing between unit matrices.
    """
    dim = model.config.embedding_dim
    config = model.config.model_copy(update={"image_input_dim": dim, "image_hidden_dim": dim})
    heads = ContrastiveHeads(config)
    texts = {name: w for name, w in model.weights().items() if not name.startswith("image_")}
    heads.load_state_dict(texts, strict=False)
    image = heads.image_projector
    with torch.no_grad():
        for layer in (image.fc_in, image.fc_out):
            layer.weight.copy_(torch.eye(dim))
            layer.bias.zero_()
        for block in image.blocks:
            for parameter in list(block.children())[-1].parameters():
                parameter.zero_()
    return Alignment(config, heads, model.report)
