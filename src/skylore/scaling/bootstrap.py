"""The cluster bootstrap: draw whole clusters of runs anew, and fit each replicate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skylore.scaling.bounded import Normal, solve
from skylore.scaling.laws import Floats
from skylore.scaling.problem import grid_points
from skylore.scaling.region import Linear, Region
from skylore.scaling.runs import Runs

__all__ = ["Replicates", "cluster_bootstrap", "draw_clusters"]

_GRID = {1: (61,), 2: (15, 15)}
_AROUND = {1: (9,), 2: (5, 5)}
_ZOOMS = {1: 1, 2: 2}
_AT_ONCE = 400_000


@dataclass(frozen=True)
class Replicates:
    """Refitted laws: exponents ``η`` of ``(B, S)`` and coefficients of ``(B, K)``."""

    eta: Floats
    c: Floats

    def of_linear(self, linear: Linear) -> Floats:
        """Give a quantity linear in the coefficients, for each replicate, shape ``(B,)``."""
        return np.asarray(np.einsum("bk,bk->b", linear(self.eta), self.c))


def draw_clusters(runs: Runs, replicates: int, seed: int) -> Floats:
    """Draw clusters with replacement; give how often each run is in, shape ``(B, R)``.

    Clusters are drawn among those that have the same sizes, so that each replicate has every size:
    whole chains where subsets are nested, single runs of one size where all are independent.
    """
    rng = np.random.default_rng(seed)
    clusters, cells = runs.clusters, runs.cells
    kinds: dict[tuple[int, ...], list[int]] = {}
    for cluster in np.unique(clusters).tolist():
        kinds.setdefault(tuple(np.sort(cells[clusters == cluster]).tolist()), []).append(cluster)
    counts = np.zeros((replicates, clusters.max() + 1))
    for _, alike in sorted(kinds.items()):
        share = np.full(len(alike), 1 / len(alike))
        counts[:, alike] = rng.multinomial(len(alike), share, size=replicates)
    return counts[:, clusters]


def cluster_bootstrap(region: Region, *, replicates: int, seed: int) -> Replicates:
    """Fit each replicate by variable projection, all of them together.

    Replicates are weighted least squares on the pseudo-residuals of Huber's fit, linear about the
    fitted curve: the normal equations of all replicates on the grid are one matrix product. The
    grid spans what lies within five standard deviations of the scatter.
    """
    weights = draw_clusters(region.problem.runs, replicates, seed)
    shapes = region.point.eta.size
    limits = region.box
    grid = np.concatenate([grid_points(limits, _GRID[shapes]), region.point.eta[None]])
    eta = grid[_best_of(region, grid, weights)]
    step = np.ptp(limits, axis=1) / (np.array(_GRID[shapes]) - 1)
    for _ in range(_ZOOMS[shapes]):
        eta = _closer(region, eta, step, weights)
        step = 2 * step / (np.array(_AROUND[shapes]) - 1)
    c = np.concatenate([_at(region, eta[part], weights[part])[0] for part in _parts(replicates, 1)])
    return Replicates(eta, c)


def _best_of(region: Region, grid: Floats, weights: Floats) -> Floats:
    """Give the grid point that suits each replicate best, shape ``(B,)``."""
    X = region.problem.matrix(grid) / region.curve[:, None]
    z = 1 + region.residuals
    products = np.einsum("grk,grl->gklr", X, X)
    best = [
        np.argmin(
            solve(
                Normal(
                    np.moveaxis(products @ weights[part].T, -1, 0),
                    np.moveaxis(np.swapaxes(X, 1, 2) @ (weights[part] * z).T, -1, 0),
                    np.repeat((weights[part] @ z**2)[:, None], len(grid), axis=1),
                    region.problem.lower,
                    region.problem.upper,
                )
            )[1],
            axis=1,
        )
        for part in _parts(len(weights), len(grid))
    ]
    return np.concatenate(best)


def _closer(region: Region, eta: Floats, step: Floats, weights: Floats) -> Floats:
    """Search between the neighbours of each replicate's best point so far."""
    counts = _AROUND[eta.shape[1]]
    offsets = grid_points(np.stack([-step, step], axis=1), counts)
    limits = region.problem.limits
    found = []
    for part in _parts(len(eta), len(offsets) * len(region.problem.runs) // 10 + 1):
        near = np.clip(eta[part, None] + offsets, limits[:, 0], limits[:, 1])
        flat = near.reshape(-1, eta.shape[1])
        repeated = np.repeat(weights[part], len(offsets), axis=0)
        value = _at(region, flat, repeated)[1].reshape(len(near), -1)
        found.append(near[np.arange(len(near)), value.argmin(axis=1)])
    return np.concatenate(found)


def _at(region: Region, eta: Floats, weights: Floats) -> tuple[Floats, Floats]:
    X = region.problem.matrix(eta) / region.curve[:, None]
    z = np.broadcast_to(1 + region.residuals, X.shape[:2])
    return solve(region.problem.normal(X, z, weights))


def _parts(count: int, cost: int) -> list[slice]:
    step = max(1, _AT_ONCE // cost)
    return [slice(start, start + step) for start in range(0, count, step)]
