"""From what was learnt to the heads that learnt it."""

from __future__ import annotations

from collections.abc import Sequence

from skylore.morphology.labels import LearntLabels
from skylore.morphology.objectives import ClassObjective, FigureObjective, Objective
from skylore.morphology.vote_objectives import FractionObjective, VoteObjective

__all__ = ["make_heads"]


def make_heads(features: int, labels: Sequence[LearntLabels]) -> dict[str, Objective]:
    """Make a fresh head for each sort of label, by its name."""
    return {label.name: _make_head(features, label) for label in labels}


def _make_head(features: int, label: LearntLabels) -> Objective:
    if label.kind == "classes":
        return ClassObjective(features, len(label.classes), weight=label.weight)
    if label.kind == "figures":
        return FigureObjective(features, len(label.columns), weight=label.weight)
    if label.tree is None:
        raise ValueError(f"the labels {label.name!r} are votes and have no tree")
    if label.kind == "votes":
        return VoteObjective(features, label.tree, label.head, weight=label.weight)
    return FractionObjective(features, label.tree, weight=label.weight)
