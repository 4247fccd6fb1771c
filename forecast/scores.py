"""Scores of forecasts against what came: smaller is better, in the unit of the shares."""

from collections.abc import Sequence

import numpy as np

from forecast.arrays import FloatArray
from forecast.errors import InvalidArgument


def interval_score(lower: FloatArray, upper: FloatArray, truth: FloatArray, level: float, /) -> FloatArray:
    """Width of a central interval plus 2 / (1 - level) times what it misses by.

    Args:
        lower: Any shape.
        upper: The same shape.
        truth: The same shape.
        level: Nominal level of the interval, in (0, 1).

    Source:
        Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and estimation, eq. 43.

    >>> round(float(interval_score(np.array(0.2), np.array(0.3), np.array(0.35), 0.8)), 12)
    0.6
    """
    missed = np.maximum(lower - truth, 0.0) + np.maximum(truth - upper, 0.0)
    return np.asarray(upper - lower + 2.0 / (1.0 - level) * missed)


def weighted_interval_score(
    median: FloatArray, lower: FloatArray, upper: FloatArray, truth: FloatArray, levels: Sequence[float], /
) -> FloatArray:
    """Weighted interval score over N levels and the median.

    Args:
        median: Shape (...).
        lower: Shape (N, ...), in the order of `levels`.
        upper: Shape (N, ...).
        truth: Shape (...).
        levels: N nominal levels.

    Returns:
        Shape (...).

    Source:
        Bracher et al. (2021), Evaluating epidemic forecasts in an interval format, eq. 3.
    """
    total = 0.5 * np.abs(truth - median)
    for n, level in enumerate(levels):
        total = total + (1.0 - level) / 2.0 * interval_score(lower[n], upper[n], truth, level)
    return np.asarray(total / (len(levels) + 0.5))


def covered(lower: FloatArray, upper: FloatArray, truth: FloatArray, /) -> FloatArray:
    """1 where the interval holds the truth, 0 where it does not, NaN where there is no truth."""
    inside = (truth >= lower) & (truth <= upper)
    return np.where(np.isnan(truth), np.nan, inside.astype(np.float64))


def energy_score(draws: FloatArray, truth: FloatArray, /) -> FloatArray:
    """Energy score of joint draws, per horizon: how far they are from what came, less half of how far from each other.

    It judges all parts of a quarter at once, where `weighted_interval_score` takes each alone. The second mean runs
    over pairs of different draws, so that the score does not favour few draws over many (the fair estimator); it may
    come out a little below zero.

    Args:
        draws: Shape (n, H, K), n >= 2.
        truth: Shape (H, K). Parts that are NaN are left out of both distances, so scores of horizons with different
            parts known have different scales; ``np.isfinite(truth).sum(axis=1)`` tells how many counted.

    Returns:
        Shape (H,), in the unit of the shares; NaN for a horizon without a truth.

    Raises:
        InvalidArgument: there is only one draw.

    Source:
        Gneiting & Raftery (2007), eq. 22; Ferro (2014), Fair scores for ensemble forecasts.

    >>> draws = np.array([[[0.5, 0.5]], [[0.7, 0.3]]])
    >>> round(float(energy_score(draws, np.array([[0.6, 0.4]]))[0] / np.sqrt(2)), 12)  # 0.1 - 0.2 / 2
    0.0
    """
    if len(draws) < 2:
        raise InvalidArgument("draws", len(draws), "at least 2 draws")
    from scipy.spatial.distance import pdist  # takes a tenth of a second to load

    found = np.full(len(truth), np.nan)
    for h, row in enumerate(truth):
        known = np.isfinite(row)
        if known.any():
            points = draws[:, h, known]
            to_truth = float(np.sqrt(((points - row[known]) ** 2).sum(axis=1)).mean())
            found[h] = to_truth - 0.5 * float(pdist(points).mean())
    return found
