"""A trained alignment: from encoders' vectors to the shared space, and to disk and back."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from skylore.alignment.config import AlignmentConfig, EncoderReference
from skylore.alignment.heads import ContrastiveHeads
from skylore.alignment.report import TrainingReport, model_card
from skylore.errors import ModelError

__all__ = ["Alignment"]

_ROWS_PER_BATCH = 8192


class Alignment:
    """Two projection heads, ready to use.

    Parameters
    ----------
    config : AlignmentConfig
    heads : ContrastiveHeads
        Put into evaluation mode.
    report : TrainingReport, optional
        How the model was trained.
    """

    def __init__(
        self, config: AlignmentConfig, heads: ContrastiveHeads, report: TrainingReport | None = None
    ) -> None:
        self.config = config
        self.report = report
        self._heads = heads.eval()

    @cached_property
    def identity(self) -> str:
        """A digest of configuration and weights; equal identities give equal vectors."""
        digest = hashlib.sha256(self.config.model_dump_json().encode())
        digest.update(self._weights())
        return digest.hexdigest()[:16]

    def encode_image_vectors(
        self, vectors: ArrayLike, dim: int | None = None
    ) -> NDArray[np.float32]:
        """Project vectors of the image encoder into the shared space.

        Parameters
        ----------
        vectors : array_like, shape (N, Di)
        dim : int, optional
            One of the lengths in ``config.matryoshka_dims`` to cut to; by default the whole.

        Returns
        -------
        ndarray, shape (N, D), float32
            Unit rows.

        Raises
        ------
        ModelError
            If the vectors have another length, are not finite, or cannot be cut there.
        """
        rows = self._checked(vectors, "image", self.config.image_input_dim)
        return self._projected(rows, dim, images=True)

    def encode_text_vectors(
        self, vectors: ArrayLike, dim: int | None = None
    ) -> NDArray[np.float32]:
        """Project vectors of the text encoder into the shared space.

        Parameters, returned rows and errors are those of :meth:`encode_image_vectors`.
        """
        rows = self._checked(vectors, "text", self.config.text_input_dim)
        return self._projected(rows, dim, images=False)

    def weights(self) -> dict[str, Tensor]:
        """Give a copy of the weights by name."""
        return {name: tensor.clone() for name, tensor in self._heads.state_dict().items()}

    def save(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors``, ``README.md`` and the report.

        The folder appears complete or not at all.

        Raises
        ------
        ModelError
            If something is already there.
        """
        folder = Path(folder)
        if folder.exists():
            raise ModelError(
                f"{folder} exists already; models are not overwritten. Give a new name."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            (draft / "config.json").write_text(
                self.config.model_dump_json(indent=2) + "\n", "utf-8"
            )
            (draft / "model.safetensors").write_bytes(self._weights())
            (draft / "README.md").write_text(model_card(self.config, self.report), "utf-8")
            if self.report is not None:
                report = self.report.model_dump_json(indent=2)
                (draft / "training.json").write_text(report + "\n", "utf-8")
            draft.chmod(0o755)
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    @classmethod
    def load(cls, folder: Path) -> Alignment:
        """Read a model that :meth:`save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or damaged, or the weights do not fit the configuration.
        """
        folder = Path(folder)
        try:
            config = AlignmentConfig.model_validate_json((folder / "config.json").read_bytes())
            heads = ContrastiveHeads(config)
            heads.load_state_dict(load_file(folder / "model.safetensors"))
            written = folder / "training.json"
            report = (
                TrainingReport.model_validate_json(written.read_bytes())
                if written.exists()
                else None
            )
        except (OSError, ValidationError, SafetensorError, RuntimeError) as error:
            raise ModelError(
                f"no alignment model can be read from {folder}: {error}. Train it again, or fetch "
                "a whole copy."
            ) from error
        if not all(bool(torch.isfinite(tensor).all()) for tensor in heads.state_dict().values()):
            raise ModelError(f"the weights in {folder} are not finite; train the model again")
        return cls(config, heads, report)

    @classmethod
    def from_aion_search(cls, folder: str | Path) -> Alignment:
        """Read the model that AION-Search released, from a folder with its own files.

        Its vectors are those of the original to 1e-6. Texts are to be encoded by OpenAI's
        ``text-embedding-3-large``, images by AION-1 with the mean over its tokens.

        Raises
        ------
        ModelError
            As for :func:`skylore.alignment.released.read_aion_search`.
        """
        from skylore.alignment.released import read_aion_search

        return cls(*read_aion_search(Path(folder)))

    def with_image_encoder(self, encoder: EncoderReference) -> Alignment:
        """Give the same model for images that are known to be encoded by this encoder."""
        config = self.config.model_copy(update={"image_encoder": encoder})
        return Alignment(config, self._heads, self.report)

    def _weights(self) -> bytes:
        state = self._heads.state_dict()
        return save({name: tensor.cpu().contiguous() for name, tensor in state.items()})

    @staticmethod
    def _checked(vectors: ArrayLike, kind: str, length: int) -> Tensor:
        rows = np.array(vectors, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != length:
            raise ModelError(
                f"{kind} vectors have shape {rows.shape}, and this model takes (N, {length}): they "
                "come from another encoder"
            )
        if not np.isfinite(rows).all():
            raise ModelError(f"{kind} vectors are not finite; encode these rows again")
        return torch.from_numpy(rows)

    def _projected(self, rows: Tensor, dim: int | None, *, images: bool) -> NDArray[np.float32]:
        length = self.config.embedding_dim if dim is None else dim
        if length not in self.config.matryoshka_dims:
            raise ModelError(
                f"vectors of this model cannot be cut at {length} dimensions, only at "
                f"{', '.join(map(str, self.config.matryoshka_dims))}"
            )
        project = self._heads.project_images if images else self._heads.project_texts
        with torch.inference_mode():
            parts = [project(part)[:, :length] for part in torch.split(rows, _ROWS_PER_BATCH)]
            cut = torch.cat(parts).double()
            # The heads' own normalisation leaves short vectors shorter than one, as published.
            unit = cut / torch.linalg.vector_norm(cut, dim=1, keepdim=True)
        result: NDArray[np.float32] = unit.float().numpy()
        return result
