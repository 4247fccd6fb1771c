"""Distances between draws, compiled, because there are two million pairs of two thousand draws."""

import numpy as np

from forecast.arrays import FloatArray
from forecast.compiling import compiled


@compiled
def mean_pair_distance(points: FloatArray) -> float:  # pragma: no cover  (compiled)
    """Mean Euclidean distance between two different rows of `points`, shape (n, K) with n >= 2."""
    n, parts = points.shape
    total = 0.0
    for i in range(1, n):
        row = 0.0
        for j in range(i):
            square = 0.0
            for k in range(parts):
                gap = points[i, k] - points[j, k]
                square += gap * gap
            row += np.sqrt(square)
        total += row  # by rows, so that little is added to much less often
    return float(2.0 * total / (n * (n - 1.0)))
