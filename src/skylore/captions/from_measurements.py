"""Captions written from structural measurements, without labels or a language model.

Only what the figures support is said: classes that they make likely are called likely, and what is
absent or was not measured is not mentioned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skylore.captions.findings import Findings, Kind, Trait, find
from skylore.captions.reference import MeasurementReference
from skylore.captions.vocabulary import ADJECTIVES, CLAUSES, OPENINGS, PHRASES, SURROUNDINGS

__all__ = ["Captions", "describe"]

_CLAUSES_TOLD = 3
_MOST_VARIANTS = 6
_TAKES_ADJECTIVES = {
    Kind.STAR, Kind.EDGE_ON, Kind.SPIRAL, Kind.ELLIPTICAL, Kind.INTERMEDIATE, Kind.GALAXY,
}  # fmt: skip


@dataclass(frozen=True)
class Captions:
    """What is said about one object.

    Attributes
    ----------
    caption
        One or two sentences.
    variants
        Three to six short phrases that say the same in other words.
    """

    caption: str
    variants: tuple[str, ...]


def describe(
    measurements: Mapping[str, float], reference: MeasurementReference, seed: int | str
) -> Captions:
    """Describe one object.

    Parameters
    ----------
    measurements
        One row of :data:`~skylore.imaging.measurements.MEASUREMENT_SCHEMA`.
    reference
        What is usual in the archive (:meth:`MeasurementReference.fit`).
    seed
        The object's id: it chooses among equal wordings, always in the same way.
    """
    findings = find(measurements, reference)
    return Captions(_sentences(findings, seed), _variants(findings, seed))


def _sentences(findings: Findings, seed: int | str) -> str:
    opening = _pick(OPENINGS[findings.kind], seed, "opening")
    told = [_pick(CLAUSES[trait], seed, trait) for trait in findings.traits if trait in CLAUSES]
    around = [_pick(SURROUNDINGS[t], seed, t) for t in findings.traits if t in SURROUNDINGS]
    return " ".join([", ".join([opening, *told[:_CLAUSES_TOLD]]) + ".", *around])


def _variants(findings: Findings, seed: int | str) -> tuple[str, ...]:
    """Give class names first, then the name with its traits; all different."""
    name, *others = PHRASES[findings.kind]
    start = _number(seed, "variants") % len(others)
    phrases = [name, *_decorated(findings, name), *others[start:], *others[:start]]
    return tuple(dict.fromkeys(phrases))[:_MOST_VARIANTS]


def _decorated(findings: Findings, name: str) -> list[str]:
    """Name the class together with what stands out."""
    if findings.kind not in _TAKES_ADJECTIVES:
        return []
    adjectives = [ADJECTIVES[trait] for trait in findings.traits if trait in ADJECTIVES]
    phrases = [f"{' '.join(adjectives[:2])} {name}"] if adjectives else []
    if Trait.ARMS in findings.traits:
        blue = "blue " if Trait.BLUE in findings.traits else ""
        phrases.append(f"{name} with {blue}arms")
    return phrases


def _pick(options: Sequence[str], seed: int | str, slot: str) -> str:
    return options[_number(seed, slot) % len(options)]


def _number(seed: int | str, slot: str) -> int:
    """Hash, so that the choice is the same on every machine and in every process."""
    digest = hashlib.blake2b(f"{slot}\x00{seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
