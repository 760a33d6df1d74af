"""What a question may cost at most, and what its answer did cost."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from skylore.vlm.calls import Call
from skylore.vlm.money import Prices
from skylore.vlm.replies import Reply

__all__ = ["Tariff"]


class Tariff:
    """The prices of a way to ask.

    Parameters
    ----------
    prices
        Of tokens.
    discount
        The share that is taken off, from 0 to 1.
    """

    def __init__(self, prices: Prices, discount: Decimal = Decimal(0)) -> None:
        self._prices = prices
        self._share = 1 - discount
        # A server that counts more than was thought possible is believed from then on.
        self._most_in = self._most_out = 0

    def most(self, call: Call) -> int:
        """Give the most that a question may cost, in 10⁻¹² of the currency."""
        tokens_in = max(call.most_tokens_in, self._most_in)
        return self._cost(tokens_in, max(call.prompt.max_tokens, self._most_out))

    def cost(self, reply: Reply, most: int) -> int:
        """Give what an answer cost, which is ``most`` where the server does not count."""
        if reply.tokens_in is None or reply.tokens_out is None:
            return most
        self._most_in = max(self._most_in, reply.tokens_in)
        self._most_out = max(self._most_out, reply.tokens_out)
        return self._cost(reply.tokens_in, reply.tokens_out)

    def _cost(self, tokens_in: int, tokens_out: int) -> int:
        listed = self._prices.cost(tokens_in, tokens_out)
        return int((listed * self._share).to_integral_value(ROUND_CEILING))
