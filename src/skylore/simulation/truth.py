"""The columns of what is true of a simulated object."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from skylore.simulation.drawing import Facts

__all__ = ["TRUTH_SCHEMA", "complete"]

TRUTH_SCHEMA = pa.schema([
    pa.field("kind", pa.string(), nullable=False),
    pa.field("bulge_fraction", pa.float32()),  # share of the light, 0 to 1
    pa.field("bar_strength", pa.float32()),  # share of the light, 0 to 1
    pa.field("arm_count", pa.int32()),
    pa.field("flocculent", pa.bool_()),
    pa.field("pitch_angle", pa.float32()),  # degrees
    pa.field("winding", pa.string()),  # tight, medium, loose
    pa.field("inclination", pa.float32()),  # degrees, 0 is face-on
    pa.field("axis_ratio", pa.float32()),  # minor over major
    pa.field("sersic_index", pa.float32()),
    pa.field("edge_on", pa.bool_()),
    pa.field("boxy_bulge", pa.bool_()),
    pa.field("dust_lane", pa.bool_()),
    pa.field("warp", pa.bool_()),
    pa.field("ring", pa.string()),  # inner, outer, collisional
    pa.field("lens", pa.string()),  # ring, arc, images
    pa.field("einstein_radius", pa.float32()),  # pixels
    pa.field("merger", pa.bool_()),
    pa.field("companion_separation", pa.float32()),  # pixels
    pa.field("tidal_tails", pa.bool_()),
    pa.field("bridge", pa.bool_()),
    pa.field("shells", pa.bool_()),
    pa.field("colour", pa.string()),  # red, blue
    pa.field("colour_index", pa.float32()),  # 0 bluest to 1 reddest
    pa.field("clumpiness", pa.float32()),  # share of the light in knots, 0 to 1
    pa.field("apparent_radius", pa.float32()),  # pixels
    pa.field("spikes", pa.bool_()),
    pa.field("artefact", pa.string()),  # trail, bleed, scattered light
    pa.field("look", pa.string()),  # the survey whose pictures it resembles
    pa.field("seeing", pa.float32()),  # pixels, full width at half maximum
])  # fmt: skip
"""The truth columns; null where a column does not apply to the kind."""

_NEVER_NULL = ("edge_on", "merger")
_REDDER_THAN, _BLUER_THAN = 0.6, 0.32


def complete(kind: str, facts: Mapping[str, bool | int | float | str | None]) -> Facts:
    """Return every column of :data:`TRUTH_SCHEMA`, in its order."""
    known: Facts = {**facts, "kind": kind}
    for name in _NEVER_NULL:
        known.setdefault(name, False)
    index = known.get("colour_index")
    if isinstance(index, int | float):
        blue = "blue" if index <= _BLUER_THAN else None
        known["colour"] = "red" if index >= _REDDER_THAN else blue
    return {name: _plain(known.get(name)) for name in TRUTH_SCHEMA.names}


def _plain(value: bool | int | float | str | None) -> bool | int | float | str | None:
    """Turn NumPy floats into Python's own."""
    return float(value) if isinstance(value, float) else value
