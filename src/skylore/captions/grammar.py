"""The words for what is known of an object: names, adjectives, features and sentence frames."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ADJECTIVES", "FEATURES", "FRAMES", "IMPLIED_KINDS", "NAMES", "PLURAL_FRAMES", "REMARKS"]

_Words = tuple[str, ...]

NAMES: Mapping[str, _Words] = MappingProxyType({
    "galaxy": ("galaxy", "resolved galaxy", "extended source", "extragalactic object",
               "galaxy in a survey cutout", "island of stars", "stellar system", "distant galaxy"),
    "elliptical": ("elliptical galaxy", "early-type galaxy", "spheroidal galaxy", "elliptical",
                   "smooth elliptical galaxy", "featureless spheroid", "ellipsoidal galaxy",
                   "early-type elliptical", "galaxy with a smooth light profile", "spheroid",
                   "smooth ball of old stars", "pressure-supported galaxy", "E-type galaxy"),
    "lenticular": ("lenticular galaxy", "S0 galaxy", "smooth disk galaxy", "early-type disk galaxy",
                   "lens-shaped galaxy", "smooth disk with a central bulge",
                   "smooth lenticular disk", "smooth S0 disk", "S0", "quiescent disk galaxy"),
    "disc": ("disk galaxy", "disc galaxy", "galaxy with a disk", "late-type galaxy", "flat galaxy",
             "rotating disk of stars", "galactic disk"),
    "spiral": ("spiral galaxy", "spiral", "late-type galaxy", "late-type spiral",
               "disk galaxy with spiral arms", "disk with winding arms", "pinwheel galaxy",
               "spiral disk galaxy", "galaxy with spiral structure", "whirlpool-like galaxy",
               "star-forming spiral", "swirling disk galaxy", "spiral nebula", "S-type galaxy"),
    "barred spiral": ("barred spiral galaxy", "barred spiral", "SB galaxy", "barred disk galaxy",
                      "spiral galaxy with a bar", "galaxy with a central bar and spiral arms",
                      "SB-type spiral", "disk galaxy crossed by a bar",
                      "spiral whose arms start from a bar", "barred late-type galaxy"),
    "edge-on": ("edge-on galaxy", "edge-on disk galaxy", "disk seen from the side",
                "edge-on spiral galaxy", "highly inclined disk galaxy", "needle-like galaxy",
                "thin disk viewed side-on", "disk galaxy viewed edge-on", "needle-like disk",
                "spindle-shaped galaxy", "galaxy at nearly ninety degrees inclination",
                "side-on galaxy", "sliver of a disk galaxy", "flat, elongated disk"),
    "ring": ("ring galaxy", "ringed galaxy", "galaxy with a ring", "galaxy encircled by a ring",
             "annular galaxy", "galaxy with a ring-like structure", "ringed disk galaxy",
             "doughnut-shaped galaxy", "galaxy surrounded by a luminous ring"),
    "merger": ("galaxy merger", "merging galaxies", "interacting galaxies", "colliding galaxies",
               "interacting pair", "pair of merging galaxies", "galaxy collision",
               "merging system", "disturbed pair of galaxies", "galactic collision",
               "galaxies in the act of merging", "tidally interacting galaxies",
               "galaxies tearing each other apart", "interacting system"),
    "irregular": ("irregular galaxy", "irregular dwarf galaxy", "clumpy galaxy", "chaotic galaxy",
                  "galaxy of irregular shape", "Magellanic irregular", "patchy, shapeless galaxy",
                  "amorphous galaxy", "peculiar galaxy", "galaxy of ragged outline"),
    "lens": ("gravitational lens", "strong gravitational lens", "lensing galaxy",
             "strong lens system", "galaxy-scale lens",
             "foreground galaxy lensing a background source", "strong lensing system"),
    "star": ("star", "foreground star", "point source", "stellar point source",
             "star in our own galaxy", "bright star", "Milky Way star", "unresolved star"),
    "artefact": ("image artifact", "imaging artefact", "instrumental artifact", "faulty image",
                 "corrupted image", "data defect", "spurious detection", "defective image"),
})  # fmt: skip
"""What a kind is called; the first name is the plainest."""

IMPLIED_KINDS: Mapping[str, str] = MappingProxyType({
    "lens": "lens", "merger": "merger", "edge_on": "edge-on", "ring": "ring", "bar": "disc",
    "arm_count": "spiral", "winding": "spiral", "flocculent": "spiral", "inclination": "disc",
})  # fmt: skip
"""The kind that a fact implies where no kind is given, the most telling first."""

ADJECTIVES: Mapping[str, Mapping[str, _Words]] = MappingProxyType({
    "size": {"small": ("small", "tiny", "small-looking"),
             "large": ("large", "extended", "big", "broad")},
    "colour": {"red": ("red", "reddish", "golden", "yellow-orange", "warm-coloured"),
               "blue": ("blue", "bluish", "blue-tinted", "blue-coloured")},
    "roundness": {"round": ("round", "circular", "nearly round", "spherical-looking"),
                  "in-between": ("oval", "moderately elongated", "egg-shaped", "oblong"),
                  "cigar": ("cigar-shaped", "strongly elongated", "highly flattened", "spindly")},
    "compactness": {"compact": ("compact", "centrally concentrated", "concentrated"),
                    "diffuse": ("diffuse", "low surface brightness", "fluffy", "extended")},
    "inclination": {"face-on": ("face-on", "nearly face-on", "pole-on"),
                    "inclined": ("inclined", "tilted", "foreshortened", "oblique")},
    "odd": {"yes": ("odd", "peculiar", "unusual", "strange")},
})  # fmt: skip
"""Words that stand before a name, by fact and value."""

_RINGS = {
    "inner": ("an inner ring", "a ring around the nucleus", "a small ring encircling the centre",
              "a ring close to the core"),
    "outer": ("an outer ring", "a detached outer ring", "a ring encircling the disk",
              "a wide ring at large radius", "a halo-like outer ring"),
    "collisional": ("an off-centre nucleus in a blue ring", "a collisional ring",
                    "a clumpy ring of young stars", "a ring from a head-on collision"),
    "yes": ("a ring", "a ring of stars", "a ring-like structure", "a luminous ring",
            "a circular band of light around the centre"),
}  # fmt: skip

_COUNTED = {
    str(number): tuple(f"{word} {rest}" for rest in rests for word in (name, str(number)))
    for number, name, rests in (
        (2, "two", ("spiral arms", "winding arms", "arms around the centre")),
        (3, "three", ("spiral arms", "winding arms", "arms around the centre")),
        (4, "four", ("spiral arms", "winding arms", "arms around the centre")),
        (5, "five", ("spiral arms", "winding arms", "arms around the centre")),
    )
}

FEATURES: Mapping[str, Mapping[str, _Words]] = MappingProxyType({
    "bar": {"yes": ("a central bar", "a bar across the centre", "a stellar bar", "a bar"),
            "strong": ("a strong bar", "a prominent central bar", "a long bright bar",
                       "an obvious stellar bar", "a conspicuous bar through the nucleus"),
            "weak": ("a weak bar", "a faint central bar", "a small bar", "a subtle bar")},
    "arm_count": {"1": ("a single spiral arm", "one spiral arm", "a lone winding arm"), **_COUNTED,
                  "many": ("many spiral arms", "multiple arms", "numerous spiral arms")},
    "winding": {"tight": ("tightly wound arms", "closely wrapped spiral arms", "tight spiral arms"),
                "medium": ("moderately wound arms", "spiral arms of medium winding"),
                "loose": ("loosely wound arms", "open spiral arms", "wide open arms",
                          "loose, sweeping arms")},
    "flocculent": {"yes": ("flocculent arms", "patchy, fragmented arms", "fleecy spiral structure",
                           "short broken spiral arms")},
    "grand_design": {"yes": ("a grand-design spiral pattern", "long symmetric arms",
                             "well-defined grand design arms")},
    "ring": _RINGS,
    "bulge": {"small": ("a small bulge", "a faint central bulge", "a modest nucleus"),
              "obvious": ("a central bulge", "an obvious bulge", "a bright central bulge"),
              "dominant": ("a dominant bulge", "a large bright bulge", "a massive central bulge"),
              "boxy": ("a boxy bulge", "a peanut-shaped bulge", "a box-shaped central bulge")},
    "dust_lane": {"yes": ("a dust lane", "a dark lane of dust", "a dusty band along the disk")},
    "warp": {"yes": ("a warped disk", "a bent disk", "a warp at the ends of the disk")},
    "merger": {"yes": ("two nuclei", "two galaxies in contact", "a close companion",
                       "a disturbed shape", "two cores")},
    "tidal_tails": {"yes": ("tidal tails", "long tidal streams", "a curved tail of stars",
                            "tails drawn out by gravity", "tidal debris")},
    "bridge": {"yes": ("a bridge of stars between the cores", "a luminous bridge",
                       "a bridge joining the two galaxies")},
    "shells": {"yes": ("stellar shells", "shell-like arcs", "faint concentric shells")},
    "lens": {"yes": ("a blue arc around a red galaxy", "lensed images", "an arc of lensed light"),
             "arc": ("a blue arc", "a gravitational arc", "a curved arc around a red elliptical",
                     "an arc-shaped lensed image", "a stretched blue background source"),
             "ring": ("an Einstein ring", "a blue ring around a red elliptical",
                      "a ring of lensed light", "a nearly complete Einstein ring"),
             "images": ("multiple lensed images", "blue counter-images", "a multiply imaged source",
                        "lensed blue points around a red galaxy")},
    "clumps": {"yes": ("bright clumps", "star-forming knots", "clumpy patches of young stars",
                       "blue knots", "patches of star formation")},
    "spikes": {"yes": ("diffraction spikes", "a cross of diffraction spikes", "four spikes")},
    "artefact": {"trail": ("a satellite trail", "a bright straight streak", "a coloured line"),
                 "bleed": ("a saturated star", "a bleeding column", "a charge bleed trail"),
                 "scattered light": ("a band of scattered light", "a background gradient",
                                     "a coloured glow across the frame")},
})  # fmt: skip
"""Noun phrases for what an object has, by fact and value."""

REMARKS: Mapping[tuple[str, str], _Words] = MappingProxyType({
    ("bar", "strong"): ("A bright bar runs through the nucleus.", "Its centre is strongly barred."),
    ("winding", "tight"): ("The arms wind tightly inwards.", "The arms are closely wrapped."),
    ("winding", "medium"): ("The arms wind around the centre at a moderate pitch.",),
    ("winding", "loose"): ("The arms sweep wide open.", "Its arms are loosely wound."),
    ("arm_count", "2"): ("Two arms wind around the centre.", "A pair of arms spirals outwards."),
    ("arm_count", "many"): ("Several arms wind around the centre.",),
    ("ring", "outer"): ("A ring encircles the whole disk.", "Far out runs a ring."),
    ("ring", "inner"): ("A ring of stars surrounds the nucleus.",),
    ("ring", "collisional"): ("A head-on collision has sent a ring outwards.",),
    ("merger", "yes"): ("The two galaxies are colliding.", "Gravity is pulling the pair together.",
                        "The system is strongly disturbed by an encounter."),
    ("tidal_tails", "yes"): ("Stars have been flung out into tidal tails.",),
    ("lens", "arc"): ("A background galaxy is bent into an arc by gravity.",),
    ("lens", "ring"): ("Light from behind is bent into an Einstein ring.",),
    ("lens", "images"): ("Gravity splits a background source into several images.",),
    ("roundness", "round"): ("Its outline is almost perfectly circular.",),
    ("roundness", "cigar"): ("It is stretched out like a cigar.",),
    ("colour", "red"): ("The light is that of old, red stars.", "The light has a reddish glow."),
    ("colour", "blue"): ("Blue light of young stars stands out.", "The light is blue."),
    ("edge_on", "yes"): ("We see the disk from the side.", "The disk is seen exactly edge-on."),
    ("inclination", "face-on"): ("We look straight down on the disk.",),
    ("size", "large"): ("It fills much of the frame.",),
    ("size", "small"): ("It covers only a little of the frame.",),
})  # fmt: skip
"""Whole sentences about a fact."""

FRAMES: _Words = (
    "{subject}.", "This is {subject}.", "The image shows {subject}.", "We see {subject}.",
    "At the centre lies {subject}.", "An image of {subject}.", "A survey picture of {subject}.",
)  # fmt: skip
"""Sentences that a description in the singular is set in."""

PLURAL_FRAMES: _Words = (
    "{subject}.", "These are {subject}.", "The image shows {subject}.", "We see {subject}.",
    "At the centre lie {subject}.", "An image of {subject}.", "A survey picture of {subject}.",
)  # fmt: skip
"""Sentences that a description in the plural is set in."""
