"""Peers of the density emulator that have a density of their own, behind three questions.

Skylore need not be there; each package is imported where it is used.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri
from scipy.stats import norm

Values = NDArray[np.float64]


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


def halves(rows: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split row numbers into nine tenths to learn from and one to choose by."""
    order = np.random.default_rng(seed).permutation(rows)
    return order[rows // 10 :], order[: rows // 10]
