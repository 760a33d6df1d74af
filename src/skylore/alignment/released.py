"""The alignment that AION-Search released, read from its own files.

Koblischke et al. 2025, arXiv 2512.11982: ``config.json`` and ``model.safetensors`` with two
residual MLPs, for AION-1 vectors (mean over tokens) on one side and OpenAI's
``text-embedding-3-large`` on the other.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from skylore.alignment.config import AlignmentConfig, EncoderReference
from skylore.alignment.heads import ContrastiveHeads
from skylore.encoders.openai_text import endpoint_revision
from skylore.errors import DependencyMissingError, ModelError

__all__ = ["fetch_model", "read_aion_search"]

_TEXT_MODEL = "text-embedding-3-large"
_IMAGE_ENCODER = EncoderReference(name="aion:polymathic-ai/aion-base", revision="unknown")
_FILES = ("config.json", "model.safetensors")
_BLOCK = re.compile(r"image_projector\.blocks\.(\d+)\.0\.weight")


class ReleasedConfig(BaseModel):
    """The published ``config.json``; what it holds beside this is not needed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    image_input_dim: int
    text_input_dim: int
    embedding_dim: int
    image_hidden_dim: int
    text_hidden_dim: int
    dropout: float = 0.1
    use_mean_embeddings: bool = True


def read_aion_search(folder: Path) -> tuple[AlignmentConfig, ContrastiveHeads]:
    """Read the released files.

    Raises
    ------
    ModelError
        A file is missing or damaged, weights do not fit the configuration or are not finite, or
        the model is the unreleased variant with attention over image tokens.
    """
    try:
        released = ReleasedConfig.model_validate_json((folder / "config.json").read_bytes())
        weights = load_file(folder / "model.safetensors")
    except (OSError, ValidationError, SafetensorError) as error:
        raise ModelError(
            f"no AION-Search model can be read from {folder}: {error}. It takes {_FILES[0]} and "
            f"{_FILES[1]} as they were released."
        ) from error
    if not released.use_mean_embeddings:
        raise ModelError(
            f"the model in {folder} attends to all tokens of an image; this Skylore reads models "
            "of their mean, as was released"
        )
    config = _config(released, weights)
    return config, _heads(config, weights, folder)


def fetch_model(place: str) -> Path:
    """Give the folder of a model: the one of this name, or a download of this hub id.

    Raises
    ------
    ModelError
        There is no such folder, and nothing of this id on the hub.
    DependencyMissingError
        It is no folder, and huggingface_hub is not installed.
    """
    if Path(place).is_dir():
        return Path(place)
    if place.count("/") != 1 or place.startswith((".", "/", "~")):
        raise ModelError(f"there is no folder {place}; a model of the hub is named OWNER/NAME")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise DependencyMissingError(
            f"there is no folder {place}; to fetch it from the hub: pip install skylore[hub]"
        ) from error
    try:
        return Path(snapshot_download(place, allow_patterns=list(_FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"there is no folder {place}, and the hub gave nothing of this name: {error}"
        ) from error


def _config(released: ReleasedConfig, weights: dict[str, Tensor]) -> AlignmentConfig:
    blocks = {int(found[1]) for name in weights if (found := _BLOCK.fullmatch(name))}
    return AlignmentConfig(
        **released.model_dump(exclude={"use_mean_embeddings"}),
        blocks=max(len(blocks), 1),
        image_encoder=_IMAGE_ENCODER,
        text_encoder=EncoderReference(
            name=f"openai:{_TEXT_MODEL}",
            revision=endpoint_revision(_TEXT_MODEL, released.text_input_dim),
        ),
        matryoshka_dims=(released.embedding_dim,),
    )


def _heads(config: AlignmentConfig, weights: dict[str, Tensor], folder: Path) -> ContrastiveHeads:
    heads = ContrastiveHeads(config)
    # The release standardises no inputs, which is what the buffers do as they begin.
    whole = {**dict(heads.named_buffers()), **weights}
    try:
        heads.load_state_dict(whole)
    except RuntimeError as error:
        raise ModelError(f"the weights in {folder} do not fit its config.json: {error}") from error
    if not all(bool(torch.isfinite(tensor).all()) for tensor in heads.state_dict().values()):
        raise ModelError(f"the weights in {folder} are not finite; fetch them again")
    return heads
