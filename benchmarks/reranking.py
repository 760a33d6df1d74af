"""Where to spend questions when an answer is re-ranked: by simulation, at equal cost.

``python -m benchmarks.reranking``: objects have a feature to a degree between 0 and 1; a search
orders them roughly by it; a judge says a certainty from 1 to 10 that errs about each image in a way
of its own, which no repetition mends, and by chance at each question, which repetition does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import arguments, publish, table
from skylore.evaluation.bootstrap import Interval, bootstrap_mean, paired_difference
from skylore.evaluation.metrics import ndcg_at_k, recall_at_k
from skylore.search.reranking.allocation import Candidates
from skylore.search.reranking.deliberation import deliberate
from skylore.search.reranking.judge import HIGHEST, LOWEST, Verdict
from skylore.search.reranking.order import final_order
from skylore.search.reranking.request import AIMED
from skylore.search.reranking.spending import Policy, Spending
from skylore.search.reranking.tally import Tally

Degrees = NDArray[np.float64]
Figures = tuple[float, float]
Order = Callable[[Degrees], NDArray[np.intp]]

WORLDS = 60
RELEVANT = 0.5
RARE = 0.03
OWN_ERROR = 1.0
"""Standard deviation, on the scale of certainty, of what a judge gets wrong about an image."""


@dataclass(frozen=True)
class Setting:
    """What is judged, and for how much: ``samples`` questions a candidate on average."""

    candidates: int
    noise: float
    samples: int
    rare: bool = False
    k: int = 100


def degrees_of(setting: Setting, seed: int) -> Degrees:
    """Draw degrees in the order that a search of middling skill gives.

    Either they go down smoothly, as of spiral arms, or few objects stand out, as lenses do.
    """
    n = setting.candidates
    chance = np.random.default_rng([seed, n])
    if setting.rare:
        stands_out = chance.random(n) < RARE
        degrees = np.where(stands_out, chance.uniform(0.5, 1, n), chance.beta(0.5, 6, n))
    else:
        degrees = chance.beta(0.3, 1.5, n)
    found = degrees + chance.normal(0, 0.5, n)
    ordered: Degrees = degrees[np.argsort(-found)]
    return ordered


def judged(degrees: Degrees, setting: Setting, spending: Spending, seed: int) -> Tally:
    """Judge the candidates; the same question has the same answer under every policy."""
    n = len(degrees)
    chance = np.random.default_rng([seed, n, round(100 * setting.noise)])
    opinion = LOWEST + (HIGHEST - LOWEST) * degrees + chance.normal(0, OWN_ERROR, n)
    said = opinion + setting.noise * chance.standard_normal((spending.samples, n))
    said = np.clip(np.round(said), LOWEST, HIGHEST)

    def ask(about: Candidates, tally: Tally) -> list[Verdict]:
        nth = tally.counts.copy()
        verdicts = []
        for i in about.tolist():
            verdicts.append(Verdict(float(said[nth[i], i])))
            nth[i] += 1
        return verdicts

    return deliberate(n, spending, ask)


def ties_turned_round(certainties: Degrees) -> NDArray[np.intp]:
    """Order by certainty and, where it is equal, the least similar first: AION-Search's slip."""
    return np.lexsort((-np.arange(len(certainties)), -certainties))


def figures(degrees: Degrees, order: NDArray[np.intp], k: int) -> Figures:
    """Give recall@k and nDCG@10."""
    ranked = degrees[order]
    return recall_at_k(ranked >= RELEVANT, k), ndcg_at_k(ranked, 10)


def spending_of(setting: Setting, policy: Policy) -> Spending:
    """Give both policies as many questions."""
    questions = setting.candidates * setting.samples
    most = setting.samples if policy == "uniform" else AIMED * setting.samples
    return Spending(policy, questions, setting.k, most)


def measured(setting: Setting, policy: Policy, order: Order) -> tuple[NDArray[np.float64], float]:
    """Give the figures in each world ``(W, 2)``, and the questions asked in the mean."""
    spending, rows, asked = spending_of(setting, policy), [], []
    for seed in range(WORLDS):
        degrees = degrees_of(setting, seed)
        tally = judged(degrees, setting, spending, seed)
        rows.append(figures(degrees, order(tally.means), setting.k))
        asked.append(int(tally.counts.sum()))
    return np.array(rows), float(np.mean(asked))


def by_similarity(setting: Setting) -> NDArray[np.float64]:
    """Give the figures without a judge ``(W, 2)``."""
    worlds = (degrees_of(setting, seed) for seed in range(WORLDS))
    return np.array([figures(d, np.arange(len(d)), setting.k) for d in worlds])


def shown(interval: Interval, sign: str = "") -> str:
    """Write a figure with its interval."""
    return f"{interval.mean:{sign}.3f} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]"


def compare(setting: Setting) -> list[list[object]]:
    """Give a row for each figure of merit."""
    even, cost = measured(setting, "uniform", final_order)
    aimed, spent = measured(setting, "adaptive", final_order)
    turned, _ = measured(setting, "uniform", ties_turned_round)
    before = by_similarity(setting)
    gain = partial(paired_difference, seed=0)
    feature = "rare" if setting.rare else "graded"
    where: list[object] = [feature, setting.candidates, setting.noise, setting.samples]
    return [
        [
            *where,
            f"{before[:, i].mean():.3f}",
            shown(bootstrap_mean(even[:, i], seed=0)),
            shown(gain(aimed[:, i], even[:, i]), "+"),
            f"{spent / cost:.0%}",
            shown(gain(turned[:, i], even[:, i]), "+"),
        ]
        for i in range(2)
    ]


HEADER = [
    "feature",
    "N",
    "noise",
    "m",
    "similarity",
    "uniform",
    "adaptive − uniform",
    "questions asked",
]
HEADER += ["ties turned round − uniform"]


def main() -> None:
    """Run it."""
    options = arguments(__doc__).parse_args()
    pairs = [
        compare(Setting(candidates, noise, samples, rare))
        for candidates, rare in ((300, False), (1000, False), (1000, True))
        for noise in (0.5, 1.5, 3.0)
        for samples in (1, 2, 5)
    ]
    tables = [
        f"{name}\n\n{table(HEADER, [pair[i] for pair in pairs])}"
        for i, name in enumerate(("**recall@100**", "**nDCG@10**"))
    ]
    publish("reranking", "\n\n".join(tables), write=options.write)


if __name__ == "__main__":
    main()
