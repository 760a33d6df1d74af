"""Asking a judge, round after round, until the questions are spent or not worth asking."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from skylore.search.reranking.allocation import Candidates, next_questions
from skylore.search.reranking.judge import Verdict
from skylore.search.reranking.spending import Spending
from skylore.search.reranking.tally import Tally

__all__ = ["deliberate"]

AskAbout = Callable[[Candidates, Tally], Sequence[Verdict]]


def deliberate(candidates: int, spending: Spending, ask: AskAbout) -> Tally:
    """Judge the candidates.

    Parameters
    ----------
    candidates
        How many, in order of similarity.
    spending
        How many questions, and where they go.
    ask
        Given indices of candidates, and what was said so far, gives a verdict for each. Where one
        is empty the judge answers nothing more, and it ends.

    Returns
    -------
    Tally
        All verdicts.
    """
    tally, left = Tally.empty(candidates), spending.questions
    while len(asked := next_questions(tally, spending, left)):
        verdicts = ask(asked, tally)
        tally = tally.with_verdicts(asked, verdicts)
        left -= len(asked)
        if not all(verdict.was_asked for verdict in verdicts):
            break
    return tally
