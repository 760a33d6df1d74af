"""Peers of the density emulator that give quantiles or draws, of which a density is made."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from benchmarks.density_peer_models import Fitted, Values, halves

LEVELS = (np.arange(199) + 1) / 200
MOST_HELD = 600


class FromQuantiles:
    """A density of points that stand for a distribution: normal kernels on them.

    The width is chosen by the likelihood of a tenth that is held out, 600 rows at most; a hundredth
    is the marginal, so that no value is impossible.
    """

    def __init__(
        self, points: Callable[[Values], Values], inputs: Values, y: Values, seed: int
    ) -> None:
        self._points = points
        held = halves(len(y), seed)[1][:MOST_HELD]
        self._centre, self._spread = float(y.mean()), float(y.std())
        self._cached: tuple[Values, Values] | None = None
        asked, truth, losses = inputs[held], y[held], {}
        for width in (0.1, 0.2, 0.35, 0.5, 0.8):
            self._width = width
            losses[width] = -float(self.log_density(asked, truth).mean())
        self._width = min(losses, key=lambda width: losses[width])

    def _kernels(self, inputs: Values) -> tuple[Values, Values]:
        if self._cached is None or self._cached[0] is not inputs:
            self._cached = (inputs, self._points(inputs))
        points = self._cached[1]
        low, high = np.quantile(points, [0.16, 0.84], axis=1)
        widths = self._width * np.maximum((high - low) / 2, 1e-3 * self._spread)
        return points, widths[:, None]

    def log_density(self, inputs: Values, y: Values) -> Values:
        """Give that of the kernels and the floor."""
        points, widths = self._kernels(inputs)
        kernels = norm.pdf(y[:, None], points, widths).mean(axis=1)
        floor = norm.pdf(y, self._centre, self._spread)
        return np.asarray(np.log(0.99 * kernels + 0.01 * floor))

    def cdf(self, inputs: Values, y: Values) -> Values:
        """Give that of the kernels and the floor."""
        points, widths = self._kernels(inputs)
        kernels = norm.cdf(y[:, None], points, widths).mean(axis=1)
        return np.asarray(0.99 * kernels + 0.01 * norm.cdf(y, self._centre, self._spread))

    def quantiles(self, inputs: Values, shares: Values) -> Values:
        """Give the points themselves, straight lines in between."""
        points, _ = self._kernels(inputs)
        points = np.sort(points, axis=1)
        levels = (np.arange(points.shape[1]) + 0.5) / points.shape[1]
        rows = zip(shares, points, strict=True)
        return np.stack([np.interp(share, levels, row) for share, row in rows])


def quantile_forest(inputs: Values, y: Values, seed: int) -> Fitted:
    """Quantile regression forest (Meinshausen 2006)."""
    kind = importlib.import_module("quantile_forest").RandomForestQuantileRegressor
    known, _ = halves(len(y), seed)
    model = kind(n_estimators=200, min_samples_leaf=5, max_features=0.5, random_state=seed)
    model.fit(inputs[known], y[known])
    return FromQuantiles(
        lambda rows: np.asarray(model.predict(rows, quantiles=LEVELS.tolist()), np.float64),
        inputs,
        y,
        seed,
    )


def catboost_quantiles(inputs: Values, y: Values, seed: int) -> Fitted:
    """CatBoost with one model of 39 quantiles, stopped early."""
    levels = (np.arange(39) + 0.5) / 39
    alpha = ",".join(f"{level:.5f}" for level in levels)
    model = importlib.import_module("catboost").CatBoostRegressor(
        loss_function=f"MultiQuantile:alpha={alpha}",
        iterations=3000,
        learning_rate=0.1,
        depth=6,
        random_seed=seed,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
    )
    known, held = halves(len(y), seed)
    evaluated = (inputs[held], y[held])
    model.fit(inputs[known], y[known], eval_set=evaluated, early_stopping_rounds=60)

    def points(rows: Values) -> Values:
        found = np.sort(np.asarray(model.predict(rows), np.float64), axis=1)
        return np.stack([np.interp(LEVELS, levels, row) for row in found])

    return FromQuantiles(points, inputs, y, seed)


def treeffuser(inputs: Values, y: Values, seed: int) -> Fitted:
    """Diffusion by boosted trees (Beltran-Velez et al. 2024), as its package has it."""
    model = importlib.import_module("treeffuser").Treeffuser(seed=seed)
    model.fit(inputs, y[:, None])

    def points(rows: Values) -> Values:
        drawn = model.sample(rows, n_samples=64, n_parallel=16, n_steps=50, seed=seed)
        return np.asarray(drawn, np.float64).reshape(64, len(rows)).T

    return FromQuantiles(points, inputs, y, seed)
