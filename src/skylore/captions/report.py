"""What captioning by a model did, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass

from skylore.archive.fill import FillReport
from skylore.vlm.batches.ledger import BatchLedger
from skylore.vlm.money import shown
from skylore.vlm.session import Session

__all__ = ["CaptionReport", "report_on"]


@dataclass(frozen=True)
class CaptionReport:
    """What a run did, and what it cost.

    Attributes
    ----------
    filled
        What became of the rows; None if the user did not want to begin.
    spent
        On this archive in all, in 10⁻¹² of ``currency``.
    doubtful, doubtful_cost
        Requests that were under way when a process was killed, and the most they may have cost,
        which ``spent`` contains.
    exhausted
        Whether the run ended because the budget did.
    awaited, awaited_cost
        Requests that the provider has in batches, and the most they may cost, which ``spent``
        contains.
    """

    filled: FillReport | None
    spent: int
    currency: str
    doubtful: int
    doubtful_cost: int
    exhausted: bool
    awaited: int = 0
    awaited_cost: int = 0

    def __str__(self) -> str:
        """Say it in a few lines."""
        lines = [str(self.filled) if self.filled else "caption: not begun; the sample is kept"]
        cost = f"spent on this archive so far: {shown(self.spent, self.currency)}"
        if self.doubtful:
            doubt = shown(self.doubtful_cost, self.currency)
            cost += f", of which {doubt} for {self.doubtful} requests that were cut off"
        lines.append(cost)
        if self.awaited:
            most = shown(self.awaited_cost, self.currency)
            lines.append(
                f"with the provider: {self.awaited} requests in batches, at most {most} of that; "
                "they go on without this process. Run the same command again to fetch them"
            )
        if self.exhausted:
            lines.append("the budget is spent: raise --budget and run it again to go on")
        return "\n".join(lines)


def report_on(session: Session, filled: FillReport | None) -> CaptionReport:
    """Report on a run, from what is on disk by its end."""
    count, amount = session.store.in_doubt()
    awaited, awaited_cost = BatchLedger(session.store, session.settings.model).waiting()
    budget = session.settings.budget
    return CaptionReport(
        filled=filled,
        spent=session.store.spent(),
        currency=budget.currency if budget else "USD",
        doubtful=count,
        doubtful_cost=amount,
        exhausted=session.halt is not None,
        awaited=awaited,
        awaited_cost=awaited_cost,
    )
