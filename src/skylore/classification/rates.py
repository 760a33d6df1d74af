"""How fast each part of a classifier learns: heads fast, the network slower towards its input."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from skylore.classification.networks import TrainableNetwork
from skylore.classification.settings import ClassifierSettings
from skylore.classification.trimodal import TriModalNetwork

__all__ = ["rates_of", "rates_of_heads", "rates_of_symbols"]

Group = dict[str, Any]
"""Parameters as an optimiser takes them, and under ``rate`` their share of the learning rate."""


def rates_of_heads(model: TriModalNetwork) -> list[Group]:
    """Group the parameters of the heads; matrices decay, the rest does not."""
    heads = (model.head, model.word_head, model.linear)
    parameters = [p for head in heads for p in head.parameters()]
    return _groups([*parameters, model.log_scale], 1.0, model.settings)


def rates_of(model: TriModalNetwork) -> list[Group]:
    """Group the parameters of image encoder and heads."""
    return _tuned([*rates_of_heads(model), *_by_layer(model.network, model.settings)], model)


def rates_of_symbols(model: TriModalNetwork) -> list[Group]:
    """Group the parameters of the symbol encoder, likewise.

    Raises
    ------
    ValueError
        Symbols have no encoder of their own yet.
    """
    if model.symbol_network is None or model.symbol_head is None:
        raise ValueError("symbols have no encoder of their own yet")
    head = _groups(model.symbol_head.parameters(), 1.0, model.settings)
    return _tuned([*head, *_by_layer(model.symbol_network, model.settings)], model)


def _tuned(groups: list[Group], model: TriModalNetwork) -> list[Group]:
    """Slow down what follows steps of the heads alone."""
    share = model.settings.tuning_rate if model.settings.head_steps else 1.0
    return [{**g, "rate": g["rate"] * share, "lr": g["lr"] * share} for g in groups]


def _by_layer(network: TrainableNetwork, settings: ClassifierSettings) -> list[Group]:
    return [
        group
        for depth, layer in enumerate(reversed(network.layers()))
        for group in _groups(layer, settings.network_rate * settings.layer_decay**depth, settings)
    ]


def _groups(
    parameters: Iterable[nn.Parameter], rate: float, settings: ClassifierSettings
) -> list[Group]:
    parts: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for parameter in parameters:
        parts[parameter.ndim > 1].append(parameter)
    return [
        {
            "params": chosen,
            "rate": rate,
            "lr": settings.learning_rate * rate,
            "weight_decay": settings.weight_decay if matrices else 0.0,
        }
        for matrices, chosen in parts.items()
        if chosen
    ]
