"""Peers of the density emulator as their packages have them, behind three questions.

Skylore need not be there; each package is imported where it is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import norm

Values = NDArray[np.float64]

LEVELS = (np.arange(199) + 1) / 200


class Fitted(Protocol):
    """A distribution of one number for each row of inputs."""

    def log_density(self, inputs: Values, y: Values) -> Values:
        """Give log densities at ``(N,)`` values."""

    def cdf(self, inputs: Values, y: Values) -> Values:
        """Give probabilities below ``(N,)`` values."""

    def quantiles(self, inputs: Values, shares: Values) -> Values:
        """Give values below which ``(N, M)`` shares lie."""


class NaturalGradientBoosting:
    """NGBoost with a normal distribution (Duan et al. 2020), stopped early."""

    def __init__(self, inputs: Values, y: Values, seed: int) -> None:
        self._model = importlib.import_module("ngboost").NGBRegressor(
            n_estimators=1000, learning_rate=0.04, verbose=False, random_state=seed
        )
        known, held = halves(len(y), seed)
        self._model.fit(
            inputs[known],
            y[known],
            X_val=inputs[held],
            Y_val=y[held],
            early_stopping_rounds=30,
        )

    def _normal(self, inputs: Values) -> Any:  # noqa: ANN401 - SciPy's frozen distributions have no type
        found = self._model.pred_dist(inputs, max_iter=self._model.best_val_loss_itr).params
        return norm(found["loc"], found["scale"])

    def log_density(self, inputs: Values, y: Values) -> Values:
        """Give the normal's."""
        return np.asarray(self._normal(inputs).logpdf(y))

    def cdf(self, inputs: Values, y: Values) -> Values:
        """Give the normal's."""
        return np.asarray(self._normal(inputs).cdf(y))

    def quantiles(self, inputs: Values, shares: Values) -> Values:
        """Give the normal's."""
        return np.asarray(self._normal(inputs).ppf(shares.T).T)


class SplineFlow:
    """A neural spline flow (Durkan et al. 2019) by zuko: the mean of three, stopped early."""

    def __init__(self, inputs: Values, y: Values, seed: int, members: int = 3) -> None:
        from sklearn.preprocessing import QuantileTransformer

        self._inputs = QuantileTransformer(
            n_quantiles=min(1000, len(y)), output_distribution="normal", random_state=0
        ).fit(inputs)
        self._centre, self._spread = float(y.mean()), float(y.std())
        features = self._features(inputs)
        standard = (y - self._centre) / self._spread
        self._flows = [self._train(features, standard, seed + i) for i in range(members)]

    def _features(self, inputs: Values) -> Values:
        return np.asarray(np.clip(self._inputs.transform(inputs), -4, 4), np.float64)

    def _train(self, inputs: Values, y: Values, seed: int) -> Any:  # noqa: ANN401 - zuko is imported late
        torch, zuko = importlib.import_module("torch"), importlib.import_module("zuko")
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        known, held = halves(len(y), seed)
        x, z = (torch.tensor(part, dtype=torch.float32) for part in (inputs, y[:, None]))
        flow = zuko.flows.NSF(1, inputs.shape[1], bins=12, transforms=1, hidden_features=(96, 96))
        optimiser = torch.optim.AdamW(flow.parameters(), lr=2e-3, weight_decay=1e-3)
        best, kept, since = np.inf, flow.state_dict(), 0
        while since < 12:
            for part in torch.randperm(len(known)).split(256):
                rows = torch.from_numpy(known)[part]
                loss = -flow(x[rows]).log_prob(z[rows]).mean()
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
                optimiser.step()
            with torch.no_grad():
                now = -float(flow(x[held]).log_prob(z[held]).mean())
            since += 1
            if now < best:
                best, since = now, 0
                kept = {name: value.clone() for name, value in flow.state_dict().items()}
            elif since == 6:
                optimiser.param_groups[0]["lr"] /= 5
        flow.load_state_dict(kept)
        return flow.eval()

    def _each(self, inputs: Values) -> list[Any]:
        torch = importlib.import_module("torch")
        x = torch.tensor(self._features(inputs), dtype=torch.float32)
        with torch.no_grad():
            return [flow(x) for flow in self._flows]

    def log_density(self, inputs: Values, y: Values) -> Values:
        """Give that of the members' equal mixture."""
        torch = importlib.import_module("torch")
        z = torch.tensor((y - self._centre) / self._spread, dtype=torch.float32)[:, None]
        with torch.no_grad():
            logs = np.stack([found.log_prob(z).double().numpy() for found in self._each(inputs)])
        return np.asarray(logsumexp(logs, axis=0) - np.log(len(logs) * self._spread))

    def cdf(self, inputs: Values, y: Values) -> Values:
        """Give that of the members' equal mixture."""
        torch = importlib.import_module("torch")
        z = torch.tensor((y - self._centre) / self._spread, dtype=torch.float32)[:, None]
        with torch.no_grad():
            shares = [
                ndtr(found.transform(z)[:, 0].double().numpy()) for found in self._each(inputs)
            ]
        return np.asarray(np.mean(shares, axis=0))

    def quantiles(self, inputs: Values, shares: Values) -> Values:
        """Give those of the members in turns, which draws of the mixture are."""
        torch = importlib.import_module("torch")
        scores = torch.tensor(ndtri(shares), dtype=torch.float32)
        found = np.empty(shares.shape)
        members = self._each(inputs)
        with torch.no_grad():
            for j in range(shares.shape[1]):
                transform = members[j % len(members)].transform
                found[:, j] = transform.inv(scores[:, j : j + 1])[:, 0].double().numpy()
        return found * self._spread + self._centre


class FromQuantiles:
    """A density of points that stand for a distribution: normal kernels on them.

    The width is chosen by the likelihood of a tenth that is held out; a hundredth is the
    marginal, so that no value is impossible.
    """

    def __init__(
        self, points: Callable[[Values], Values], inputs: Values, y: Values, seed: int
    ) -> None:
        self._points = points
        _, held = halves(len(y), seed)
        self._centre, self._spread = float(y.mean()), float(y.std())
        self._cached: tuple[int, Values] | None = None
        losses = {}
        for width in (0.1, 0.2, 0.35, 0.5, 0.8):
            self._width = width
            losses[width] = -float(self.log_density(inputs[held], y[held]).mean())
        self._width = min(losses, key=lambda width: losses[width])

    def _kernels(self, inputs: Values) -> tuple[Values, Values]:
        if self._cached is None or self._cached[0] != id(inputs):
            self._cached = (id(inputs), self._points(inputs))
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


PEERS: dict[str, Callable[[Values, Values, int], Fitted]] = {
    "ngboost": NaturalGradientBoosting,
    "quantile-forest": quantile_forest,
    "spline-flow": SplineFlow,
    "catboost-quantiles": catboost_quantiles,
    "treeffuser": treeffuser,
}


def halves(rows: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split row numbers into nine tenths to learn from and one to choose by."""
    order = np.random.default_rng(seed).permutation(rows)
    return order[rows // 10 :], order[: rows // 10]
