"""A budget that cannot be overrun: money is taken before it is spent."""

from __future__ import annotations

import asyncio

__all__ = ["BudgetSpentError", "Purse"]


class BudgetSpentError(Exception):
    """No further request is sure to stay within the budget."""


class Purse:
    """Money for requests, in 10⁻¹² of a currency.

    Parameters
    ----------
    limit
        The most that may be spent; None for no limit.
    spent
        What was spent before, requests whose cost is in doubt included.
    """

    def __init__(self, limit: int | None, spent: int) -> None:
        self._limit = limit
        self._spent = spent
        self._reserved = 0
        self._changed = asyncio.Condition()

    @property
    def spent(self) -> int:
        """What was spent, without what is reserved."""
        return self._spent

    async def take(self, amount: int) -> None:
        """Reserve the most that a request may cost.

        Where the rest of the budget is reserved by others it waits for them, since most requests
        cost less than they might.

        Raises
        ------
        BudgetSpentError
            The rest of the budget does not suffice, whatever the others cost.
        """
        async with self._changed:
            while not self._fits(amount):
                if not self._reserved:
                    raise BudgetSpentError
                await self._changed.wait()
            self._reserved += amount

    async def settle(self, reserved: int, spent: int) -> None:
        """Give back what was reserved, and note what was spent."""
        async with self._changed:
            self._reserved -= reserved
            self._spent += spent
            self._changed.notify_all()

    def _fits(self, amount: int) -> bool:
        return self._limit is None or self._spent + self._reserved + amount <= self._limit
