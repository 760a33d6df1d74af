"""The network that looks at a noisy value: published as an MLP with tables of times."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

__all__ = ["Conditioned", "Predictor"]


class Predictor(nn.Module):
    """``h_{l+1} = GELU(A_l h_l + T_l[t] + C_l c)``, then a linear output (arXiv 2407.15703).

    Parameters
    ----------
    condition : int
        Length of ``c``.
    width, layers : int
    steps : int
        Rows of the tables ``T_l``, each layer's own, drawn from U(0, 1).
    conditional : bool
        False leaves ``c`` out, as the published code does in silence if ``width == condition``.
    """

    def __init__(
        self, condition: int, *, width: int, layers: int, steps: int, conditional: bool = True
    ) -> None:
        super().__init__()
        sizes = [1] + [width] * (layers - 1)
        self.hidden = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.times = nn.ModuleList(nn.Embedding(steps, width) for _ in sizes)
        self.conditions = nn.ModuleList(nn.Linear(condition, width) for _ in sizes if conditional)
        self.output = nn.Linear(width, 1)
        for table in self.times:
            nn.init.uniform_(table.weight)  # type: ignore[arg-type] # a module list forgets types

    def forward(self, values: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        """Predict for ``(N,)`` values at times from 0 to T − 1, under conditions ``(N, D)``."""
        hidden = values[:, None]
        for number, (layer, table) in enumerate(zip(self.hidden, self.times, strict=True)):
            sums = layer(hidden) + table(times)
            if self.conditions:
                sums = sums + self.conditions[number](condition)
            hidden = F.gelu(sums)
        predicted: Tensor = self.output(hidden)[:, 0]
        return predicted

    def conditioned(self, condition: Tensor) -> Conditioned:
        """Work out what depends on the condition ``(N, D)`` alone, for many values of each row."""
        terms = [layer(condition)[:, None] for layer in self.conditions]
        return Conditioned(self, terms or [condition.new_zeros(1, 1, 1)] * len(self.hidden))


class Conditioned:
    """A predictor whose condition is given: one term a layer, ``(N, 1, W)``."""

    def __init__(self, predictor: Predictor, terms: list[Tensor]) -> None:
        self._predictor, self._terms = predictor, terms

    def __call__(self, values: Tensor, time: int) -> Tensor:
        """Predict for ``values`` ``(N, M)``, all at the step ``time`` from 1 to T."""
        model = self._predictor
        hidden = values[:, :, None]
        step = torch.tensor(time - 1, device=values.device)
        for layer, table, term in zip(model.hidden, model.times, self._terms, strict=True):
            hidden = F.gelu(layer(hidden).add_(term + table(step)))
        predicted: Tensor = model.output(hidden)[:, :, 0]
        return predicted
