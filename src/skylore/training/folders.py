"""A trained network to a folder and back: plain configuration and weights, and a card."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from skylore.errors import ModelError

__all__ = ["FolderModel", "unfinished_in", "write_whole"]

_UNFINISHED = "unfinished"


class FolderModel(nn.Module):
    """A network that is kept as ``config.json``, ``model.safetensors`` and ``README.md``.

    Attributes
    ----------
    configuration : type
        Of ``config``.
    title, command : str
        What it is, and what makes one, for those who have none.
    """

    configuration: ClassVar[type[BaseModel]]
    title: ClassVar[str]
    command: ClassVar[str]
    config: Any

    def __init__(self, config: BaseModel) -> None:
        super().__init__()
        self.config = config

    @cached_property
    def identity(self) -> str:
        """A digest of configuration and weights; equal identities give equal answers."""
        digest = hashlib.sha256(self.config.model_dump_json().encode())
        digest.update(self._weights())
        return digest.hexdigest()[:16]

    def save(self, folder: Path, card: str, report: str | None = None) -> None:
        """Write the model into ``folder``; it counts as there once ``config.json`` is.

        Parameters
        ----------
        folder : Path
        card : str
            The ``README.md``.
        report : str, optional
            The ``training.json``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if report is not None:
            write_whole(folder / "training.json", f"{report}\n".encode())
        write_whole(folder / "README.md", card.encode())
        write_whole(folder / "model.safetensors", self._weights())
        write_whole(folder / "config.json", f"{self.config.model_dump_json(indent=2)}\n".encode())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that :meth:`save` wrote.

        Raises
        ------
        ModelError
            A file is missing or damaged, the folder holds a model of another kind, or the weights
            do not fit the configuration.
        """
        try:
            config = cls.configuration.model_validate_json((folder / "config.json").read_bytes())
            model = cls(config)
            model.load_state_dict(load_file(folder / "model.safetensors"))
        except (OSError, ValueError, SafetensorError, RuntimeError, KeyError) as error:
            raise ModelError(
                f"no {cls.title} can be read from {folder}: {_reason(error, folder)}. Train it "
                f"with `{cls.command}`, or fetch a whole copy."
            ) from error
        figures = [t for t in model.state_dict().values() if t.is_floating_point()]
        if not all(bool(torch.isfinite(tensor).all()) for tensor in figures):
            raise ModelError(f"the weights in {folder} are not finite; train the model again")
        return model.eval()

    def _weights(self) -> bytes:
        return save({name: tensor.cpu().contiguous() for name, tensor in self.state_dict().items()})


def _reason(error: Exception, folder: Path) -> str:
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).exists():
            return f"there is no {name}"
    if isinstance(error, ValidationError):
        return "its config.json is that of another kind of model, or of another version"
    return str(error)


def unfinished_in(folder: Path) -> Path:
    """Name the folder of a run that is to end as a model in ``folder``.

    Raises
    ------
    ModelError
        A finished model is there, or files that no run has left: a model comes with a README.
    """
    if (folder / "config.json").exists():
        raise ModelError(f"{folder} holds a finished model already; give another folder")
    file = next((p for p in (folder, *folder.parents) if p.exists() and not p.is_dir()), None)
    if file is not None:
        raise ModelError(f"{file} is a file; give a folder for the model")
    work = folder / _UNFINISHED
    if not work.is_dir() and folder.is_dir() and any(folder.iterdir()):
        raise ModelError(f"{folder} holds other files; give a folder that is new or empty")
    return work


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file, whole or not at all."""
    draft = file.with_name(f".{file.name}")
    draft.write_bytes(content)
    os.replace(draft, file)  # noqa: PTH105 - Path.replace reads as if the text were replaced
