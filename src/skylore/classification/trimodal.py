"""The network in training: images, symbols and words in one space."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore.alignment.losses import contrastive_loss
from skylore.classification.heads import Head, Standard
from skylore.classification.networks import TrainableNetwork
from skylore.classification.settings import ClassifierSettings

__all__ = ["TriModalNetwork"]

_TEMPERATURE = 0.07
"""At the start, as in CLIP (Radford et al. 2021, arXiv 2103.00020)."""


class TriModalNetwork(nn.Module):
    """An image encoder, a symbol encoder, and heads into the shared space.

    Parameters
    ----------
    network : TrainableNetwork
        Of images; in the first stage of symbols too.
    words : Tensor, shape (C, Dt)
        Vectors of what is said of each class.
    settings : ClassifierSettings
    """

    words: Tensor

    def __init__(
        self, network: TrainableNetwork, words: Tensor, settings: ClassifierSettings
    ) -> None:
        super().__init__()
        self.settings = settings
        self.network = network
        self.standard = Standard(network.dimension)
        self.head = Head(network.dimension, settings.dimension, settings.dropout)
        self.word_head = nn.Linear(words.shape[1], settings.dimension)
        self.linear = nn.Linear(network.dimension, len(words))
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / _TEMPERATURE)))
        self.symbol_network: TrainableNetwork | None = None
        self.symbol_head: Head | None = None
        self.register_buffer("words", words.float())

    def part_symbols(self) -> None:
        """Begin the second stage: give symbols a copy of the image encoder."""
        self.symbol_network = copy.deepcopy(self.network)
        self.symbol_head = copy.deepcopy(self.head)

    def seen(self, features: Tensor) -> Tensor:
        """Give unit vectors ``(..., D)`` of features of images."""
        return F.normalize(self.head(self.standard(features)), dim=-1)

    def drawn(self, features: Tensor) -> Tensor:
        """Give unit vectors ``(..., D)`` of features of symbols."""
        return F.normalize((self.symbol_head or self.head)(self.standard(features)), dim=-1)

    def texts(self) -> Tensor:
        """Give unit vectors of what is said of each class, ``(C, D)``."""
        return F.normalize(self.word_head(self.words), dim=1)

    def scores(self, features: Tensor) -> Tensor:
        """Give the logits ``(N, C)`` by which validation judges, of features of images."""
        if self.settings.objective == "cross-entropy":
            linear: Tensor = self.linear(self.standard(features))
            return linear
        return self.log_scale.exp() * self.seen(features) @ self.texts().T

    def loss(self, images: list[Tensor], symbols: list[Tensor] | None, labels: Tensor) -> Tensor:
        """Give the loss of a batch, with the terms of its stage.

        Parameters
        ----------
        images, symbols : list of Tensor
            Frames of ``N`` images, and of a symbol of the class of each.
        labels : Tensor, shape (N,)
        """
        features = self.network(images).float()
        drawn = None
        if symbols is not None:
            drawn = (self.symbol_network or self.network)(symbols).float()
        return self.loss_of_features(features, drawn, labels, self.symbol_network is not None)

    def loss_of_features(
        self, images: Tensor, symbols: Tensor | None, labels: Tensor, matched: bool
    ) -> Tensor:
        """Give the loss of features ``(N, F)`` of images, and of a symbol of the class of each.

        With L of :func:`skylore.alignment.losses.contrastive_loss`: L(image, text) for two
        modalities, L(image, text) + L(symbol, text) with three, and where images are ``matched``
        with symbols L(image, symbol) as well.
        """
        if self.settings.objective == "cross-entropy":
            spared = self.head.dropout(self.standard(images))
            return F.cross_entropy(self.linear(spared).float(), labels)
        seen, said = self.seen(images).float(), self.texts()[labels]
        targets = self._targets(labels)
        total = contrastive_loss(seen, said, self.log_scale, targets)
        if symbols is not None:
            drawn = self.drawn(symbols).float()
            total = total + contrastive_loss(drawn, said, self.log_scale, targets)
            if matched:
                total = total + contrastive_loss(seen, drawn, self.log_scale, targets)
        return total

    def _targets(self, labels: Tensor) -> Tensor | None:
        """Say what belongs together: all of a class, or only what was drawn together."""
        if self.settings.positives == "pair":
            return None
        return (labels[:, None] == labels[None, :]).float()
