"""A law fitted to runs: what it says, and with which certainty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skylore.errors import ModelError
from skylore.scaling.bootstrap import Replicates, cluster_bootstrap
from skylore.scaling.laws import Floats, Law
from skylore.scaling.region import Linear, Region
from skylore.scaling.runs import Runs

__all__ = ["Band", "Bounds", "Fit", "Form", "Method"]

Form = Literal["power", "floor", "joint", "broken"]
"""The name of a law's form."""

Method = Literal["profile", "bootstrap"]
"""How an interval is made: from the region of good fits, or from cluster replicates."""

_REPLICATES = 2000
_SEED = 0


class Bounds(NamedTuple):
    """An estimate and the interval that holds it at the stated confidence."""

    estimate: float
    low: float
    high: float


class Band(NamedTuple):
    """Estimates and their intervals, each of the shape of the sizes asked about."""

    estimate: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class Fit:
    """A law fitted to runs.

    Attributes
    ----------
    law
        The fitted law.
    form
        Its form.
    runs
        What it was fitted to.
    delta
        Huber's threshold on log residuals.
    """

    law: Law
    form: Form
    runs: Runs
    delta: float
    region: Region

    def predict(self, D: ArrayLike, N: ArrayLike | None = None) -> Floats:
        """Give the loss at ``D`` labels (and ``N`` parameters), of their common shape."""
        return self.law(D, N)

    def interval(self, name: str, *, confidence: float = 0.9, method: Method = "profile") -> Bounds:
        """Bound a parameter of the law.

        Parameters
        ----------
        name : str
            An attribute of the law that is searched or solved for: ``beta``, ``E``, ``B``, …
        confidence : float
            Between 0 and 1.
        method : {"profile", "bootstrap"}, optional
            ``profile`` where left out. ``bootstrap`` is the plain percentile interval of the
            cluster bootstrap: far too narrow for three to five clusters (see the benchmarks).

        Returns
        -------
        Bounds
            An exponent's end at 0.01 or 3 is the end of the search: the runs do not bound it.

        Raises
        ------
        ModelError
            If the law has no such parameter, or is a broken law: its six unknowns are not bounded
            by any realistic number of runs.
        """
        family = self.region.problem.family
        self._require_bounds(confidence)
        if name in family.coefficients:
            linear = self._coefficient(family.coefficients.index(name))
            return self.bound(linear, confidence=confidence, method=method)
        if name not in family.shapes:
            known = [*family.coefficients, *family.shapes]
            raise ModelError(
                f"a {self.form} law has no parameter {name!r} to bound; it has {known}"
            )
        index = family.shapes.index(name)
        if method == "bootstrap":
            low, high = np.quantile(self.replicates.eta[:, index], _tails(confidence))
        else:
            low, high = self.region.of_exponent(index, confidence)
        return Bounds(float(getattr(self.law, name)), float(np.exp(low)), float(np.exp(high)))

    def prediction_interval(
        self,
        D: ArrayLike,
        N: ArrayLike | None = None,
        *,
        confidence: float = 0.9,
        method: Method = "profile",
    ) -> Band:
        """Bound the law's loss at ``D`` labels (and ``N`` parameters).

        This is the mean over subsets and seeds; one more run scatters about it.
        """
        shape = np.broadcast_shapes(np.shape(D), np.shape(N) if N is not None else ())
        sizes = np.broadcast_to(np.asarray(D, dtype=np.float64), shape).ravel()
        models = None if N is None else np.broadcast_to(np.asarray(N, float), shape).ravel()
        found = [
            self.bound(
                self.loss_at(float(size), None if models is None else float(models[i])),
                confidence=confidence,
                method=method,
            )
            for i, size in enumerate(sizes)
        ]
        return Band(*(np.array(column).reshape(shape) for column in zip(*found, strict=True)))

    def loss_at(self, D: float, N: float | None = None) -> Linear:
        """Give the loss at ``D`` labels as a quantity that :meth:`bound` can bound.

        Raises
        ------
        ModelError
            ``D`` is not a positive number, or a joint law lacks ``N``.
        """
        problem = self.region.problem
        if self.form == "joint" and N is None:
            raise ModelError("a joint law predicts for a number of parameters; give N too")
        if not (np.isfinite(D) and D > 0):
            raise ModelError(f"{D} labels make no sense here; give a positive number")
        return lambda eta: problem.unit * problem.columns(eta, D, N)[:, 0, :]

    def bound(
        self, linear: Linear, *, confidence: float = 0.9, method: Method = "profile"
    ) -> Bounds:
        """Bound a quantity that is linear in the law's coefficients at any exponents."""
        self._require_bounds(confidence)
        point = self.region.point
        estimate = float(linear(point.eta[None])[0] @ point.c)
        if method == "bootstrap":
            low, high = np.quantile(self.replicates.of_linear(linear), _tails(confidence))
        else:
            low, high = self.region.of_linear(linear, confidence)
        return Bounds(estimate, float(low), float(high))

    @cached_property
    def replicates(self) -> Replicates:
        """The plain cluster bootstrap, 2,000 replicates of a fixed seed."""
        return self.bootstrap(replicates=_REPLICATES, seed=_SEED)

    def bootstrap(self, *, replicates: int, seed: int) -> Replicates:
        """Draw clusters of ``(subset, seed)`` anew and fit each replicate.

        Raises
        ------
        ModelError
            None are asked for, or the law is broken.
        """
        self._require_bounds(0.9)
        if replicates < 1:
            raise ModelError(f"{replicates} replicates are too few; ask for 2000")
        return cluster_bootstrap(self.region, replicates=replicates, seed=seed)

    def _coefficient(self, index: int) -> Linear:
        problem = self.region.problem
        unit = np.eye(len(problem.family.coefficients))[index]
        return lambda eta: problem.scales(eta) * unit

    def _require_bounds(self, confidence: float) -> None:
        if not 0 < confidence < 1:
            raise ModelError(f"confidence {confidence} is not between 0 and 1")
        if self.form == "broken":
            raise ModelError(
                "a broken law has too many unknowns for intervals; judge it by compare(), and take "
                "intervals from a floor law"
            )


def _tails(confidence: float) -> list[float]:
    return [(1 - confidence) / 2, (1 + confidence) / 2]
