"""What a judge has said so far about the candidates of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from skylore.search.reranking.judge import Verdict

__all__ = ["Tally"]


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums over the verdicts on ``N`` candidates, which stand in order of similarity.

    Attributes
    ----------
    counts, sums, squares
        Of the certainties: how many, their sum, and the sum of their squares, each ``(N,)``.
    errors
        The last error of each candidate, ``(N,)`` in all; one that has an error is asked no more.
    """

    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    errors: tuple[str | None, ...]

    @classmethod
    def empty(cls, candidates: int) -> Self:
        """Begin without verdicts."""
        zeros = np.zeros(candidates)
        return cls(np.zeros(candidates, np.int64), zeros, zeros, (None,) * candidates)

    def __len__(self) -> int:
        """Count the candidates."""
        return len(self.counts)

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean certainties ``(N,)``, NaN where there is none."""
        asked = self.counts > 0
        means = np.full(len(self), np.nan)
        means[asked] = self.sums[asked] / self.counts[asked]
        return means

    @property
    def can_be_asked(self) -> NDArray[np.bool_]:
        """Whether the judge had no trouble with a candidate, ``(N,)``."""
        return np.array([error is None for error in self.errors], dtype=np.bool_)

    def with_verdicts(self, candidates: NDArray[np.intp], verdicts: Sequence[Verdict]) -> Self:
        """Add a verdict for each of ``candidates`` ``(Q,)``, which may repeat.

        Raises
        ------
        ValueError
            There is not one verdict for each question.
        """
        if len(candidates) != len(verdicts):
            raise ValueError(f"{len(candidates)} questions have {len(verdicts)} verdicts")
        counts, sums, squares = self.counts.copy(), self.sums.copy(), self.squares.copy()
        errors = list(self.errors)
        for candidate, verdict in zip(candidates.tolist(), verdicts, strict=True):
            if verdict.certainty is not None:
                counts[candidate] += 1
                sums[candidate] += verdict.certainty
                squares[candidate] += verdict.certainty**2
            elif verdict.error is not None:
                errors[candidate] = verdict.error
        return type(self)(counts, sums, squares, tuple(errors))

    def noise(self, expected: float, weight: float) -> float:
        """Estimate the standard deviation of a judge's answers to the same question.

        Pooled over the candidates asked more than once, beside an expectation that counts as much
        as ``weight`` degrees of freedom (the posterior mean of a variance under a conjugate prior;
        Gelman et al. 2013, *Bayesian Data Analysis*, 2.6).
        """
        often = self.counts > 1
        within = self.squares[often] - self.sums[often] ** 2 / self.counts[often]
        freedom = float((self.counts[often] - 1).sum())
        total = weight * expected**2 + float(np.maximum(within, 0).sum())
        return float(np.sqrt(total / (weight + freedom)))
