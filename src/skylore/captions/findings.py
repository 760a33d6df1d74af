"""What measurements allow to be said about a galaxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from skylore.captions.reference import RELATIVE_COLUMNS, MeasurementReference
from skylore.imaging.measurements import FLAG_NO_SOURCE, MEASUREMENT_SCHEMA

__all__ = ["Findings", "Kind", "Trait", "find"]


_SPIKES_OF_STARS = 0.3
_FLATTEST_ELLIPTICAL = 0.45
_RESOLVED = 5.0
"""Half-light radius in pixels below which arms and clumps look alike."""


class Kind(StrEnum):
    """The class of an object, with how sure the figures make it."""

    STAR = "star"
    MERGING_PAIR = "merging pair"
    LIKELY_MERGING_PAIR = "likely merging pair"
    LIKELY_MERGER = "likely merger"
    EDGE_ON = "edge-on"
    LIKELY_EDGE_ON = "likely edge-on"
    SPIRAL = "spiral"
    LIKELY_SPIRAL = "likely spiral"
    ELLIPTICAL = "elliptical"
    LIKELY_ELLIPTICAL = "likely elliptical"
    INTERMEDIATE = "intermediate galaxy"
    GALAXY = "galaxy"
    UNKNOWN = "unknown"


class Trait(StrEnum):
    """A property that stands out."""

    RED = "red"
    BLUE = "blue"
    ROUND = "round"
    OVAL = "oval"
    ELONGATED = "elongated"
    SMOOTH = "smooth"
    ARMS = "arms"
    CONCENTRATED = "concentrated"
    RED_CENTRE = "red centre"
    LOPSIDED = "lopsided"
    LARGE = "large"
    SMALL = "small"
    COMPANION = "companion"
    COMPANIONS = "companions"


@dataclass(frozen=True)
class Findings:
    """The class of one object and the traits that stand out, the most telling first."""

    kind: Kind
    traits: tuple[Trait, ...]


@dataclass(frozen=True)
class _Evidence:
    """Scores behind the class; NaN where a figure is missing.

    Attributes
    ----------
    spikes
        Strength of the diffraction cross that only a point source has.
    structure
        Rank of fine structure; no elliptical galaxy has more than most.
    blue
        Whether the colour is that of the bluest quarter; ellipticals are red.
    late
        Mean rank of what late types have: arms and clumps, blue light, light far from the centre.
        Structure counts twice: it is what makes a spiral, and the rest goes along with it.
        Colour and concentration separate early from late types (Strateva et al. 2001).
    disturbed
        Mean rank of asymmetry (Conselice 2003), lopsidedness, deviation (Freeman et al. 2013) and
        asymmetry of the outline (Pawlik et al. 2016).
    contact
        Flux ratio of a galaxy-like source in contact within 3 half-light radii, else 0; major
        mergers have ratios above 1:4.
    """

    spikes: float
    ellipticity: float
    structure: float
    blue: bool
    late: float
    disturbed: float
    contact: float


def find(measurements: Mapping[str, float], reference: MeasurementReference) -> Findings:
    """Decide what the measurements of one object support.

    Geometry is judged in absolute terms; what depends on the drawing of the images is judged by the
    object's rank in its archive.

    Parameters
    ----------
    measurements
        The columns of :data:`~skylore.imaging.measurements.MEASUREMENT_SCHEMA`, among any
        others; missing or null ones count as not measured.
    reference
        What is usual in the archive.
    """
    values = {
        name: float("nan") if (value := measurements.get(name)) is None else float(value)
        for name in MEASUREMENT_SCHEMA.names
    }
    if not (values["measure_flag"] < FLAG_NO_SOURCE and np.isfinite(values["ellipticity"])):
        return Findings(Kind.UNKNOWN, ())
    ranks = {name: reference.rank(name, values[name]) for name in RELATIVE_COLUMNS}
    evidence = _weigh(values, ranks)
    kind = _classify(evidence)
    return Findings(kind, _traits(kind, values, ranks))


def _weigh(values: Mapping[str, float], ranks: Mapping[str, float]) -> _Evidence:
    late = np.average(
        [
            ranks["fine_structure"],
            ranks["residual"],
            ranks["m20"],
            1 - ranks["colour"],
            1 - ranks["concentration"],
        ],
        weights=(2, 1, 1, 1, 1),
    )
    names = ("asymmetry", "lopsidedness", "deviation", "outline_asymmetry")
    disturbed = np.mean([ranks[name] for name in names])
    contact = values["contact_ratio"] if values["contact_distance"] < 3 else 0.0
    return _Evidence(
        spikes=values["spikes"],
        ellipticity=values["ellipticity"],
        structure=ranks["fine_structure"],
        blue=ranks["colour"] <= 0.25,
        late=float(late),
        disturbed=float(disturbed),
        contact=contact,
    )


def _classify(evidence: _Evidence) -> Kind:
    """Apply the rules from the rarest class to the commonest."""
    if evidence.spikes >= _SPIKES_OF_STARS:
        return Kind.STAR
    if merger := _merger(evidence):
        return merger
    if evidence.ellipticity >= 0.58:
        return Kind.EDGE_ON
    if evidence.ellipticity >= 0.5:
        return Kind.LIKELY_EDGE_ON
    return _hubble_side(evidence)


def _hubble_side(evidence: _Evidence) -> Kind:
    """Tell late from early types; between them neither is claimed, nor anything without figures."""
    late = evidence.late
    if not np.isfinite(late):
        return Kind.GALAXY
    if late >= 0.58:
        return Kind.SPIRAL if late >= 0.72 else Kind.LIKELY_SPIRAL
    early = late <= 0.48 and evidence.structure <= 0.6 and not evidence.blue
    if not early or evidence.ellipticity >= _FLATTEST_ELLIPTICAL:
        return Kind.INTERMEDIATE
    return Kind.ELLIPTICAL if late <= 0.35 else Kind.LIKELY_ELLIPTICAL


def _merger(evidence: _Evidence) -> Kind | None:
    if evidence.contact >= 0.25:
        sure = evidence.disturbed + 0.5 * evidence.contact >= 1.0
        return Kind.MERGING_PAIR if sure else Kind.LIKELY_MERGING_PAIR
    return Kind.LIKELY_MERGER if evidence.disturbed >= 0.9 else None


def _traits(
    kind: Kind, values: Mapping[str, float], ranks: Mapping[str, float]
) -> tuple[Trait, ...]:
    """Name what stands out; comparisons with NaN are false, so the unmeasured stays unsaid."""
    spiral = kind in {Kind.SPIRAL, Kind.LIKELY_SPIRAL}
    elliptical = kind in {Kind.ELLIPTICAL, Kind.LIKELY_ELLIPTICAL}
    ellipticity, companions = values["ellipticity"], values["companions"]
    star = kind is Kind.STAR
    alone = not star and kind not in {Kind.MERGING_PAIR, Kind.LIKELY_MERGING_PAIR}
    plain = spiral or elliptical or kind in {Kind.INTERMEDIATE, Kind.GALAXY}
    tests = {
        Trait.ARMS: spiral
        and values["half_light_radius"] >= _RESOLVED
        and max(ranks["arm_strength"], ranks["fine_structure"]) >= 0.8,
        Trait.BLUE: ranks["colour"] <= 0.25,
        Trait.RED: ranks["colour"] >= 0.75,
        Trait.SMOOTH: elliptical and ranks["residual"] <= 0.4,
        Trait.ROUND: plain and ellipticity < 0.15,
        Trait.OVAL: plain and 0.2 <= ellipticity < 0.4,
        Trait.ELONGATED: plain and ellipticity >= 0.4,
        Trait.LOPSIDED: plain and ranks["lopsidedness"] >= 0.85,
        Trait.RED_CENTRE: not star
        and ranks["colour_gradient"] >= 0.85
        and values["colour_gradient"] > 0.15,
        Trait.CONCENTRATED: not star and ranks["concentration"] >= 0.85,
        Trait.COMPANION: alone and companions == 1,
        Trait.COMPANIONS: alone and companions >= 2,
        Trait.LARGE: not star and ranks["half_light_radius"] >= 0.9,
        Trait.SMALL: not star and ranks["half_light_radius"] <= 0.1,
    }
    return tuple(trait for trait, holds in tests.items() if holds)
