"""The model of record: two members that fail differently, as one distribution of each share.

The first is the dynamic linear model of all shares at once (`forecast.models.dlm`), the second a family of exponential
smoothings of each share by itself (`forecast.models.smoothing`). Their distribution functions are averaged, not their
quantiles: F(x) = (1 - w) F_dlm(x) + w F_smoothing(x). Two things follow that neither member knows. A share whose last
year was calmer or more restless than its whole past is drawn in or stretched about its median. And the part that is the
rest of a market rises: an entrant can only enter there, and the named are named because they are large.

The draws follow the same distribution: joint paths of the dynamic linear model say which shares rise together and which
ranks a path takes from quarter to quarter, each share is moved to the same rank in its distribution here, and closed.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from forecast.arrays import FloatArray
from forecast.draws import Summary
from forecast.models import smoothing
from forecast.models.base import Series
from forecast.models.dlm import Filtered, Pasts, draw_pasts, filter_pasts, pasts_of
from forecast.models.predictive import Predictive, components_of, predict, raised
from forecast.models.smoothing import ROUNDING, Smoothed, fill_gaps, since_break, smooth, t4_distribution, t4_quantile
from forecast.prior import Prior

SMOOTHING_WEIGHT = 0.4  # w
YEAR = 4  # steps of the last year
WIDTH_POWER, USUAL_LOG_RATIO, MOST_LOG_RATIO = 0.2, -0.26, 1.5  # of the last year's steps to all, which are skewed
LIFT = 0.15  # of the rest of a market, in its standard deviations times the root of the quarters ahead
LIFTED_WIDTH = 0.2  # power of the quarters ahead by which its distribution is stretched about the median
NORMAL_80 = 2.56  # standard deviations from the tenth to the ninetieth percentile of a normal variable
ROUNDS = 12  # of moving the draws to their ranks and closing them: with each, closing takes less away
_FURTHEST, _SCORE_STEP = 3.6, 0.3  # normal scores of the quantiles that draws are read from
_DRAWN = tuple(2.0 * NormalDist().cdf(i * _SCORE_STEP) - 1.0 for i in range(1, round(_FURTHEST / _SCORE_STEP) + 1))
CLOSE, MOST_STEPS = 0.05, 40  # of the search for a quantile: how close the level is before the last step; steps
FURTHEST = 4.0  # of its start from the middle of the first member, in standard deviations of that, and of widths


def summarise_market(
    series: Series, prior: Prior, horizon: int, levels: Sequence[float], residual: int | None = None
) -> Summary:
    """Means, medians and intervals without draws, over all pasts the series may have had.

    Args:
        series: The market.
        prior: What is known before.
        horizon: H, quarters ahead.
        levels: N nominal levels in (0, 1), ascending.
        residual: The part that is the rest of the market; None where every part is named.
    """
    n, pasts = len(levels), pasts_of(series)
    means, quantiles = distribution_of(pasts, filter_pasts(pasts, prior), prior, horizon, levels_of(levels), residual)
    return Summary(means, quantiles[n], quantiles[:n][::-1], quantiles[n + 1 :])


def distribution_of(
    pasts: Pasts, filtered: Filtered, prior: Prior, horizon: int, levels: FloatArray, residual: int | None
) -> tuple[FloatArray, FloatArray]:
    """Means and quantiles of the shares of the next quarters.

    Args:
        pasts: The market.
        filtered: The same, filtered.
        prior: What is known before.
        horizon: H.
        levels: Shape (Q + 2,), as `levels_of` gives them.
        residual: The part that is the rest of the market; None where every part is named.

    Returns:
        Means (H, K), summing to one, and quantiles (Q, H, K).
    """
    predictive = predict(components_of(filtered, prior), prior, horizon)
    smoothed = smooth(pasts, prior.power, horizon)
    weight = smoothing_weight(pasts)
    quantiles = pooled_quantiles(predictive, smoothed, levels, weight)
    means = (1.0 - weight) * predictive.mean() + weight * smoothed.mean()
    means /= means.sum(axis=1, keepdims=True)
    # Along its line a share can turn back where the others vanish; intervals nest all the same.
    quantiles[:-2] = np.maximum.accumulate(quantiles[:-2], axis=0)
    middle = (len(levels) - 2) // 2
    median = quantiles[middle]
    quantiles = np.clip(median + recent_width(pasts) * (quantiles - median), 0.0, 1.0)
    if residual is not None:
        means, quantiles = _lifted(means, quantiles, middle, residual)
    return means, quantiles[:-2]


def levels_of(levels: Sequence[float]) -> FloatArray:
    """Shape (2 N + 3,): quantile levels of N ascending levels, ascending; then .1 and .9, which the lift takes."""
    return np.array([*((1.0 - v) / 2.0 for v in levels[::-1]), 0.5, *((1.0 + v) / 2.0 for v in levels), 0.1, 0.9])


def smoothing_weight(pasts: Pasts) -> float:
    """Weight of the second member."""
    return SMOOTHING_WEIGHT if since_break(pasts).observed.sum() >= smoothing.FEWEST else 0.0


def restlessness(pasts: Pasts) -> float:
    """Root mean square quarterly step of the shares of a market, points."""
    steps = np.diff(fill_gaps(pasts), axis=1)
    return 100.0 * float(np.sqrt((steps**2).mean())) if steps.size else 0.0


def pooled_quantiles(predictive: Predictive, smoothed: Smoothed, levels: FloatArray, weight: float) -> FloatArray:
    """Quantiles of the mixture of both members, found along the line of each share by Newton's method.

    Args:
        predictive: The first member.
        smoothed: The second.
        levels: Shape (Q,), in (0, 1).
        weight: Of the second.

    Returns:
        Shape (Q, H, K), shares.
    """
    middle, sd = predictive.middle[..., None], predictive.sd[..., None]
    # Both members as two points on the line of the share: near its quantiles, whose search starts here.
    z, slope = _powered(predictive, middle)
    slope = np.maximum(slope, smoothed.spread[..., None] / (FURTHEST * sd))
    away = (smoothed.location[..., None] - z) / slope
    wide = (smoothed.spread[..., None] / slope) ** 2 * 2.0
    variance = (1.0 - weight) * sd * sd + weight * (wide + (1.0 - weight) * away * away)
    x = middle + np.clip(weight * away, -FURTHEST * sd, FURTHEST * sd)
    x = x + np.clip(np.sqrt(variance), sd / FURTHEST, FURTHEST * sd) * starting_points(levels)
    low, high = np.broadcast_to(middle - 60.0 * sd, x.shape), np.broadcast_to(middle + 60.0 * sd, x.shape)
    open_ = np.ones(x.shape, dtype=bool)
    found = np.zeros(x.shape)
    enough = CLOSE * np.minimum(levels, 1.0 - levels)
    for _ in range(MOST_STEPS):
        value, density = predictive.distribution(x)
        z, slope = _powered(predictive, x)
        there, height = t4_distribution((z - smoothed.location[..., None]) / smoothed.spread[..., None])
        value = (1.0 - weight) * value + weight * there
        density = (1.0 - weight) * density + weight * height * np.maximum(slope, 0.0) / smoothed.spread[..., None]
        miss = value - levels
        low, high = np.where(miss > 0.0, low, x), np.where(miss > 0.0, x, high)
        close = np.abs(miss) < enough
        moved = x - miss / np.maximum(density, 1e-9)
        moved = np.where(close | ((low < moved) & (moved < high)), moved, 0.5 * (low + high))
        # Along the line the power of a share is nearly straight: the last correction needs no further look.
        found = np.where(open_, z + slope * (moved - x), found)
        x = np.where(open_, moved, x)
        open_ &= ~close
        if not open_.any():
            break
    return np.moveaxis(np.minimum(raised(found, predictive.power)[0], 1.0), 2, 0)


def _powered(predictive: Predictive, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each share ** power where its coordinate is x, below zero where that is cut, and its slope; shape (H, K, n)."""
    a = predictive.power
    own, _, total, moving = predictive.along(x)
    divisor = np.sqrt(total * np.sqrt(total)) if a == 0.75 else total**a
    z = own / divisor
    return z, a * (predictive.further[..., None] - z * divisor * moving / total) / divisor


