"""Each law as variable projection sees it: linear coefficients over a grid of exponents.

Written ``L = Σ_k c_k φ_k(D, N; η)`` with ``c_k ≥ 0``, a law is linear once its shape ``η`` is
fixed, so only the one to four entries of ``η`` have to be searched (Golub & Pereyra 1973; for
scaling laws arXiv 2603.22339). Entries of ``η`` are logarithms of positive numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skylore.scaling.laws import BrokenLaw, Floats, FloorLaw, JointLaw, Law, PowerLaw

__all__ = ["EXPONENTS", "FAMILIES", "Family"]

EXPONENTS = (0.01, 3.0)
"""The exponents that are searched; published ones lie between 0.05 and 1."""

_EXPONENT = (float(np.log(EXPONENTS[0])), float(np.log(EXPONENTS[1])))

Basis = Callable[[Floats, Floats, Floats], Floats]
"""From ``η`` of shape ``(…, S)``, and log labels and log parameters that broadcast against
``(…, R)``, to ``φ`` of shape ``(…, R, K)``."""


@dataclass(frozen=True)
class Family:
    """A law's form.

    Attributes
    ----------
    name
        ``power``, ``floor``, ``joint`` or ``broken``.
    shapes
        What the ``S`` entries of ``η`` are.
    coefficients
        What the ``K`` linear coefficients are.
    grid
        The points of the search grid along each entry of ``η``.
    ranges
        The ends of each entry; None stands for the range of the data.
    basis, law
        The functions ``φ``, and the law of given ``c`` and ``η``.
    """

    name: str
    shapes: tuple[str, ...]
    coefficients: tuple[str, ...]
    grid: tuple[int, ...]
    ranges: tuple[tuple[float, float] | None, ...]
    basis: Basis
    law: Callable[[Floats, Floats], Law]

    @property
    def unknowns(self) -> int:
        """How many numbers are fitted."""
        return len(self.shapes) + len(self.coefficients)

    @property
    def has_floor(self) -> bool:
        """Whether the first coefficient is a floor."""
        return self.coefficients[0] == "E"

    def limits(self, logs: Floats) -> Floats:
        """Give the ends of ``η``, shape ``(S, 2)``, for runs with these log labels."""
        span = (float(logs.min()), float(logs.max()))
        return np.array([span if ends is None else ends for ends in self.ranges])


def _power(eta: Floats, labels: Floats, size: Floats) -> Floats:  # noqa: ARG001 - one signature for all
    return np.asarray(np.exp(-np.exp(eta[..., :1]) * labels)[..., None])


def _floor(eta: Floats, labels: Floats, size: Floats) -> Floats:  # noqa: ARG001 - one signature for all
    fall = np.exp(-np.exp(eta[..., :1]) * labels)
    return np.stack([np.ones_like(fall), fall], axis=-1)


def _joint(eta: Floats, labels: Floats, size: Floats) -> Floats:
    by_size = np.exp(-np.exp(eta[..., :1]) * size)
    by_labels = np.exp(-np.exp(eta[..., 1:2]) * labels)
    return np.stack([np.ones_like(by_size), by_size, by_labels], axis=-1)


def _broken(eta: Floats, labels: Floats, size: Floats) -> Floats:  # noqa: ARG001 - one signature for all
    before, after = np.exp(eta[..., :1]), np.exp(eta[..., 1:2])
    place, smooth = eta[..., 2:3], np.exp(eta[..., 3:4])
    turned = np.logaddexp(0.0, (labels - place) / smooth)
    fall = np.exp(-before * labels - (after - before) * smooth * turned)
    return np.stack([np.ones_like(fall), fall], axis=-1)


def _broken_law(c: Floats, eta: Floats) -> Law:
    before, after, place, smooth = np.exp(eta).tolist()
    return BrokenLaw(float(c[0]), float(c[1]), before, after - before, place, smooth)


def _joint_law(c: Floats, eta: Floats) -> Law:
    alpha, beta = np.exp(eta).tolist()
    return JointLaw(float(c[0]), float(c[1]), alpha, float(c[2]), beta)


FAMILIES = {
    family.name: family
    for family in (
        Family(
            *("power", ("beta",), ("B",), (120,), (_EXPONENT,), _power),
            law=lambda c, eta: PowerLaw(float(c[0]), float(np.exp(eta[0]))),
        ),
        Family(
            *("floor", ("beta",), ("E", "B"), (120,), (_EXPONENT,), _floor),
            law=lambda c, eta: FloorLaw(float(c[0]), float(c[1]), float(np.exp(eta[0]))),
        ),
        Family(
            *("joint", ("alpha", "beta"), ("E", "A", "B"), (32, 32), (_EXPONENT, _EXPONENT)),
            basis=_joint,
            law=_joint_law,
        ),
        Family(
            *("broken", ("c0", "after", "d", "f"), ("E", "B"), (11, 11, 7, 3)),
            ranges=(_EXPONENT, _EXPONENT, None, (float(np.log(0.1)), float(np.log(2.0)))),
            basis=_broken,
            law=_broken_law,
        ),
    )
}
"""The forms by name."""
