"""Texts about simulated objects, from what is true of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skylore.captions.phrasing import phrases

__all__ = ["describe_truth", "facts_of"]

_SAME = (
    "kind", "edge_on", "warp", "dust_lane", "ring", "lens", "merger", "tidal_tails", "bridge",
    "shells", "arm_count", "winding", "flocculent", "colour", "spikes", "artefact",
)  # fmt: skip
"""Facts that are told as the truth has them."""

_SMALL, _LARGE = 15.0, 48.0
_FACE_ON, _INCLINED = 30.0, 50.0
_CLUMPY = 0.05
_STRONG_BAR, _WEAK_BAR = 0.16, 0.1
_CONCENTRATED = 4.2


def describe_truth(truth: Mapping[str, object], seed: int) -> list[str]:
    """Describe a simulated object in 6 to 10 English texts, phrases and sentences.

    Parameters
    ----------
    truth
        A :attr:`~skylore.simulation.simulator.Simulated.truth`.
    seed
        Not negative; chooses the words.
    """
    return phrases(facts_of(truth), np.random.default_rng(seed))


def facts_of(truth: Mapping[str, object]) -> dict[str, object]:
    """Turn numbers into what one would say of them; what is not striking is left out."""
    facts: dict[str, object] = {
        name: truth[name] for name in _SAME if truth.get(name) not in (None, False)
    }
    facts.update(
        size=_size(truth),
        bar=_bar(truth),
        bulge=_bulge(truth),
        roundness=_roundness(truth),
        inclination=_inclination(truth),
        compactness="compact" if _number(truth, "sersic_index") > _CONCENTRATED else None,
        clumps=_number(truth, "clumpiness") >= _CLUMPY,
        grand_design=truth["kind"] == "spiral" and truth.get("arm_count") == 2,
    )
    return {name: value for name, value in facts.items() if value not in (None, False)}


def _number(truth: Mapping[str, object], name: str) -> float:
    value = truth.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")


def _size(truth: Mapping[str, object]) -> str | None:
    radius = _number(truth, "apparent_radius")
    return "small" if radius < _SMALL else "large" if radius > _LARGE else None


def _bar(truth: Mapping[str, object]) -> str | bool:
    strength = _number(truth, "bar_strength")
    if strength >= _STRONG_BAR:
        return "strong"
    return "weak" if 0 < strength < _WEAK_BAR else strength > 0


def _bulge(truth: Mapping[str, object]) -> str | None:
    """Name the bulge of a disc; an elliptical is all bulge, which its name says."""
    if truth["kind"] == "elliptical":
        return None
    if truth.get("boxy_bulge"):
        return "boxy"
    fraction = _number(truth, "bulge_fraction")
    if fraction >= 0.4:
        return "dominant"
    return "obvious" if fraction >= 0.15 else "small" if fraction >= 0.04 else None


def _roundness(truth: Mapping[str, object]) -> str | None:
    if truth["kind"] != "elliptical":
        return None
    ratio = _number(truth, "axis_ratio")
    return "round" if ratio >= 0.83 else "in-between" if ratio >= 0.5 else "cigar"


def _inclination(truth: Mapping[str, object]) -> str | None:
    if truth.get("edge_on"):
        return None
    degrees = _number(truth, "inclination")
    return "face-on" if degrees <= _FACE_ON else "inclined" if degrees >= _INCLINED else None
