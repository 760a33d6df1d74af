"""Transforms invert, rise, and have the slopes that they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.density.transforms import Warp, choose_base, learn_warp

SHAPES = {
    "normal": lambda rng: rng.normal(3, 2, 600),
    "lognormal": lambda rng: rng.lognormal(1, 1.5, 600),
    "cauchy": lambda rng: rng.standard_cauchy(600),
    "two modes": lambda rng: np.concatenate([rng.normal(-4, 0.2, 300), rng.normal(5, 1, 300)]),
    "heaped": lambda rng: np.round(rng.normal(0, 3, 600)),
}


def warp_of(shape: str, seed: int) -> tuple[Warp, np.ndarray]:
    x = SHAPES[shape](np.random.default_rng(seed))
    base, _ = choose_base(x)
    return learn_warp(x, base), x


@settings(max_examples=30)
@given(shape=st.sampled_from(sorted(SHAPES)), seed=st.integers(0, 10_000))
def test_a_transform_is_undone_by_its_inverse_and_rises(shape: str, seed: int) -> None:
    warp, x = warp_of(shape, seed)
    z = np.linspace(-6, 6, 401)
    back = warp.inverse(z)
    assert np.all(np.diff(back) > 0)
    np.testing.assert_allclose(warp.forward(back), z, atol=1e-6)
    np.testing.assert_allclose(warp.inverse(warp.forward(x)), x, rtol=1e-6, atol=1e-6)


@settings(max_examples=30)
@given(shape=st.sampled_from(sorted(SHAPES)), seed=st.integers(0, 10_000))
def test_the_slope_is_that_of_finite_differences(shape: str, seed: int) -> None:
    warp, _ = warp_of(shape, seed)
    z = np.linspace(-5, 5, 97) + 0.0137
    x = warp.inverse(z)
    step = 1e-5 * np.exp(-warp.log_slope(x))
    rise = (warp.forward(x + step) - warp.forward(x - step)) / (2 * step)
    # Within a step of a knot the difference sees two pieces.
    near = np.abs(np.log(rise) - warp.log_slope(x)) < 2e-3
    assert near.mean() > 0.95
    assert np.all(np.abs(np.log(rise) - warp.log_slope(x)) < 0.05)


@pytest.mark.parametrize("shape", ["lognormal", "two modes"])
def test_what_was_transformed_is_nearly_normal(shape: str) -> None:
    from scipy.stats import kstest

    warp, x = warp_of(shape, 5)
    z = warp.forward(x)
    assert kstest(z, "norm").statistic < 0.12
    assert kstest((x - x.mean()) / x.std(), "norm").statistic > 0.15


def test_heavy_tails_and_skew_are_told_from_plain_shapes() -> None:
    rng = np.random.default_rng(0)
    assert choose_base(rng.normal(0, 1, 4000)) == ("linear", False)
    assert choose_base(rng.lognormal(0, 2, 4000)) == ("log", True)
    assert choose_base(rng.standard_cauchy(4000)) == ("asinh", True)
