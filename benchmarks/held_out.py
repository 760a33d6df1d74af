"""The galaxies that no encoder was trained on, as an archive of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive

__all__ = ["embedded", "encoders", "held_out_archive"]

ENCODERS = {
    "galaxy-nano": "galaxy-nano",
    "label-free twin": "model:{work}/label-free",
    "scattering": "scattering",
}


def encoders(work: Path) -> dict[str, str]:
    """Name the encoders that are there; the label-free twin is, once the recipe has trained it."""
    known = {name: pattern.format(work=work) for name, pattern in ENCODERS.items()}
    trained = (work / "label-free" / "alignment").is_dir()
    return {name: known[name] for name in known if trained or name != "label-free twin"}


def held_out_archive(work: Path) -> Archive:
    """Copy the archive of ``recipes.galaxy_nano``, keep the test split, and caption it."""
    place = work / "held-out.skylore"
    if not (place / "ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(work / "galaxies.skylore", place)
        Archive.open(place).objects.delete("split <> 'test'")
        pipeline.caption(Archive.open(place), FillOptions(progress=False))
        (place / "ready").touch()
    return Archive.open(place)


def embedded(archive: Archive, work: Path, name: str) -> Archive:
    """Embed its images with one of the encoders, and share them with words.

    The trained encoders bring their own alignment; scattering is aligned on captions from
    measurements, as it always was.
    """
    anew = FillOptions(overwrite=True, progress=False)
    pipeline.embed(archive, anew, encoder=encoders(work)[name])
    if name == "scattering":
        pipeline.align(archive, anew)
    archive.refresh()
    return archive
