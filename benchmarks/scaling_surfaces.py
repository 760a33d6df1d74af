"""The exponent of the best model size, by parabolas and by a joint fit, on noise-free surfaces."""

from __future__ import annotations

import numpy as np

from benchmarks.report import table
from skylore.scaling.fitting import fit
from skylore.scaling.laws import Floats, JointLaw
from skylore.scaling.published import approach_two
from skylore.scaling.runs import Runs

SURFACES = {
    "Hoffmann": JointLaw(1.69, 406.4, 0.34, 410.7, 0.28),
    "Besiroglu": JointLaw(1.82, 482.0, 0.348, 2085.0, 0.366),
    "asymmetric": JointLaw(1.7, 400.0, 0.5, 400.0, 0.25),
}
SAMPLINGS = ((0.6, 0.0, 0.0), (2.0, 0.0, 0.0), (2.0, 0.5, 0.0), (2.0, 0.0, 1.0))
BUDGETS = 10.0 ** np.arange(18, 22.1, 1.0)
FAR_BUDGET = np.array([1e24])


def optimum(law: JointLaw, budgets: Floats) -> Floats:
    """Give the best parameters for ``C = 6 N D`` (Hoffmann et al. 2022, eq. 4)."""
    ratio = law.alpha * law.A / (law.beta * law.B)
    total = law.alpha + law.beta
    return np.asarray(ratio ** (1 / total) * (budgets / 6) ** (law.beta / total))


def isoflop(law: JointLaw, width: float, shift: float, drift: float) -> Runs:
    """Sample seven models a budget, without noise.

    They span ``width`` decades about a point that is ``shift`` decades off the optimum at the
    middle budget, and ``drift`` more at the last than at the first.
    """
    off = shift + drift * np.linspace(-0.5, 0.5, BUDGETS.size)
    spaced = 10.0 ** (off[:, None] + np.linspace(-width / 2, width / 2, 7))
    N = optimum(law, BUDGETS)[:, None] * spaced
    D = BUDGETS[:, None] / 6 / N
    return Runs(D.ravel(), law(D, N).ravel(), N.ravel())


def parabolas() -> str:
    """Compare the exponent of the best model by approach 2 and by the joint fit, without noise."""
    rows: list[list[object]] = []
    for name, law in SURFACES.items():
        truth = law.beta / (law.alpha + law.beta)
        for width, shift, drift in SAMPLINGS:
            runs = isoflop(law, width, shift, drift)
            parabola = approach_two(runs)
            line = np.polyfit(np.log(parabola.budgets), np.log(parabola.optima), 1)
            far = np.exp(np.polyval(line, np.log(FAR_BUDGET))) / optimum(law, FAR_BUDGET)
            joint = fit(runs, "joint", delta=1e-3).law
            assert isinstance(joint, JointLaw)
            ours = joint.beta / (joint.alpha + joint.beta)
            errors = [
                f"{parabola.exponent - truth:+.4f}",
                f"× {far[0]:.2f}",
                f"{ours - truth:+.0e}",
            ]
            rows.append([name, f"{width:g}", f"{shift:+g}", f"{drift:g}", f"{truth:.3f}", *errors])
    header = ["surface", "decades of N", "off by", "drift", "true a", "approach 2: error of a"]
    return table([*header, "its N at 10²⁴ FLOP", "joint fit: error of a"], rows)
