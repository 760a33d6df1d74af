"""The words for what was found."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from skylore.captions.findings import Kind, Trait

__all__ = ["ADJECTIVES", "CLAUSES", "OPENINGS", "PHRASES", "SURROUNDINGS"]

OPENINGS: Mapping[Kind, tuple[str, ...]] = MappingProxyType({
    Kind.STAR: (
        "A star with diffraction spikes",
        "A star-like point source with diffraction spikes",
        "A bright foreground star with diffraction spikes",
    ),
    Kind.MERGING_PAIR: (
        "Two galaxies in contact, possibly merging",
        "A pair of galaxies, possibly merging",
        "Possibly a galaxy merger: two galaxies in contact",
    ),
    Kind.LIKELY_MERGING_PAIR: (
        "A close pair of galaxies, possibly interacting",
        "Two galaxies that touch, possibly a merger",
        "A pair of galaxies in contact, possibly an interacting system",
    ),
    Kind.LIKELY_MERGER: (
        "A disturbed, asymmetric galaxy, possibly a merger",
        "A galaxy of disturbed shape, possibly merging or interacting",
        "A peculiar, irregular galaxy, possibly a merger remnant",
    ),
    Kind.EDGE_ON: (
        "A disk galaxy seen edge-on",
        "An edge-on galaxy",
        "An edge-on disk galaxy",
    ),
    Kind.LIKELY_EDGE_ON: (
        "A highly inclined galaxy, likely a disk seen nearly edge-on",
        "An elongated galaxy, likely a steeply inclined disk",
        "A galaxy of high inclination, likely close to edge-on",
    ),
    Kind.SPIRAL: ("A spiral galaxy", "A spiral disk galaxy", "A late-type spiral galaxy"),
    Kind.LIKELY_SPIRAL: (
        "Likely a spiral galaxy",
        "A disk galaxy, probably a spiral",
        "A late-type galaxy, likely a spiral",
    ),
    Kind.ELLIPTICAL: (
        "An elliptical galaxy",
        "An early-type elliptical galaxy",
        "A spheroidal galaxy, an elliptical",
    ),
    Kind.LIKELY_ELLIPTICAL: (
        "Likely an elliptical galaxy",
        "An early-type galaxy, probably an elliptical",
        "A galaxy of early type, likely elliptical",
    ),
    Kind.INTERMEDIATE: (
        "A galaxy of intermediate structure",
        "A galaxy between types",
        "A galaxy of mixed morphology",
    ),
    Kind.GALAXY: ("A galaxy", "A resolved galaxy", "An extended source, a galaxy"),
    Kind.UNKNOWN: ("A patch of sky", "An astronomical image", "A cutout of the sky"),
})  # fmt: skip
"""How the main caption begins."""

PHRASES: Mapping[Kind, tuple[str, ...]] = MappingProxyType({
    Kind.STAR: (
        "star",
        "point source",
        "foreground star",
        "bright star with diffraction spikes",
        "stellar point source",
    ),
    Kind.MERGING_PAIR: (
        "possibly merging galaxies",
        "two bright nuclei in contact",
        "possibly interacting pair of galaxies",
        "possible merger of two galaxies",
        "possibly colliding galaxies",
    ),
    Kind.LIKELY_MERGING_PAIR: (
        "close pair of galaxies",
        "possibly interacting galaxies",
        "possible galaxy merger",
        "two galaxies side by side in contact",
    ),
    Kind.LIKELY_MERGER: (
        "disturbed galaxy",
        "possible galaxy merger",
        "asymmetric galaxy, possibly interacting",
        "irregular, peculiar morphology",
    ),
    Kind.EDGE_ON: (
        "edge-on disk galaxy",
        "elongated disk seen edge-on",
        "thin galaxy viewed from the side",
        "disk galaxy at high inclination",
    ),
    Kind.LIKELY_EDGE_ON: (
        "likely edge-on disk",
        "highly inclined disk galaxy",
        "elongated galaxy",
        "flattened galaxy viewed at a steep angle",
    ),
    Kind.SPIRAL: (
        "spiral galaxy",
        "late-type galaxy",
        "disk galaxy with spiral structure",
        "spiral disk galaxy",
    ),
    Kind.LIKELY_SPIRAL: (
        "likely spiral galaxy",
        "disk galaxy",
        "probable spiral structure",
        "late-type morphology",
    ),
    Kind.ELLIPTICAL: (
        "elliptical galaxy",
        "early-type galaxy",
        "spheroidal galaxy",
        "elliptical morphology",
    ),
    Kind.LIKELY_ELLIPTICAL: (
        "likely elliptical galaxy",
        "early-type morphology",
        "probable spheroid",
        "galaxy of centrally peaked light",
    ),
    Kind.INTERMEDIATE: ("galaxy", "galaxy of mixed morphology", "intermediate galaxy type"),
    Kind.GALAXY: ("galaxy", "resolved galaxy", "extended source"),
    Kind.UNKNOWN: ("patch of sky", "astronomical image", "sky survey cutout"),
})  # fmt: skip
"""Short variants; the first is the plainest name of the class."""

CLAUSES: Mapping[Trait, tuple[str, ...]] = MappingProxyType({
    Trait.RED: ("redder than most", "of red colour", "with reddish light"),
    Trait.BLUE: ("bluer than most", "of blue colour", "with bluish light"),
    Trait.ROUND: ("nearly round", "round in outline", "almost circular"),
    Trait.OVAL: ("oval in outline", "moderately elongated", "of oval shape"),
    Trait.ELONGATED: ("elongated", "clearly elongated", "of elongated shape"),
    Trait.SMOOTH: ("smooth", "of smooth, regular light", "smooth in appearance"),
    Trait.ARMS: ("with spiral arms", "with winding spiral arms", "with arms of spiral pattern"),
    Trait.CONCENTRATED: ("with a bright centre", "strongly concentrated to its centre"),
    Trait.RED_CENTRE: ("with a redder centre and bluer outskirts", "with a reddish core"),
    Trait.LOPSIDED: ("lopsided", "brighter on one side"),
    Trait.LARGE: ("large on the image", "of large apparent size"),
    Trait.SMALL: ("small on the image", "of small apparent size"),
})  # fmt: skip
"""How a trait of the galaxy itself is told after the opening."""

SURROUNDINGS: Mapping[Trait, tuple[str, ...]] = MappingProxyType({
    Trait.COMPANION: (
        "Another source lies close by.",
        "A companion in projection lies beside it.",
        "It has one near neighbour on the sky.",
    ),
    Trait.COMPANIONS: (
        "Several sources lie close by.",
        "It has several near neighbours on the sky.",
        "Several companions in projection surround it.",
    ),
})  # fmt: skip
"""A sentence on what is seen beside it; that may be stars, so none is called a galaxy."""

ADJECTIVES: Mapping[Trait, str] = MappingProxyType({
    Trait.RED: "red",
    Trait.BLUE: "blue",
    Trait.ROUND: "round",
    Trait.OVAL: "oval",
    Trait.ELONGATED: "elongated",
    Trait.SMOOTH: "smooth",
    Trait.LOPSIDED: "lopsided",
})  # fmt: skip
"""Traits that can stand before the name of a class."""
