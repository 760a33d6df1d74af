"""The laws by which a loss falls with data, and with parameters, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BrokenLaw", "Floats", "FloorLaw", "JointLaw", "Law", "PowerLaw"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PowerLaw:
    """``L(D) = B · D^−β``: a loss without a floor (Hestness et al. 2017, arXiv 1712.00409).

    Attributes
    ----------
    B
        The loss at one label, in units of the loss; not negative.
    beta
        The exponent; positive.
    """

    B: float
    beta: float

    @property
    def E(self) -> float:  # noqa: N802 - the symbol of the papers, as in the other laws
        """The loss that no amount of data removes: none."""
        return 0.0

    def __call__(self, D: ArrayLike, N: ArrayLike | None = None) -> Floats:  # noqa: ARG002 - one call for all laws
        """Give the loss at ``D`` labels, of the shape of ``D``; ``N`` changes nothing."""
        return np.asarray(self.B * np.asarray(D, dtype=np.float64) ** -self.beta)


@dataclass(frozen=True)
class FloorLaw:
    """``L(D) = E + B · D^−β``: a power law above an irreducible loss.

    Attributes
    ----------
    E
        What no amount of data removes, such as the noise of votes; not negative.
    B
        The reducible loss at one label; not negative.
    beta
        The exponent of the reducible loss; positive.
    """

    E: float
    B: float
    beta: float

    def __call__(self, D: ArrayLike, N: ArrayLike | None = None) -> Floats:  # noqa: ARG002 - one call for all laws
        """Give the loss at ``D`` labels, of the shape of ``D``; ``N`` changes nothing."""
        return np.asarray(self.E + self.B * np.asarray(D, dtype=np.float64) ** -self.beta)


@dataclass(frozen=True)
class JointLaw:
    """``L(N, D) = E + A · N^−α + B · D^−β`` (Hoffmann et al. 2022, arXiv 2203.15556, eq. 2).

    Attributes
    ----------
    E
        What neither data nor parameters remove; not negative.
    A, alpha
        The loss of having finitely many parameters: at one parameter, and its exponent.
    B, beta
        The loss of having finitely many labels: at one label, and its exponent.
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float

    def __call__(self, D: ArrayLike, N: ArrayLike | None = None) -> Floats:
        """Give the loss at ``D`` labels and ``N`` parameters, of their common shape.

        Raises
        ------
        TypeError
            If ``N`` is left out.
        """
        if N is None:
            raise TypeError("a joint law needs the number of parameters too: law(D, N)")
        labels, size = np.asarray(D, dtype=np.float64), np.asarray(N, dtype=np.float64)
        return np.asarray(self.E + self.A * size**-self.alpha + self.B * labels**-self.beta)


@dataclass(frozen=True)
class BrokenLaw:
    """A smoothly broken power law with one break (BNSL, Caballero et al., arXiv 2210.14891, eq. 1).

    ``L(D) = E + B · D^−c0 · (1 + (D/d)^(1/f))^(−c1·f)``: on a log–log plot the reducible loss has
    slope ``−c0`` well before ``d`` labels and ``−(c0 + c1)`` well after.

    Attributes
    ----------
    E
        What no amount of data removes; not negative.
    B
        The reducible loss at one label, were there no break; not negative.
    c0, c1
        The exponent before the break, and what the break adds to it.
    d
        The labels at which it breaks.
    f
        How smoothly: the break takes about ``f`` e-folds of labels on either side.
    """

    E: float
    B: float
    c0: float
    c1: float
    d: float
    f: float

    def __call__(self, D: ArrayLike, N: ArrayLike | None = None) -> Floats:  # noqa: ARG002 - one call for all laws
        """Give the loss at ``D`` labels, of the shape of ``D``; ``N`` changes nothing."""
        labels = np.log(np.asarray(D, dtype=np.float64))
        turned = np.logaddexp(0.0, (labels - np.log(self.d)) / self.f)
        return np.asarray(self.E + self.B * np.exp(-self.c0 * labels - self.c1 * self.f * turned))


Law = PowerLaw | FloorLaw | JointLaw | BrokenLaw
