"""A linear probe: what a vector says about classes, without any network being trained."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["fit_probe"]

_PENALTY = 0.01
"""Inverse strength of the penalty, fixed beforehand on standardised vectors."""


def fit_probe(vectors: NDArray[np.float32], classes: NDArray[Any]) -> Pipeline:
    """Fit a logistic regression on standardised vectors."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=200))
    with warnings.catch_warnings():
        # What has not converged by then changes its answers no more.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(vectors, classes)
