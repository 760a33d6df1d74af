"""How ``galaxy-nano`` and its label-free twin are trained."""

from __future__ import annotations

from recipes.teaching import PREFIX, TAUGHT
from skylore.imaging.measurements import MEASUREMENT_SCHEMA
from skylore.morphology.labels import (
    ClassLabels,
    FigureLabels,
    LabelSource,
    VoteCounts,
    VoteFractions,
)
from skylore.morphology.network import NetworkConfig
from skylore.morphology.settings import PretrainSettings

__all__ = ["LABEL_FREE", "SEEN", "TEACHER", "VOLUNTEERS"]

SEEN = "split = 'train'"
"""What training may see of the archive; the rest is for benchmarks."""

_NOT_LEARNT = {"measure_flag", "orientation", "flux", "spikes", "offset"}
_MEASURED = tuple(name for name in MEASUREMENT_SCHEMA.names if name not in _NOT_LEARNT)
_SIMULATED = (
    "sim_bulge_fraction",
    "sim_bar_strength",
    "sim_pitch_angle",
    "sim_inclination",
    "sim_axis_ratio",
    "sim_sersic_index",
    "sim_clumpiness",
    "sim_colour_index",
)
_OF_SIMULATIONS: tuple[LabelSource, ...] = (
    ClassLabels(column="sim_kind"),
    ClassLabels(column="sim_winding", weight=0.5),
)
_NETWORK = NetworkConfig(pixels=64, frames=2, width=32)

_LABELLED: tuple[LabelSource, ...] = (
    ClassLabels(column="spiral"),
    ClassLabels(column="ring"),
    VoteCounts(tree="gz2"),
    FigureLabels(columns=("lens_grade", *_MEASURED, *_SIMULATED), weight=0.5),
    *_OF_SIMULATIONS,
)

TEACHER = PretrainSettings(
    labels=(ClassLabels(column="gz1"), ClassLabels(column="class5"), *_LABELLED),
    network=_NETWORK,
    steps=4500,
    evaluations=9,
)
"""Volunteers' and experts' answers on real images, measurements, and the truth of simulations."""

VOLUNTEERS = TEACHER.model_copy(
    update={
        "labels": (
            ClassLabels(column="gz1", weight=0.5),
            ClassLabels(column="class5", weight=0.5),
            VoteFractions(tree=TAUGHT, prefix=PREFIX, weight=2.0),
            *_LABELLED,
        ),
        "seed": 1,
    }
)
"""The same, and what the teacher makes of all images of SDSS."""

LABEL_FREE = PretrainSettings(
    labels=(FigureLabels(columns=(*_MEASURED, *_SIMULATED)), *_OF_SIMULATIONS),
    network=_NETWORK,
    steps=2500,
    evaluations=5,
)
"""Measurements of real images and the truth of simulations: nobody has labelled anything."""
