"""Alignments that come with an image encoder, so that words find images before any training."""

from __future__ import annotations

from pathlib import Path

from skylore.alignment.config import EncoderReference
from skylore.alignment.model import Alignment

__all__ = ["bundled_alignment", "bundled_folder"]


def bundled_alignment(images: EncoderReference) -> Alignment | None:
    """Give the alignment in the folder of an image encoder, if there is one for this revision."""
    folder = bundled_folder(images.name)
    if folder is None:
        return None
    model = Alignment.load(folder)
    return model if model.config.image_encoder.revision == images.revision else None


def bundled_folder(encoder: str) -> Path | None:
    """Give the folder ``alignment`` beside the weights of an encoder that Skylore trained."""
    from skylore.encoders.trained import folder_of

    home = folder_of(encoder)
    folder = home / "alignment" if home is not None else None
    return folder if folder is not None and folder.is_dir() else None
