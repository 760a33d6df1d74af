"""Figures of a classifier are drawn, and show what they say."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from skylore.classification.figures import maps
from skylore.classification.figures.answers import reliability
from skylore.classification.figures.drawing import draw_figures
from skylore.classification.figures.image_grid import arrange
from skylore.classification.figures.maps import chosen_method, flatten, principal_plane
from skylore.cli.app import app
from skylore.errors import DependencyMissingError, ModelError

NAMES = ["map.png", "grid.png", "queries.png", "confusion.png", "reliability.png"]


def test_the_command_draws_all_figures(shapes, model, tmp_path) -> None:
    out = tmp_path / "figures"
    given = ["--labels", "shape", "--model", str(model), "--out", str(out), "--map", "pca", "-q"]
    done = CliRunner().invoke(app, ["classify", "figures", str(shapes.location), *given])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("32 objects in 5 figures")
    for name in NAMES:
        pixels = np.asarray(Image.open(out / name).convert("RGB"))
        assert min(pixels.shape[:2]) > 400
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_a_starting_network_that_is_gone_is_told(shapes, model, tmp_path, monkeypatch) -> None:
    from skylore.classification.figures import drawing

    def gone(name: str) -> None:
        raise ModelError(f"there is no network {name}")

    monkeypatch.setattr(drawing, "load_trainable", gone)
    report = draw_figures(shapes, "shape", model, tmp_path, method="pca", most=20, progress=False)
    assert report.objects == 20
    assert any("the space before training is not drawn" in remark for remark in report.remarks)
    assert any("20 of 32 objects were drawn by chance" in remark for remark in report.remarks)


def test_without_scikit_learn_components_are_drawn_and_t_sne_is_refused(monkeypatch) -> None:
    assert chosen_method(None) == "t-sne"
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setattr(maps, "find_spec", lambda name: None)
    assert chosen_method(None) == "pca"
    with pytest.raises(DependencyMissingError, match="t-SNE needs scikit-learn"):
        chosen_method("t-sne")
    with pytest.raises(DependencyMissingError, match="UMAP needs umap-learn"):
        chosen_method("umap")


@pytest.mark.parametrize("method", ["t-sne", "umap"])
def test_maps_keep_clusters_apart(method) -> None:
    if method == "umap":
        pytest.importorskip("umap")
    rng = np.random.default_rng(0)
    middles = np.eye(3, 12)[np.arange(60) % 3]
    vectors = middles + rng.normal(0, 0.1, (60, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    flat = flatten(vectors, method)
    apart = np.linalg.norm(flat[:, None] - flat[None, :], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(axis=1) % 3 == np.arange(60) % 3).all()


@given(st.integers(0, 50), st.integers(2, 9))
def test_the_plane_is_that_of_the_covariance(seed, dimension) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(30, dimension)) * np.arange(dimension, 0, -1)
    flat = principal_plane(vectors.astype(np.float64))
    values = np.linalg.eigvalsh(np.cov(vectors.T, bias=True))[::-1]
    np.testing.assert_allclose(flat.var(axis=0), values[:2], rtol=1e-8)
    assert abs(np.cov(flat.T)[0, 1]) < 1e-8 * values[0]


@given(st.integers(1, 6), st.integers(0, 20))
def test_points_of_a_grid_find_their_own_cells(side, seed) -> None:
    y, x = np.divmod(np.arange(side**2), side)
    order = np.random.default_rng(seed).permutation(side**2)
    places = np.stack([x, y], axis=1).astype(float)[order]
    cells = arrange(places, side)
    np.testing.assert_array_equal(order[cells], np.arange(side**2).reshape(side, side))


def test_reliability_of_the_honest_lies_within_its_bounds() -> None:
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 1, 24_000)
    labels = (rng.uniform(size=len(sure)) > sure).astype(np.int64)
    confidence, accuracy, bounds = reliability(np.stack([sure, 1 - sure], axis=1), labels)
    assert ((bounds[0] <= accuracy) & (accuracy <= bounds[1])).all()
    assert ((bounds[0] <= confidence) & (confidence <= bounds[1])).mean() > 0.7
    assert (np.diff(confidence) > 0).all()
