"""The account of an encoder's training, and the model card written from it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from skylore.morphology.encoder_model import EncoderConfig
from skylore.morphology.settings import PretrainSettings
from skylore.training.state import Evaluation

__all__ = ["PretrainReport", "encoder_card"]


class PretrainReport(BaseModel):
    """How an encoder was trained, and how it did.

    Attributes
    ----------
    objects, held_out_objects : int
        Images trained on, and kept aside by a hash of their group or id. Nothing was chosen by
        those aside.
    unusable_images : int
        Images that could not be decoded.
    labelled : dict of str to int
        Objects trained on that have each sort of label.
    settings : PretrainSettings
    history : list of Evaluation
    rotation_cosine : float
        Mean cosine between the vectors of a held-out image and of the image turned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objects: int
    held_out_objects: int
    unusable_images: int
    labelled: dict[str, int]
    settings: PretrainSettings
    history: list[Evaluation]
    rotation_cosine: float

    def __str__(self) -> str:
        """Say it in one line."""
        found = [
            f"{name} {figure} {value:.3f}"
            for name, figures in self.history[-1].held_out.items()
            for figure, value in figures.items()
        ]
        aside = f"; on {self.held_out_objects} held out: {', '.join(found)}" if found else ""
        return f"pretrain: {self.objects} images, {self.history[-1].step} steps{aside}"


def encoder_card(config: EncoderConfig, report: PretrainReport) -> str:
    """Return the model's ``README.md``."""
    network = config.network
    labelled = "".join(
        f"| `{label.name}` | {label.kind} | {report.labelled[label.name]} |\n"
        for label in config.labels
    )
    figures = "".join(
        f"| `{name}` | {figure} | {value:.4f} |\n"
        for name, measured in report.history[-1].held_out.items()
        for figure, value in measured.items()
    )
    return f"""# Skylore image encoder

A residual network on {network.pixels} × {network.pixels} pixels that gives {network.dimension}
features of an image, from {network.frames} frame(s): the whole, and with two its middle half at
twice the resolution. Written by Skylore {config.skylore_version}; `config.json` and
`model.safetensors` are all of it.

## Training

{report.objects} images were trained on; {report.held_out_objects}, chosen by a hash of their group
or id, were held out to report on, and nothing was chosen by them. {report.unusable_images} images
could not be decoded.

| labels | kind | objects |
|---|---|---|
{labelled}
Weight of self-supervision on two views of an image: {report.settings.self_supervision:g}.

## On the objects held out

| labels | figure | value |
|---|---|---|
{figures}
Mean cosine between an image and itself turned: {report.rotation_cosine:.3f}.

Settings: `{report.settings.model_dump_json()}`
"""
