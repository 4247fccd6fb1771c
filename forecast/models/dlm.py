"""The model of record: a matrix-normal dynamic linear model averaged over a grid.

With y_t the contrasts (D of them) of quarter t,

    y_t = level_t + season_t + noise_t        level_t = level_{t-1} + phi slope_{t-1} + ...
    slope_t = phi slope_{t-1} + ...           season_t = -(season_{t-1} + season_{t-2} + season_{t-3}) + ...

and every disturbance is normal with covariance (its variance of the node) x S, one unknown D x D matrix S with an
inverse-Wishart prior. The gain of the filter is then the same for all contrasts, S integrates out in closed form, and
each node of the grid has an exact marginal likelihood and a matrix-t predictive. Nodes are averaged by likelihood times
a prior learned on other markets.

A node says three more things. What is known of S fades by its discount a quarter, because markets have calm and
restless years. A quarter whose squared standardised innovation per contrast exceeds its threshold is an event: the
variance is inflated to what was seen, part of the excess as a shift of the level, and S learns only the bounded rest.
And its spread scales the prior of S. Markets with and without events, restless and calm, so find their own nodes.

Source:
    Quintana & West (1987), An analysis of international exchange rates using multivariate DLMs;
    West & Harrison (1997), Bayesian Forecasting and Dynamic Models, ch. 16 (discounting of S: 16.4.5);
    Snyder et al. (2017), Forecasting compositional time series: a state space approach.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.composition import closed_power, helmert
from forecast.draws import Summary
from forecast.models import kernel
from forecast.models.base import FEWEST_QUARTERS, Cells, Series
from forecast.models.bulk import forecast_markets
from forecast.models.marginal import powers_table, summarise_mixture, widening_tables
from forecast.prior import Prior

Tables: TypeAlias = tuple[npt.NDArray[np.int64], FloatArray, FloatArray, FloatArray]

BREAK_VARIANCE = 100.0  # of the level at a declared break, relative to S: a step of ten ordinary quarters at once
SMALLEST_WEIGHT = 1e-5  # nodes below it would get no draw
KEPT_WEIGHT, MOST_COMPONENTS = 0.95, 8  # of the mixture, where no draw is asked for
COMPONENTS_OF_A_PAST = 4
# Quarters that are looked at, the last sixteen years. What came before has faded by 0.8 ** 64 in the nodes that forget
# fastest, where a part that stays zero would leave nothing of S but rounding errors.
MOST_QUARTERS = 64
RECENT = 8  # quarters whose mean composition sets the prior scale of S


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """A market filtered under every node; what remains of the data is here."""

    log_likelihood: FloatArray  # (G,)
    weights: FloatArray  # (G,), posterior probability of each node
    mean: FloatArray  # (G, 5, D), states at the origin
    cov: FloatArray  # (G, 5, 5), relative to S
    scale: FloatArray  # (G, D, D), posterior scale matrix of S, tempered; zero for nodes below SMALLEST_WEIGHT
    dof: FloatArray  # (G,), posterior degrees of freedom (Dawid's delta)


@dataclass(frozen=True, slots=True, eq=False)
class Summaries:
    """Summaries of M markets; a market of K parts has H rows of K numbers, one market after the other."""

    quarters: npt.NDArray[np.int64]  # (M,), quarters with a share: too few where there is no summary
    origins: npt.NDArray[np.int64]  # (M,), `Quarter.index` of the last one
    parts: npt.NDArray[np.int64]  # (M,), K of each, zero where there is no summary
    members: npt.NDArray[np.int64]  # (sum of K,), numbers of the providers
    mean: FloatArray  # (rows,)
    median: FloatArray  # (rows,)
    lower: FloatArray  # (N, rows)
    upper: FloatArray  # (N, rows)
    completed: npt.NDArray[np.int64]  # (M, 4), what completing took, as `forecast.models.bulk` counts it


def usual_composition(series: Series) -> FloatArray:
    """Shape (K,): mean of the last observed compositions, no part below the printed resolution."""
    recent = series.shares[series.observed][-RECENT:].mean(axis=0)
    floored = np.maximum(recent, series.resolution)
    return np.asarray(floored / floored.sum())


def filter_market(series: Series, prior: Prior) -> Filtered:
    """Filter one market under every node of the prior's grid."""
    series = _lately(series)
    basis = contrast_basis(series.shares.shape[1])
    contrasts, observed, scale, inverse, logdet, printed, calm = kernel.ready_market(
        series.shares,
        basis,
        prior.power,
        prior.scale,
        prior.dof,
        RECENT,
        series.resolution,
        prior.small,
    )
    jump = np.zeros(len(contrasts))
    if series.breaks:
        jump[list(series.breaks)] = BREAK_VARIANCE
    log_likelihood, weights, mean, cov, scales, dof, _ = kernel.filter_grid(
        contrasts,
        observed,
        jump,
        prior.nodes,
        prior.weights,
        SMALLEST_WEIGHT,
        tables(prior),
        prior.dof,
        scale,
        inverse,
        logdet,
        prior.event_shift,
        prior.event_penalty,
    )
    for g in np.flatnonzero(weights >= SMALLEST_WEIGHT):
        kernel.temper(scales[g], dof[g], basis, printed, calm)
    return Filtered(log_likelihood, weights, mean, cov, scales, dof)