def starting_points(levels: FloatArray) -> FloatArray:
    """Quantiles of a t variable with four degrees of freedom and unit variance: near those of the mixtures."""
    return np.asarray(np.sqrt(0.5) * t4_quantile(levels))


def recent_width(pasts: Pasts) -> FloatArray:
    """Shape (K,): factor on the width of each share's distribution, by its last year against its whole past."""
    steps = np.diff(fill_gaps(pasts), axis=1)
    steps = np.delete(steps, [row - 1 for row in pasts.breaks], axis=1)
    floor = (ROUNDING * pasts.resolution) ** 2
    if steps.shape[1] == 0:
        return np.ones(steps.shape[2])
    whole, last = ((part**2).mean(axis=(0, 1)) + floor for part in (steps, steps[:, -YEAR:]))
    ratio = 0.5 * np.log(last / whole) - USUAL_LOG_RATIO
    return np.asarray(np.exp(WIDTH_POWER * np.clip(ratio, -MOST_LOG_RATIO, MOST_LOG_RATIO)))


def _lifted(means: FloatArray, quantiles: FloatArray, middle: int, residual: int) -> tuple[FloatArray, FloatArray]:
    """Lift the rest of the market; the named make room in proportion. The last two levels are .1 and .9."""
    ahead = np.arange(1.0, len(means) + 1.0)
    rest = quantiles[:, :, residual]
    median, apart = rest[middle], np.maximum(rest[-1] - rest[-2], 0.0)
    shift = np.minimum(LIFT * np.sqrt(ahead) * apart / NORMAL_80, 0.5 * (1.0 - median))
    room = (1.0 - median - shift) / np.maximum(1.0 - median, 1e-12)
    means, quantiles = means * room[:, None], quantiles * room[:, None]
    means[:, residual] += 1.0 - means.sum(axis=1)
    quantiles[:, :, residual] = np.clip(median + shift + ahead**LIFTED_WIDTH * (rest - median), 0.0, 1.0)
    return means, quantiles


