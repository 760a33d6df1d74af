"""What is measured on each object: names, units and meanings of the columns."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["FLAG_BAD", "FLAG_GOOD", "FLAG_NO_SOURCE", "FLAG_SUSPECT", "MEASUREMENT_SCHEMA"]

FLAG_GOOD = 0
"""Everything was measured."""
FLAG_SUSPECT = 1
"""Measured, with a warning by statmorph: small, or cut by the image's edge or a neighbour."""
FLAG_BAD = 2
"""statmorph failed or the source is saturated: shape and light statistics are NaN."""
FLAG_NO_SOURCE = 4
"""There is no source at the middle of the image: all figures are NaN."""

_FLAG = "0 good, 1 suspect, 2 bad (statistics of light are NaN), 4 no central source (all NaN)"

_COLUMNS = (
    ("sersic_n", "", "Sérsic index of the light on the display image"),
    ("sersic_half_light_radius", "pixel", "half-light semi-major axis of the Sérsic model"),
    ("ellipticity", "", "1 − b/a from second moments of the light"),
    (
        "orientation",
        "degree",
        "major axis, counterclockwise from horizontal as displayed, 0 to 180",
    ),
    ("half_light_radius", "pixel", "semi-major axis of the ellipse holding half of the light"),
    ("petrosian_radius", "pixel", "elliptical Petrosian radius, η = 0.2 (Petrosian 1976)"),
    ("concentration", "", "5 log10(r80 / r20) (Conselice 2003)"),
    ("asymmetry", "", "rotational asymmetry by half a turn, sky-corrected (Conselice 2003)"),
    ("smoothness", "", "clumpiness S (Conselice 2003; Lotz et al. 2004)"),
    ("gini", "", "Gini coefficient of the pixels' light (Lotz et al. 2004)"),
    ("m20", "", "log second moment of the brightest 20 % of the light (Lotz et al. 2004)"),
    ("multimode", "", "M of MID: area ratio of the two largest clumps (Freeman et al. 2013)"),
    ("intensity", "", "I of MID: brightness ratio of the two brightest clumps"),
    ("deviation", "", "D of MID: distance of the brightest peak from the centroid, over the size"),
    ("shape_asymmetry", "", "asymmetry of the faint outline (Pawlik et al. 2016)"),
    ("arm_strength", "", "relative amplitude of two-armed logarithmic spirals, deprojected"),
    ("lopsidedness", "", "mean relative m = 1 amplitude of the rings (Rix & Zaritsky 1995)"),
    ("residual", "", "mean departure from smooth elliptical rings over the stretched light"),
    ("fine_structure", "", "contrast of arms, rings and clumps below 0.3 half-light radii"),
    ("spikes", "", "light of a straight four-armed cross, over the light between its arms"),
    ("outline_asymmetry", "", "asymmetry of the outline of all that touches the source"),
    ("outline_solidity", "", "area of that outline over the area of its convex hull"),
    ("colour", "magnitude", "2.5 log10 of red over blue display light; larger is redder"),
    ("colour_gradient", "magnitude", "colour within half a half-light radius, less that outside"),
    ("flux", "count", "display light of the source above the sky, mean of three channels"),
    ("area", "pixel2", "isophotal area of the source"),
    ("peak", "count", "brightest pixel above the sky, mean of three channels"),
    ("saturation", "", "share of the source's pixels that are white, where the display clips"),
    ("offset", "pixel", "distance of the source from the middle of the image"),
    ("companions", "", "sources with a tenth of the flux or more, within 4 half-light radii"),
    ("nearest_companion", "half-light radii", "distance to the nearest of them; NaN for none"),
    ("contact_ratio", "", "flux ratio, at most 1, to the brightest galaxy-like source in contact"),
    ("contact_distance", "half-light radii", "distance to it, peak to peak; NaN for none"),
)


def _field(name: str, unit: str, description: str) -> pa.Field:
    return pa.field(name, pa.float32(), metadata={"unit": unit, "description": description})


MEASUREMENT_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("measure_flag", pa.int8(), nullable=False, metadata={"description": _FLAG}),
        *(_field(*column) for column in _COLUMNS),
    ],
    metadata={
        "note": "measured on nonlinear 8-bit display images: figures are apparent ones, fit to "
        "rank and compare objects drawn alike, not to replace photometry"
    },
)
"""One column a figure, float32 with ``unit`` and ``description`` in its metadata."""
