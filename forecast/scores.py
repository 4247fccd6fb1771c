"""Scores of forecasts against what came: smaller is better, in the unit of the shares."""

from collections.abc import Sequence

import numpy as np

from forecast.arrays import FloatArray


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