def draw_market(
    series: Series, prior: Prior, horizon: int, draws: int, rng: np.random.Generator, residual: int | None = None
) -> FloatArray:
    """Joint draws of a market, an equal number from each past the series may have had.

    Args:
        series: The market.
        prior: What is known before.
        horizon: H, quarters ahead.
        draws: Number of joint paths.
        rng: Source of randomness.
        residual: The part that is the rest of the market; None where every part is named.

    Returns:
        Shape (draws, H, K), compositions.
    """
    pasts = pasts_of(series)
    filtered = filter_pasts(pasts, prior)
    paths = np.ascontiguousarray(np.moveaxis(draw_pasts(filtered, prior, horizon, draws, rng), 0, 2))  # (H, K, draws)
    _, quantiles = distribution_of(pasts, filtered, prior, horizon, levels_of(_DRAWN), residual)
    scores = np.array([NormalDist().inv_cdf((i + 0.5) / draws) for i in range(draws)])
    at = np.clip((scores + _FURTHEST) / _SCORE_STEP, 0.0, len(quantiles) - 1.0)
    below = np.minimum(at.astype(np.int64), len(quantiles) - 2)
    values = quantiles[below] + (at - below)[:, None, None] * (quantiles[below + 1] - quantiles[below])
    values = np.moveaxis(values, 0, 2)
    for _ in range(ROUNDS):
        np.put_along_axis(paths, np.argsort(paths, axis=2), values, axis=2)
        paths /= np.maximum(paths.sum(axis=1, keepdims=True), 1e-300)
    return np.moveaxis(paths, 2, 0)
