"""The model card of what ships."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skylore.morphology.encoder_model import EncoderConfig
from skylore.morphology.report import PretrainReport, encoder_card

__all__ = ["HEADS_CARD", "shipped_card"]

HEADS_CARD = """# Words for galaxy-nano

Two residual MLP heads (after AION-Search, arXiv 2512.11982) that bring vectors of `galaxy-nano` and
of the text encoder MiniLM into one space. They were trained on statements: phrases of a grammar
that are known to be true of some training images and false of others, from volunteers' answers,
expert grades, measurements, and simulations. How well they find galaxies never seen is in
`docs/benchmarks.md` of the project; what the images were, in the card of `galaxy-nano`.
"""

_HEAD = """# galaxy-nano

The image encoder that ships with Skylore. It knows galaxies in colour cutouts of sky surveys: it
was trained on SDSS, DECaLS and CFHTLS images and on simulated ones. Beside it, `alignment/` holds
two heads that bring its vectors and those of the text encoder MiniLM into one space, so that
images are found in words without captions and without training.

Two variants were trained. This one, which ships, learnt from people's answers; its label-free
twin, from measurements and simulations alone. `docs/benchmarks.md` of the project compares them on
objects that neither has seen.

## What it learnt from

| images | labels | reference |
|---|---|---|
| {gz1} of SDSS | Galaxy Zoo 1 classes | Lintott et al. 2011 |
| {gz2k} of SDSS | Galaxy Zoo 2 classes for two in five (Kaggle challenge) | Willett et al. 2013 |
| {gz2} of SDSS | Galaxy Zoo 2 votes | Willett et al. 2013; Hart et al. 2016 |
| {rings} of DECaLS | rings tagged in Galaxy Zoo Talk | |
| {lenses} of CFHTLS | expert grades of lens candidates | More et al. 2016 |
| {sim} simulated | the truth of the simulation | `skylore.simulation` |

A first encoder of the same size, the teacher, learnt from these. Beside them, this one learnt from
what the teacher made of all images of SDSS: of those that Galaxy Zoo 1 has not classed, and of
classes that may be wrong.

All real images were measured as well (`skylore measure`), and the figures learnt by regression. A
fifth of the real objects, chosen by a hash, was never seen. Images of one object in several sets
are on one side.

## What it is not for

Images of other sciences; other galaxies than about the nearby ones that volunteers classified; raw
counts (give it display images); measuring. Its classes carry the volunteers' errors and their
preference for what stands out. Rare words (bars, arcs, dust lanes) it knows mostly from
simulations. A galaxy should lie in the middle of its image.

The command that makes it: `python -m recipes.galaxy_nano all DATA WORK`. MIT licence, as Skylore;
the survey images themselves are not included.

"""


def shipped_card(folder: Path, images: Mapping[str, int]) -> str:
    """Write the card from the model's own account and the number of images of each set."""
    config = EncoderConfig.model_validate_json((folder / "config.json").read_bytes())
    report = PretrainReport.model_validate_json((folder / "training.json").read_bytes())
    body = encoder_card(config, report).partition("\n")[2].lstrip()
    return f"{_HEAD.format(**images)}## Network\n\n{body}"
