"""Joint draws to the numbers reported: means, medians, intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """Summary of draws of shape (draw, H, K)."""

    mean: FloatArray  # (H, K), sums to one over K
    median: FloatArray  # (H, K), per provider
    lower: FloatArray  # (N, H, K), per provider
    upper: FloatArray  # (N, H, K), per provider


def summarise(draws: FloatArray, levels: Sequence[float], /) -> Summary:
    """Mean, median and central intervals of joint draws.

    Args:
        draws: Shape (draw, H, K), each row a composition.
        levels: N nominal levels in (0, 1), ascending; a wider one contains a narrower one.
    """
    quantile_levels = [0.5, *((1.0 - v) / 2.0 for v in levels), *((1.0 + v) / 2.0 for v in levels)]
    quantiles = np.quantile(draws, quantile_levels, axis=0)
    mean = draws.mean(axis=0)
    n = len(levels)
    return Summary(
        mean / mean.sum(axis=1, keepdims=True),
        quantiles[0],
        np.clip(quantiles[1 : n + 1], 0.0, 1.0),
        np.clip(quantiles[n + 1 :], 0.0, 1.0),
    )
