"""How a density emulator is trained."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DensitySettings", "MaskMixture"]

_ENOUGH_STEPS, _FEWEST_EPOCHS, _MOST_EPOCHS = 1500, 60, 400

_FEW_ROWS = 8000
_FOR_FEW: dict[str, object] = {"members": 3, "dropout": 0.25, "highest_frequency": 0.6}

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class MaskMixture(BaseModel):
    """How often a request sees which of the other columns.

    After Simformer (Gloeckler et al. 2024, arXiv 2404.09636, section 3.3), with more weight on the
    conditional given everything.

    Attributes
    ----------
    posterior : float
        Everything else is seen.
    joint : float
        Nothing is seen, or the first columns of a random order: the factors of a chain.
    likelihood : float
        One column is seen.
    sparse, dense : float
        Each is seen with probability 0.3, or 0.7.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    posterior: Share = 0.5
    joint: Share = 0.15
    likelihood: Share = 0.05
    sparse: Share = 0.1
    dense: Share = 0.2


class DensitySettings(BaseModel):
    """The recipe of a density emulator; :meth:`for_rows` suits it to small tables.

    Attributes
    ----------
    head : {"mixture", "diffusion"}
        What gives a number's density: a mixture of Gaussians, exact in one pass, or denoising
        diffusion, whose density is that of its flow, solved in ``sampler_steps``.
    members : int
        Networks, each with another tenth of the rows held out, whose densities are averaged.
    width, blocks : int
        Of the residual trunk.
    layers, heads, attention : int
        Of a transformer over the tokens of visible columns, beside the trunk; none by default,
        which measured as well at half the cost on tables of ten columns.
    embedding, frequencies : int
        Numbers in a value's token, and learned frequencies of it (Gorishniy et al. 2022,
        arXiv 2203.05556).
    lowest_frequency, highest_frequency : float
        Between which the frequencies are spread, evenly in logarithm, to begin with.
    components : int
        Gaussians in the mixture of each column.
    diffusion_width, diffusion_layers, diffusion_steps : int
        Of a diffusion head's network, and the times that it is trained at.
    sampler_steps : int
        Of its solver, 20 at most.
    dropout, weight_decay : float
    learning_rate, warmup : float
    batch_size, views : int
        Rows of a step, and requests to each. Each request to a row is answered by another
        sub-network; all of them answer, and are averaged, once trained.
    precision : {"auto", "float32", "bfloat16"}
        Of the trunk in training; half precision where the processor has instructions for it.
    epochs : int, optional
        Passes over the rows; by default as many as make 1,500 steps, between 60 and 400.
    most_steps : int
        Of a member, however many rows there are.
    patience : int
        Evaluations without gain after which a member is done.
    evaluations : int
        In a whole run.
    averaging : float
        Decay of the moving average of weights.
    masks : MaskMixture
    emphasis : tuple of str
        Columns that half of the requests are about; none by default.
    hide_errors : float
        How often a measurement error is withheld, so that values without one are known too.
    validation : float
        Share of the groups that each member holds out.
    seed : int
    checkpoint_steps : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: Literal["mixture", "diffusion"] = "mixture"
    members: Count = 2
    width: Count = 256
    blocks: Count = 2
    layers: Annotated[int, Field(ge=0)] = 0
    heads: Count = 4
    attention: Count = 32
    embedding: Count = 12
    frequencies: Count = 16
    lowest_frequency: Annotated[float, Field(gt=0)] = 0.05
    highest_frequency: Annotated[float, Field(gt=0)] = 3.0
    components: Annotated[int, Field(ge=2)] = 20
    diffusion_width: Count = 64
    diffusion_layers: Count = 3
    diffusion_steps: Annotated[int, Field(ge=20)] = 100
    sampler_steps: Annotated[int, Field(ge=2, le=20)] = 16
    dropout: Share = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    learning_rate: Annotated[float, Field(gt=0)] = 5e-3
    warmup: Share = 0.05
    batch_size: Count = 128
    views: Count = 8
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    epochs: Count | None = None
    most_steps: Count = 20_000
    patience: Count = 6
    evaluations: Count = 20
    averaging: Share = 0.998
    masks: MaskMixture = MaskMixture()
    emphasis: tuple[str, ...] = ()
    hide_errors: Share = 0.1
    validation: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    checkpoint_steps: Count = 500

    @property
    def digest(self) -> str:
        """By which a run knows its own checkpoint."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def for_rows(self, rows: int) -> DensitySettings:
        """Give the recipe for so many rows: what was set stays as it is.

        Of fewer than 8,000 rows a network learns too much by heart: there are three of them, which
        are cheap then, with more dropout and without the higher frequencies.
        """
        if rows >= _FEW_ROWS:
            return self
        unset = {n: v for n, v in _FOR_FEW.items() if n not in self.model_fields_set}
        return self.model_copy(update=unset)

    def steps(self, rows: int) -> int:
        """Count the steps of one member on so many rows."""
        enough = _ENOUGH_STEPS * self.batch_size // max(1, rows)
        epochs = self.epochs or min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, enough))
        return max(1, min(self.most_steps, epochs * rows // self.batch_size))
