"""A look, before training, at whether there is anything to learn."""

from __future__ import annotations

import torch

from skylore.alignment.config import AlignmentConfig
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.losses import caption_targets, contrastive_loss
from skylore.alignment.pairs import Pairs
from skylore.errors import ModelError

__all__ = ["check_learnable"]

_PAIRS = 16
_STEPS = 150
_RATE = 2e-3
_SAME_CAPTION = 0.02
_ENOUGH = 0.9


def check_learnable(pairs: Pairs, config: AlignmentConfig, heads: ContrastiveHeads) -> None:
    """Make fresh heads learn sixteen pairs by heart.

    Heads that cannot do even this would not learn from more pairs either: the vectors do not
    tell the objects apart, or something is wrong with the input.

    Parameters
    ----------
    pairs : Pairs
        What will be trained on.
    config : AlignmentConfig
    heads : ContrastiveHeads
        Untouched; only its standardisation is used.

    Raises
    ------
    ModelError
        If fewer than nine in ten images end nearest to their own caption (or to one that says the
        same).
    """
    trial = ContrastiveHeads(config.model_copy(update={"dropout": 0.0}))
    trial.load_state_dict(heads.state_dict())
    rows = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0))[:_PAIRS]
    images, texts = pairs.draw(rows, torch.Generator().manual_seed(0))
    targets = caption_targets(texts, _SAME_CAPTION)
    optimiser = torch.optim.AdamW(trial.parameters(), lr=_RATE)
    right = 0.0
    for step in range(1, _STEPS + 1):
        found, captions = trial.project_images(images), trial.project_texts(texts)
        loss = contrastive_loss(found, captions, trial.logit_scale, targets)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(trial.parameters(), 1.0)
        optimiser.step()
        if step % 10 == 0:
            nearest = (found @ captions.T).argmax(dim=1)
            right = float((targets.gather(1, nearest[:, None]) > 0.5).float().mean())
            if right >= _ENOUGH:
                return
    raise ModelError(
        f"the heads could not learn even {len(rows)} pairs by heart ({right:.0%} right). The image "
        "vectors do not tell these objects apart, or captions belong to other objects. Check that "
        "ids match, that images are not blank, and try another image encoder."
    )