@lru_cache(maxsize=64)
def contrast_basis(parts: int) -> FloatArray:
    """As `helmert`, in the form that is compiled for: arrays that may be written to are another type."""
    return helmert(parts).copy()


def _lately(series: Series) -> Series:
    """The series cut to the quarters looked at, from the first observed one of them."""
    first = len(series.shares) - MOST_QUARTERS
    if first <= 0:
        return series
    first += int(np.argmax(series.observed[first:]))
    breaks = tuple(row - first for row in series.breaks if row > first)
    return replace(series, shares=series.shares[first:], breaks=breaks, histories=())


@lru_cache(maxsize=32)
def tables(prior: Prior) -> Tables:
    """The part of the filter that no data enters, for as many quarters as are looked at."""
    states, rows = np.unique(prior.nodes[:, :5], axis=0, return_inverse=True)
    return (rows.astype(np.int64).ravel(), *kernel.gain_tables(states, prior.initial_variance, MOST_QUARTERS))


def allocate(weights: FloatArray, draws: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How many draws each node gets: its weight times `draws`, rounded up or down by systematic sampling.

    Source:
        Kitagawa (1996), Monte Carlo filter and smoother: less noisy than a multinomial.
    """
    edges = np.minimum(np.ceil(np.cumsum(weights) * draws - rng.random()), draws)
    edges[-1] = draws
    return np.diff(edges, prepend=0.0).astype(np.int64)


def draw_shares(filtered: Filtered, prior: Prior, horizon: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Joint draws from the averaged predictive.

    Returns:
        Shape (draws, horizon, K), compositions.
    """
    D = filtered.mean.shape[2]
    pairs = (draws + 1) // 2
    weights = np.where(filtered.weights < SMALLEST_WEIGHT, 0.0, filtered.weights)
    counts = allocate(weights / weights.sum(), pairs, rng)
    bartlett = np.zeros((pairs, D, D))
    below = np.tril_indices(D, -1)
    bartlett[:, below[0], below[1]] = rng.standard_normal((pairs, len(below[0])))
    degrees = np.repeat(filtered.dof, counts)[:, None] + D - 1.0 - np.arange(D)
    bartlett[:, range(D), range(D)] = np.sqrt(rng.chisquare(degrees))
    raised = kernel.sample_paths(
        prior.nodes,
        filtered.mean,
        filtered.cov,
        filtered.scale,
        counts,
        rng.standard_normal((pairs, horizon, D)),
        bartlett,
        np.exp(prior.mixture_sd * rng.standard_normal((pairs, D + 1)) + prior.mixture_mean),
        contrast_basis(D + 1),
        prior.power,
    )
    return np.moveaxis(closed_power(raised, prior.power)[:, :, :draws], (0, 1, 2), (2, 1, 0))


def draw_market(series: Series, prior: Prior, horizon: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Joint draws of a market, an equal number from each past the series may have had.

    Args:
        series: The market.
        prior: What is known before.
        horizon: H, quarters ahead.
        draws: Number of joint paths.
        rng: Source of randomness.

    Returns:
        Shape (draws, H, K), compositions.
    """
    pasts = series.alternatives()
    counts = [draws * (n + 1) // len(pasts) - draws * n // len(pasts) for n in range(len(pasts))]
    found = [
        draw_shares(filter_market(past, prior), prior, horizon, count, rng)
        for past, count in zip(pasts, counts, strict=True)
    ]
    return found[0] if len(found) == 1 else np.concatenate(found)


def summarise_market(series: Series, prior: Prior, horizon: int, levels: Sequence[float]) -> Summary:
    """Means, medians and intervals without draws, over all pasts the series may have had.

    Args:
        series: The market.
        prior: What is known before.
        horizon: H, quarters ahead.
        levels: N nominal levels in (0, 1), ascending.
    """
    pasts = series.alternatives()
    filtered = [filter_market(past, prior) for past in pasts]
    if len(filtered) == 1:
        (only,) = filtered
        nodes, weights = prior.nodes, only.weights
        most = MOST_COMPONENTS
    else:
        # The few nodes that matter of each past.
        best = [np.argsort(-f.weights)[:COMPONENTS_OF_A_PAST] for f in filtered]
        nodes = prior.nodes[np.concatenate(best)]
        weights = np.concatenate([f.weights[i] / f.weights[i].sum() for f, i in zip(filtered, best, strict=True)])
        weights /= len(filtered)
        only = Filtered(
            np.zeros(0),
            weights,
            *(
                np.concatenate([getattr(f, name)[i] for f, i in zip(filtered, best, strict=True)])
                for name in ("mean", "cov", "scale", "dof")
            ),
        )
        most = len(weights)
    quantile_levels, guesses = _quantile_levels(tuple(levels))
    means, quantiles = summarise_mixture(
        nodes,
        weights,
        only.mean,
        only.cov,
        only.scale,
        only.dof,
        contrast_basis(series.shares.shape[1]),
        prior.power,
        horizon,
        quantile_levels,
        guesses,
        *_mixture(prior),
        KEPT_WEIGHT,
        most,
    )
    n = len(levels)
    return Summary(means, quantiles[n], quantiles[:n][::-1], quantiles[n + 1 :])


def summarise_markets(
    cells: Cells, provider: npt.NDArray[np.int64], others: int, prior: Prior, horizon: int, levels: Sequence[float]
) -> Summaries:
    """What `summarise_market` gives, for many markets at once and straight from their cells.

    Args:
        cells: Of the markets.
        provider: Shape (n,), a number for the provider of each cell, from 0.
        others: The number of the residual part.
        prior: What is known before.
        horizon: H, quarters ahead.
        levels: N nominal levels in (0, 1), ascending.
    """
    quantile_levels, guesses = _quantile_levels(tuple(levels))
    quarters, origins, parts, members, means, quantiles, completed = forecast_markets(
        cells.starts,
        cells.quarter,
        provider,
        cells.share,
        cells.resolution,
        cells.rounding,
        others,
        FEWEST_QUARTERS,
        MOST_QUARTERS,
        horizon,
        quantile_levels,
        guesses,
        prior.power,
        prior.scale,
        prior.dof,
        RECENT,
        prior.small,
        prior.nodes,
        prior.weights,
        SMALLEST_WEIGHT,
        tables(prior),
        prior.event_shift,
        prior.event_penalty,
        *_mixture(prior),
        KEPT_WEIGHT,
        MOST_COMPONENTS,
    )
    n = len(levels)
    return Summaries(
        quarters, origins, parts, members, means, quantiles[n], quantiles[:n][::-1], quantiles[n + 1 :], completed
    )


def _mixture(prior: Prior) -> tuple[FloatArray, FloatArray, float, float]:
    """What `summarise_mixture` needs of the prior: tables of t and powers, two moments of the widening factor."""
    return (
        widening_tables(prior.mixture_sd, prior.mixture_mean),
        powers_table(prior.power),
        float(np.exp(2.0 * prior.mixture_sd**2 + 2.0 * prior.mixture_mean)),
        float(np.exp(prior.mixture_sd**2 + 2.0 * prior.mixture_mean)),
    )


@lru_cache(maxsize=64)
def _quantile_levels(levels: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """Quantile levels (2 N + 1,) of ascending interval levels, ascending, and their standard normal quantiles."""
    quantile_levels = [*((1.0 - v) / 2.0 for v in levels[::-1]), 0.5, *((1.0 + v) / 2.0 for v in levels)]
    return np.array(quantile_levels), np.array([NormalDist().inv_cdf(q) for q in quantile_levels])
