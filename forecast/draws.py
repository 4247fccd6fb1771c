"""Joint draws to the numbers reported: means, medians, intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.arrays import FloatArray
from forecast.errors import InvalidArgument
from forecast.results import Forecast


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
    quantiles = _quantiles(draws, quantile_levels)
    mean = draws.mean(axis=0)
    n = len(levels)
    return Summary(
        mean / mean.sum(axis=1, keepdims=True),
        quantiles[0],
        np.clip(quantiles[1 : n + 1], 0.0, 1.0),
        np.clip(quantiles[n + 1 :], 0.0, 1.0),
    )


def _quantiles(draws: FloatArray, levels: Sequence[float]) -> FloatArray:
    """As ``np.quantile(draws, levels, axis=0)``, in a fraction of the time for a few thousand draws."""
    at = np.array(levels) * (len(draws) - 1)
    low = np.floor(at).astype(np.int64)
    rows = np.ascontiguousarray(np.moveaxis(draws, 0, -1)).reshape(-1, len(draws))
    ordered = np.sort(rows, axis=1)  # a processor sorts many numbers at once: faster than to select the few
    below, above = ordered[:, low].T, ordered[:, np.minimum(low + 1, len(draws) - 1)].T
    return np.asarray((below + (above - below) * (at - low)[:, None]).reshape(len(levels), *draws.shape[1:]))


_SHAPE_LEVEL = 0.9  # of the pointwise interval whose shape the bands take; one for all levels, so that they nest


def simultaneous_bands(
    draws: FloatArray, level: float, /, *, stretch: float = 0.0, resolution: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Bands that hold the whole path of every provider at once: all providers, all horizons.

    Each side of the pointwise 90 % interval about the median is stretched by one factor for all cells, the smallest
    with which at least `level` of the draws lie wholly inside. The bands contain the pointwise medians, and those of a
    wider level contain those of a narrower one.

    Args:
        draws: Shape (draw, ...), such as (draw, H, K); fractions in [0, 1].
        level: Nominal level, in (0, 1): how many of 100 futures keep within the bands everywhere.
        stretch: Widens each side by 1 / (2 (1 - level)) to this power, nothing up to a level of 0.5: for draws that are
            known to fall short of the truth, the further out the more.
        resolution: Narrowest a side may be, fraction: half a unit of the printed precision, within which nobody knows
            where a share stands that was printed.

    Returns:
        Lower and upper bounds, each of shape (...), fractions in [0, 1].

    Raises:
        InvalidArgument: the level is not in (0, 1).

    Source:
        Montiel Olea & Plagborg-Moller (2019), Simultaneous confidence bands: theory, implementation, and an
        application to SVARs; here each side has a width of its own, as shares near zero are skewed.

    >>> ramp = np.linspace(0.0, 1.0, 101)
    >>> lower, upper = simultaneous_bands(np.stack([ramp, 1.0 - ramp], axis=1), 0.8)
    >>> round(float(lower[0]), 6), round(float(upper[0]), 6)
    (0.1, 0.9)
    """
    if not 0.0 < level < 1.0:
        raise InvalidArgument("level", level, "a proportion between 0 and 1, such as 0.95")
    low, median, high = _quantiles(draws, [(1.0 - _SHAPE_LEVEL) / 2.0, 0.5, (1.0 + _SHAPE_LEVEL) / 2.0])
    below = _side(median - low, median - draws.min(axis=0))
    above = _side(high - median, draws.max(axis=0) - median)
    gap = draws - median
    with np.errstate(divide="ignore", invalid="ignore"):  # a side without width has no draw beyond it
        factors = np.where(gap > 0.0, gap / above, np.where(gap < 0.0, -gap / below, 0.0))
    needed = factors.reshape(len(draws), -1).max(axis=1, initial=0.0)
    enough = min(int(np.ceil(level * len(draws))), len(draws)) - 1
    wider = max(0.5 / (1.0 - level), 1.0) ** stretch
    factor = wider * float(np.partition(needed, enough)[enough]) * (1.0 + 1e-9)  # the outermost draw stays inside
    lower, upper = median - np.maximum(factor * below, resolution), median + np.maximum(factor * above, resolution)
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def bands_of(forecast: Forecast, level: float, /) -> tuple[FloatArray, FloatArray]:
    """Simultaneous bands of a forecast that kept its draws, as wide as they had to be on other markets.

    Returns:
        Lower and upper bounds, each of shape (H, K), fractions in [0, 1]: how many of 100 futures keep within them for
        all providers and all quarters.

    Raises:
        InvalidArgument: the level is not in (0, 1), or the forecast has no draws.
    """
    if forecast.draws is None:
        raise InvalidArgument("draws", None, "make the forecast with keep_draws=True", "were not kept")
    return simultaneous_bands(forecast.draws, level, stretch=forecast.stretch, resolution=forecast.resolution)


def _side(width: FloatArray, furthest: FloatArray) -> FloatArray:
    """Widths of one side; where so many draws lie at the median that the interval has none, up to the furthest draw."""
    return np.where(width > 0.0, width, furthest)
