"""A trained classifier: to disk and back, and from images to classes."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from skylore import __version__
from skylore.classification.heads import Head, Standard
from skylore.classification.networks import NetworkDescription, make_network
from skylore.classification.settings import Objective
from skylore.classification.ways import Way, neighbour_logits
from skylore.errors import ModelError
from skylore.morphology.network import frames_of
from skylore.training.folders import FolderModel

__all__ = ["ClassifierConfig", "ClassifierModel"]

_OF_CLASSES = 0.9
"""Weight of the probabilities of classes in the likeness of two images."""


class ClassifierConfig(BaseModel):
    """The ``config.json`` of a classifier.

    Attributes
    ----------
    column : str
        Where the labels were.
    classes : tuple of str
    objective : Objective
    network : NetworkDescription
    started_from : str
    dimension : int
        Of its shared space; vectors have an entry a class besides.
    neighbours, trained_on : int
        Labelled vectors that are kept, and objects that were seen in training.
    scale : float
        Of cosines with words and symbols in a logit.
    temperatures : dict
        Of each way that the model has, from the validation objects.
    way : Way
        By which it classifies, chosen on the validation objects.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    objective: Objective
    network: NetworkDescription
    started_from: str
    dimension: int
    neighbours: int
    trained_on: int
    scale: Annotated[float, Field(gt=0)]
    temperatures: dict[Way, float]
    way: Way
    skylore_version: str = __version__


class ClassifierModel(FolderModel):
    """Network, head, and what classes look like in their space.

    Parameters
    ----------
    config : ClassifierConfig
    """

    configuration = ClassifierConfig
    title = "classifier"
    command = "skylore classify fit"
    config: ClassifierConfig
    texts: Tensor
    symbols: Tensor
    known: Tensor
    known_labels: Tensor
    weight: Tensor
    bias: Tensor
    prior: Tensor
    trained_on: Tensor

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        classes, dimension = len(config.classes), config.dimension
        self.network = make_network(config.network)
        projects = config.objective != "cross-entropy"
        self.standard = Standard(self.network.dimension)
        self.head = Head(self.network.dimension, dimension, 0.0) if projects else nn.Identity()
        shapes = {
            "texts": (classes, dimension),
            "symbols": (classes, dimension),
            "known": (config.neighbours, dimension),
            "weight": (classes, self.network.dimension),
            "bias": (classes,),
            "prior": (classes,),
        }
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))
        self.register_buffer("known_labels", torch.zeros(config.neighbours, dtype=torch.int64))
        self.register_buffer("trained_on", torch.zeros(config.trained_on, dtype=torch.int64))

    def features(self, canvases: Tensor) -> Tensor:
        """Give the network's features of canvases ``(N, 3, S, S)``, 8-bit."""
        features: Tensor = self.network(frames_of(canvases, self.network.view))
        return features.float()

    def shared(self, features: Tensor) -> Tensor:
        """Bring features into the space of words and symbols, as unit rows ``(N, D)``."""
        return F.normalize(self.head(self.standard(features)), dim=1)

    def vectors(self, features: Tensor) -> Tensor:
        """Give unit rows ``(N, D + C)``, near each other for images of a class.

        Their cosine is a weighted mean of that in the shared space and that of the probabilities
        of classes. The chance that two objects are of one class is the product of their
        probabilities, by which a ranking is best; the shared space orders those that are alike.
        """
        probable = F.normalize(self.probabilities(features), dim=1)
        parts = [(1 - _OF_CLASSES) ** 0.5 * self.shared(features), _OF_CLASSES**0.5 * probable]
        return torch.cat(parts, dim=1)

    def raw_logits(self, features: Tensor, way: Way) -> Tensor:
        """Give logits ``(N, C)`` that are not calibrated yet."""
        if way == "combined":
            return self._combined(features)
        if way == "linear":
            return features @ self.weight.T + self.bias
        vectors = self.shared(features)
        if way == "neighbours":
            return neighbour_logits(
                vectors, self.known, self.known_labels, len(self.config.classes)
            )
        anchors = {"text": self.texts, "symbol": self.symbols}
        anchor = anchors.get(way, (self.texts + self.symbols) / 2)
        return self.config.scale * vectors @ anchor.T + self.prior

    def _combined(self, features: Tensor) -> Tensor:
        """Give the logarithm of a mean of probabilities of ways that see different things.

        Two thirds of it are those of the linear head, which few labels mislead least.
        """
        covered = {"text", "symbol"} if "both" in self.config.temperatures else set()
        others = set(self.config.temperatures) - {*covered, "combined", "linear"}
        shared = torch.stack([self.probabilities(features, w) for w in sorted(others)]).mean(dim=0)
        return ((2 * self.probabilities(features, "linear") + shared) / 3).log()

    def probabilities(self, features: Tensor, way: Way | None = None) -> Tensor:
        """Give the probability of each class, ``(N, C)``.

        Parameters
        ----------
        features : Tensor, shape (N, F)
        way : Way, optional
            The model's own by default.

        Raises
        ------
        ModelError
            The model does not have this way.
        """
        chosen = way or self.config.way
        if chosen not in self.config.temperatures:
            raise ModelError(
                f"this model does not classify by {chosen}; it has "
                f"{', '.join(self.config.temperatures)}"
            )
        return (self.raw_logits(features, chosen) / self.config.temperatures[chosen]).softmax(1)
