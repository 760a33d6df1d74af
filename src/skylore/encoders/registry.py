"""From an encoder's name to the encoder, importing only what that encoder needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from skylore.encoders.base import FluxEncoder, ImageEncoder, TextEncoder
from skylore.errors import ModelError

__all__ = ["load_encoder", "load_image_encoder", "load_text_encoder"]

_Encoder = TypeVar("_Encoder")
_KEPT = 4
"""How many encoders of each sort stay loaded: enough for one archive, small enough for a laptop."""

_IMAGE_HELP = (
    "galaxy-nano (trained on galaxies; ships with Skylore, needs no network), "
    "scattering (wavelet scattering; needs no weights and no network), "
    "model:FOLDER (of your own, made by `skylore pretrain`), "
    "hf:ID-or-folder (DINOv2, DINOv3, ViT, ConvNeXt …, and CLIP or SigLIP, whose images can be "
    "searched in words at once; pip install 'skylore[hub]'), "
    "aion:ID-or-folder (AION-1, which reads flux in bands of DES or HSC; pip install "
    "'skylore[aion]'), "
    "timm:NAME (Zoobot and other models of the timm library; pip install 'skylore[timm]')"
)
_TEXT_HELP = (
    "minilm (all-MiniLM-L6-v2; its weights are installed, needs no network), "
    "hf:ID-or-folder (a sentence-transformers model, or the text side of CLIP or SigLIP; "
    "pip install 'skylore[hub]'), "
    "openai:MODEL (any OpenAI-compatible embedding endpoint; pip install 'skylore[openai]')"
)


def load_image_encoder(name: str) -> ImageEncoder:
    """Return the encoder of display images of this name.

    Raises
    ------
    DependencyMissingError
        If the encoder needs an extra that is not installed.
    ModelError
        If there is no encoder of this name, its weights cannot be loaded, or it reads flux.
    """
    encoder = load_encoder(name)
    if not isinstance(encoder, ImageEncoder):
        raise ModelError(f"{name} reads calibrated flux, and cannot encode display images")
    return encoder


def load_encoder(name: str) -> ImageEncoder | FluxEncoder:
    """Return the encoder of images or flux of this name, loading it once, and anew when it changes.

    Raises
    ------
    DependencyMissingError
        If the encoder needs an extra that is not installed.
    ModelError
        If there is no encoder of this name, or its weights cannot be loaded.
    """
    return _load_encoder(name, _written(name))


@lru_cache(maxsize=_KEPT)
def _load_encoder(name: str, written: int) -> ImageEncoder | FluxEncoder:  # noqa: ARG001 - told apart by it
    alone: dict[str, Callable[[], ImageEncoder | FluxEncoder]] = {
        "galaxy-nano": _galaxy_nano,
        "scattering": _scattering,
    }
    families: dict[str, Callable[[str], ImageEncoder | FluxEncoder]] = {
        "aion": _aion,
        "hf": _hub_image,
        "model": _trained,
        "timm": _timm,
    }
    return _load("image", name, alone, families, _IMAGE_HELP)


def _written(name: str) -> int:
    """Say when a user's own encoder was written; it may be trained anew while this process runs."""
    family, _, folder = name.partition(":")
    weights = Path(folder) / "model.safetensors"
    return weights.stat().st_mtime_ns if family == "model" and weights.exists() else 0


@lru_cache(maxsize=_KEPT)
def load_text_encoder(name: str) -> TextEncoder:
    """Return the text encoder of this name, loading it once.

    Raises
    ------
    DependencyMissingError
        If the encoder needs an extra that is not installed.
    ModelError
        If there is no encoder of this name, or its weights cannot be loaded.
    """
    alone = {"minilm": _minilm}
    families = {"hf": _hub_text, "openai": _openai}
    return _load("text", name, alone, families, _TEXT_HELP)


def _load(
    kind: str,
    name: str,
    alone: Mapping[str, Callable[[], _Encoder]],
    families: Mapping[str, Callable[[str], _Encoder]],
    known: str,
) -> _Encoder:
    if name in alone:
        return alone[name]()
    family, _, rest = name.partition(":")
    if family in families and rest:
        return families[family](rest)
    raise ModelError(f"there is no {kind} encoder {name!r}. There are: {known}")


def _galaxy_nano() -> ImageEncoder:
    from skylore.encoders.trained import GALAXY_NANO, TrainedEncoder

    return TrainedEncoder(GALAXY_NANO)


def _trained(folder: str) -> ImageEncoder:
    from skylore.encoders.trained import TrainedEncoder

    return TrainedEncoder(f"model:{folder}")


def _scattering() -> ImageEncoder:
    from skylore.encoders.scattering import ScatteringEncoder

    return ScatteringEncoder()


def _hub_image(identifier: str) -> ImageEncoder:
    from skylore.encoders.hub_image import HubImageEncoder

    return HubImageEncoder(identifier)


def _aion(identifier: str) -> FluxEncoder:
    from skylore.encoders.aion import AionEncoder

    return AionEncoder(identifier)


def _timm(identifier: str) -> ImageEncoder:
    from skylore.encoders.timm_image import TimmEncoder

    return TimmEncoder(identifier)


def _minilm() -> TextEncoder:
    from skylore.encoders.minilm import MiniLMEncoder

    return MiniLMEncoder()


def _hub_text(identifier: str) -> TextEncoder:
    from skylore.encoders.hub_files import is_image_text

    if is_image_text(identifier):
        from skylore.encoders.hub_pair import HubPairedTextEncoder

        return HubPairedTextEncoder(identifier)
    from skylore.encoders.hub_text import HubTextEncoder

    return HubTextEncoder(identifier)


def _openai(model: str) -> TextEncoder:
    from skylore.encoders.openai_text import OpenAIEncoder

    return OpenAIEncoder(model)
