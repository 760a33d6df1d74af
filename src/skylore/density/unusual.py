"""How unusual values are, given what else is known: the share of what could be that is rarer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from skylore.density.coding import Coded
from skylore.density.emulator import DensityEmulator
from skylore.density.joint import ORDERS, average_of, chain_logprob, columns_given, orders_of
from skylore.density.predictive import Predictive
from skylore.density.tables import read_table

if TYPE_CHECKING:
    from skylore.density.tables import Readable

__all__ = ["tail_probability", "tails_of", "unusual"]

Floats = NDArray[np.float64]

_ROWS = 256
_CELLS = 400
_MOST_WHOLE = 2000
_TIED = 1e-9
_SMALLEST, _LARGEST = 1e-300, 0.99
_REACH = torch.tensor([1e-9, 1 - 1e-9], dtype=torch.float64)


def unusual(
    emulator: DensityEmulator,
    table: Readable,
    targets: Sequence[str],
    given: Sequence[str] | None = None,
    *,
    orders: int = ORDERS,
) -> tuple[Floats, Floats]:
    """Tell how unusual each row's own values are, given others.

    Several targets go by the chain rule: if the model is right, the tails of its factors are
    independent, and Fisher's method makes one of them. Orders of the chain give different ones;
    they are combined by Cauchy's method, which holds however they depend on each other (Liu & Xie
    2020, J. Am. Stat. Assoc. 115, 393).

    Parameters
    ----------
    emulator : DensityEmulator
    table
    targets : sequence of str
    given : sequence of str, optional
        All other columns by default.
    orders : int
        Of the chain, at most; 1 goes in the order of ``targets``.

    Returns
    -------
    logs : ndarray, shape (N,)
        Log densities of the values, nats, as :func:`skylore.density.joint.joint_logprob`; NaN where
        all of them are missing.
    tails : ndarray, shape (N,)
        As :func:`tail_probability`, of all targets that a row has.
    """
    read = read_table(table)
    known = columns_given(emulator, targets, given, read.column_names)
    chains = orders_of(emulator, targets, orders)
    logs = np.stack([chain_logprob(emulator, read, chain, known) for chain in chains])
    tails = np.stack([_chain_tails(emulator, read, chain, known) for chain in chains])
    return average_of(logs), _cauchy(tails) if len(tails) > 1 else tails[0]


def _chain_tails(
    emulator: DensityEmulator, table: Readable, chain: Sequence[str], known: Sequence[str]
) -> Floats:
    """Make one tail of those of an order's factors, ``(N,)``."""
    from scipy.stats import chi2

    tails = np.stack(
        [
            tail_probability(emulator, table, name, [*known, *chain[:n]])
            for n, name in enumerate(chain)
        ]
    )
    if len(chain) == 1:
        alone: Floats = tails[0]
        return alone
    there = ~np.isnan(tails)
    with np.errstate(divide="ignore"):
        score = -2 * np.log(np.where(there, tails, 1.0)).sum(axis=0)
    both = chi2.sf(score, 2 * np.maximum(there.sum(axis=0), 1))
    found: Floats = np.where(there.any(axis=0), both, np.nan)
    return found


def _cauchy(tails: Floats) -> Floats:
    """Combine tails ``(O, N)`` of which each is uniform where nothing is odd."""
    # One at 1, as at a commonest point mass, would else outweigh any other.
    safe = np.clip(tails, _SMALLEST, _LARGEST)
    score = (1 / np.tan(np.pi * safe)).mean(axis=0)
    combined = np.arctan2(1.0, score) / np.pi
    found: Floats = np.where((tails == 0).any(axis=0), 0.0, combined)
    return np.where(np.isnan(tails).all(axis=0), np.nan, found)


def tail_probability(
    emulator: DensityEmulator,
    table: Readable,
    target: str,
    given: Sequence[str] | None = None,
) -> Floats:
    """Give the share of what a value could be that is no likelier than the value, ``(N,)``.

    One minus the mass of the smallest region of highest density that holds the value: 0.001 says
    that one draw in a thousand is as unlikely as this. Unlike a log density it can be compared
    between rows and columns: where the model is right it is uniform, or larger at point masses and
    categories. Densities are compared on the scale that the column is modelled on (a logarithm of
    what has heavy tails), so that its unit does not matter. Where a row has a measurement error,
    it is about the value as measured. NaN where the value is missing, 0 where it is impossible.
    """
    column = emulator.place(target)
    coded, seen = emulator.code(table, [target], given)
    if emulator.columns[column].is_categorical:
        return _of_categories(emulator, table, target, given)
    parts = emulator.predict(coded, seen, column, _ROWS)
    return np.concatenate([tails_of(part, block, column) for block, part in parts])


