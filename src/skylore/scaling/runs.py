"""The training runs that a law is fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skylore.errors import ModelError
from skylore.scaling.laws import Floats

__all__ = ["Runs"]


@dataclass(frozen=True, eq=False)
class Runs:
    """One row a finished training run, as read-only arrays of shape ``(R,)``.

    Attributes
    ----------
    data
        Labels, captions or images that the run learnt from; positive.
    loss
        Its loss on the test set; positive, the lower the better.
    parameters
        Trainable parameters; positive. None where all runs have the same model.
    subset
        Which order of the data its subset was cut from. Subsets of one order are nested, so their
        noise is shared. Zero for all where left out.
    seed
        The seed of initialisation and batches. Where left out, each run has its own: runs are then
        taken to be independent.

    Raises
    ------
    ModelError
        If lengths differ, or a value is not finite or not positive.
    """

    data: Floats
    loss: Floats
    parameters: Floats | None = None
    subset: NDArray[np.generic] | None = None
    seed: NDArray[np.generic] | None = None

    def __post_init__(self) -> None:
        """Check and freeze."""
        count = np.size(self.data)
        for name in ("data", "loss"):
            self._freeze(name, _positive(name, getattr(self, name), count))
        if self.parameters is not None:
            self._freeze("parameters", _positive("parameters", self.parameters, count))
        subset = np.zeros(count, np.int64) if self.subset is None else np.array(self.subset)
        seed = np.arange(count) if self.seed is None else np.array(self.seed)
        for name, values in (("subset", subset), ("seed", seed)):
            if values.shape != (count,):
                raise ModelError(f"{count} runs need {count} entries of {name}, not {values.shape}")
            self._freeze(name, values)

    def _freeze(self, name: str, values: NDArray[np.generic]) -> None:
        values.flags.writeable = False
        object.__setattr__(self, name, values)

    def __len__(self) -> int:
        """Count the runs."""
        return int(self.data.size)

    @property
    def sizes(self) -> Floats:
        """The different amounts of data, ascending."""
        return np.unique(self.data)

    @property
    def clusters(self) -> NDArray[np.intp]:
        """Number the runs by ``(subset, seed)``: runs of one number share their noise."""
        _, subset = np.unique(np.asarray(self.subset), return_inverse=True)
        _, seed = np.unique(np.asarray(self.seed), return_inverse=True)
        _, cluster = np.unique(subset * (seed.max() + 1) + seed, return_inverse=True)
        return np.asarray(cluster, dtype=np.intp)

    @property
    def cells(self) -> NDArray[np.intp]:
        """Number the runs by amount of data and parameters: runs of one number are repeats."""
        size = np.zeros(len(self)) if self.parameters is None else self.parameters
        _, cell = np.unique(np.stack([self.data, size], axis=1), axis=0, return_inverse=True)
        return np.asarray(cell, dtype=np.intp).ravel()

    def where(self, keep: NDArray[np.bool_]) -> Runs:
        """Give the runs that are marked."""
        return Runs(
            self.data[keep],
            self.loss[keep],
            None if self.parameters is None else self.parameters[keep],
            np.asarray(self.subset)[keep],
            np.asarray(self.seed)[keep],
        )


def _positive(name: str, given: ArrayLike, count: int) -> Floats:
    try:
        values = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name} must be numbers: {error}") from error
    if values.ndim != 1 or values.size == 0 or values.size != count:
        raise ModelError(f"{count} runs need {count} entries of {name} in one list")
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ModelError(f"{name} of run {bad} is {values[bad]}; leave failed runs out")
    if (values <= 0).any():
        bad = int(np.flatnonzero(values <= 0)[0])
        raise ModelError(f"{name} of run {bad} is {values[bad]:g}; laws of powers need positives")
    return values
