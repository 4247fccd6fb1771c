"""Random walk: the last composition stays, steps as large and as correlated as those seen."""

import numpy as np

from forecast.arrays import FloatArray
from forecast.models.base import Outcome, Series, correlated_normals


def step_covariance(contrasts: FloatArray) -> FloatArray:
    """Mean outer product of the steps between neighbouring observed quarters, per quarter.

    A step over a gap of g quarters counts as one with g times the variance.

    Args:
        contrasts: Shape (T, D), NaN rows where unobserved.

    Returns:
        Shape (D, D); zero where fewer than two quarters are observed.
    """
    rows = np.flatnonzero(np.isfinite(contrasts).all(axis=1))
    if len(rows) < 2:
        return np.zeros((contrasts.shape[1],) * 2)
    steps = np.diff(contrasts[rows], axis=0) / np.sqrt(np.diff(rows))[:, None]
    return np.asarray(steps.T @ steps / len(steps))


def naive(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
    """Draw paths of a driftless random walk in the contrasts."""
    contrasts = series.contrasts(power)
    steps = correlated_normals(draws, horizon, step_covariance(contrasts), rng)
    return Outcome(contrasts[-1] + steps.cumsum(axis=1), (("naive", 1.0),))