def _of_categories(
    emulator: DensityEmulator, table: Readable, target: str, given: Sequence[str] | None
) -> Floats:
    own = np.exp(emulator.logprob(table, target, given))[:, None]
    shares = emulator.probabilities(table, target, given)
    tails: Floats = np.where(shares <= own * (1 + _TIED), shares, 0.0).sum(axis=1)
    return np.where(np.isnan(own[:, 0]), np.nan, np.where(own[:, 0] > 0, tails.clip(0, 1), 0.0))


def tails_of(part: Predictive, block: Coded, column: int) -> Floats:
    """Give the tail probabilities of coded rows whose densities are known, ``(N,)``."""
    there = block.present[:, column]
    logs = part.log_prob(block, column)
    possible = there & np.isfinite(logs)
    edges = _whole_edges(part, block, column) if part.spec.kind == "integer" else None
    tails = (
        _of_masses(part, block, column, edges)
        if edges is not None
        else _of_densities(part, block, column)
    )
    return np.where(there, np.where(possible, tails.clip(0, 1), 0.0), np.nan)


def _whole_edges(part: Predictive, block: Coded, column: int) -> Floats | None:
    """Give the ends of all whole numbers that may occur; None where they are too many."""
    ends = part.quantiles(_REACH.numpy())
    own = block.x[block.present[:, column], column]
    low, high = float(min([ends.min(), *own])), float(max([ends.max(), *own]))
    if not high - low < _MOST_WHOLE:
        return None
    edges: Floats = np.arange(np.floor(low), np.ceil(high) + 1)
    return edges


def _of_masses(part: Predictive, block: Coded, column: int, whole: Floats) -> Floats:
    values = np.broadcast_to(whole, (len(block), len(whole)))
    masses = np.diff(np.concatenate([part.cdf(values[:, :1] - 1), part.cdf(values)], 1), axis=1)
    own = np.exp(part.log_prob(block, column))[:, None]
    beyond = 1 - masses.sum(axis=1)
    rarer = np.where(masses <= own * (1 + _TIED), masses, 0.0).sum(axis=1)
    total: Floats = rarer + beyond.clip(min=0)
    return total


def _of_densities(part: Predictive, block: Coded, column: int) -> Floats:
    """Sum what lies in cells of lower density than the value's, and rarer point masses."""
    own = part.log_score(block, column)
    error = torch.from_numpy(block.error[:, column]) if part.spec.error else None
    edges = _edges(part, block, column)
    masses = part.spread.cdf(edges, error).diff(dim=1).clamp(min=0)
    logs = torch.stack([part.spread.log_density(z, error) for z in edges.unbind(1)], 1)
    tails = (masses * _share_below(logs, torch.from_numpy(own)[:, None])).sum(1).numpy()
    points = part.spread.log_atoms.numpy()
    rarer = np.where(points <= own[:, None] + _TIED, np.exp(points), 0.0).sum(axis=1)
    total: Floats = tails + rarer
    return total


def _edges(part: Predictive, block: Coded, column: int) -> torch.Tensor:
    """Give the ends of cells ``(N, G + 1)``: places of the spread, and around the value."""
    spread = part.spread
    places = spread.places()
    places = _spaced(places)
    middle = spread.quantile(torch.full((len(places), 1), 0.5, dtype=places.dtype))
    own = torch.from_numpy(part.transformed(block, column))[:, None]
    if part.spec.error:
        noise = torch.from_numpy(block.error[:, column])[:, None]
        places = torch.cat([places, middle + noise * torch.linspace(-8, 8, 49)], 1)
    # The same distance on the other side of the middle, where a symmetric density ends too.
    return torch.cat([places, own, 2 * middle - own], 1).sort(dim=1).values


def _spaced(places: torch.Tensor) -> torch.Tensor:
    """Leave some places out, or put even steps between them, until there are about so many."""
    count = places.shape[1]
    if count >= _CELLS:
        return places[:, :: count // _CELLS]
    steps = torch.arange(_CELLS // count, dtype=places.dtype) / (_CELLS // count)
    between = places[:, :-1, None] + places.diff(dim=1)[..., None] * steps
    return torch.cat([between.flatten(1), places[:, -1:]], 1)


def _share_below(logs: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Give the share of each cell's mass where the density is below ``own``.

    Between the ends of a cell the density is taken for an exponential, whose mass goes as the
    density itself.
    """
    low, high = torch.minimum(logs[:, :-1], logs[:, 1:]), torch.maximum(logs[:, :-1], logs[:, 1:])
    at = torch.minimum(torch.maximum(own + _TIED, low), high)
    lowest = (low - high).exp()
    share = ((at - high).exp() - lowest) / (1 - lowest)
    flat = high - low < _TIED
    return torch.where(flat, (own + _TIED >= high).to(share), share.nan_to_num(1.0))
