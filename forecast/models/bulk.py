"""Many markets in one compiled call: lay out, filter and summarise each, as the model of record does one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, isnan, log, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from forecast import completing
from forecast.arrays import FloatArray
from forecast.compiling import compiled
from forecast.models.base import FEWEST_QUARTERS, Cells
from forecast.models.dlm import MOST_QUARTERS, RECENT, SMALLEST_WEIGHT
from forecast.models.kernel import add_rounding, filter_grid, gain_tables, ready_market
from forecast.models.marginal import choose, smooth_parts, summarise_mixture
from forecast.models.pool import (
    LIFT,
    LIFTED_WIDTH,
    MOST_LOG_RATIO,
    NORMAL_80,
    SMOOTHING_WEIGHT,
    USUAL_LOG_RATIO,
    WIDTH_POWER,
    YEAR,
    levels_of,
    starting_points,
)
from forecast.models.smoothing import FEWEST as FEWEST_SMOOTHED
from forecast.models.smoothing import ROUNDING
from forecast.models.tables import powers_table, widening_tables
from forecast.prior import Prior

IntArray = npt.NDArray[np.int64]
Tables: TypeAlias = tuple[IntArray, FloatArray, FloatArray, FloatArray]

complete = compiled(completing.complete)


@compiled
def _contrasts(parts: int) -> FloatArray:
    """As `forecast.composition.helmert`, to the last bit."""
    basis = np.zeros((parts, parts - 1))
    for j in range(parts - 1):
        length = sqrt((j + 1.0) * (j + 2.0))
        for i in range(j + 1):
            basis[i, j] = 1.0 / length
        basis[j + 1, j] = -(j + 1.0) / length
    return basis


@compiled
def fill_gaps(shares: FloatArray, observed: npt.NDArray[np.bool_]) -> FloatArray:
    """As `forecast.models.smoothing.fill_gaps`; the first and the last quarter are observed."""
    T, K = shares.shape
    filled = np.zeros((T, K))
    before = 0
    for t in range(T):
        if observed[t]:
            for s in range(before, t):
                part = (s - before) / (t - before)
                for k in range(K):
                    filled[s, k] = shares[before, k] + part * (shares[t, k] - shares[before, k])
            for k in range(K):
                filled[t, k] = shares[t, k]
            before = t
    return filled


@compiled
def recent_width(filled: FloatArray, resolution: float) -> FloatArray:
    """As `forecast.models.pool.recent_width`, of a past without breaks."""
    T, K = filled.shape
    width = np.ones(K)
    recent = min(YEAR, T - 1)
    for k in range(K):
        whole, last = 0.0, 0.0
        for t in range(1, T):
            square = (filled[t, k] - filled[t - 1, k]) ** 2
            whole += square
            if t >= T - recent:
                last += square
        floor = (ROUNDING * resolution) ** 2
        ratio = 0.5 * log((last / recent + floor) / (whole / (T - 1) + floor)) - USUAL_LOG_RATIO
        width[k] = exp(WIDTH_POWER * min(max(ratio, -MOST_LOG_RATIO), MOST_LOG_RATIO))
    return width


@compiled
def finish(means: FloatArray, quantiles: FloatArray, width: FloatArray, residual: int) -> None:
    """Give quantiles their width, and lift the rest of the market, as `forecast.models.pool`; in place.

    Args:
        means: Shape (H, K).
        quantiles: Shape (Q + 2, H, K); the last two are the tenth and the ninetieth percentile of the residual part.
        width: Shape (K,).
        residual: The part that is the rest of the market; -1: none.
    """
    Q, horizon, K = quantiles.shape
    Q -= 2
    n = Q // 2
    for h in range(horizon):
        for k in range(K):
            for q in range(1, Q):
                quantiles[q, h, k] = max(quantiles[q, h, k], quantiles[q - 1, h, k])
            median = quantiles[n, h, k]
            for q in range(Q + 2):
                quantiles[q, h, k] = min(max(median + width[k] * (quantiles[q, h, k] - median), 0.0), 1.0)
        if residual < 0:
            continue
        median = quantiles[n, h, residual]
        apart = max(quantiles[Q + 1, h, residual] - quantiles[Q, h, residual], 0.0)
        shift = min(LIFT * sqrt(h + 1.0) * apart / NORMAL_80, 0.5 * (1.0 - median))
        stretch = (h + 1.0) ** LIFTED_WIDTH
        room = (1.0 - median - shift) / max(1.0 - median, 1e-12)
        named = 0.0
        for k in range(K):
            means[h, k] *= room
            named += means[h, k]
            for q in range(Q):
                if k == residual:
                    lifted = median + shift + stretch * (quantiles[q, h, k] - median)
                    quantiles[q, h, k] = min(max(lifted, 0.0), 1.0)
                else:
                    quantiles[q, h, k] *= room
        means[h, residual] += 1.0 - named


@compiled
def forecast_markets(
    starts: IntArray,
    quarter: IntArray,
    provider: IntArray,
    share: FloatArray,
    resolution: FloatArray,
    rounding: FloatArray,
    others: int,
    horizon: int,
    levels: FloatArray,
    starting: FloatArray,
    power: float,
    step: float,
    step_power: float,
    dof: float,
    rounding_weight: float,
    nodes: FloatArray,
    discount: float,
    tables: Tables,
    shift: float,
    penalty: float,
    shapes: FloatArray,
    powers: FloatArray,
    widened_square: float,
    widened_product: float,
) -> tuple[IntArray, IntArray, IntArray, IntArray, FloatArray, FloatArray, IntArray, IntArray, FloatArray, FloatArray]:
    """Forecast M markets given as the cells of all of them, those of a market standing together.

    Args:
        starts: Shape (M + 1,), where the cells of each market start, and the number n of cells.
        quarter: Shape (n,), `Quarter.index` of each cell.
        provider: Shape (n,), a number from 0 for each provider's name.
        share: Shape (n,), NaN where not reported.
        resolution: Shape (M,), half a unit of the printed precision, fraction.
        rounding: Shape (n,), half a unit of what each share is printed in, fraction; 0 where nobody says.
        others: The number of the residual part.
        horizon: H.
        levels: Shape (Q + 2,), as `summarise_mixture` takes them; the first Q are symmetric.
        starting: Likewise.
        power: As `ready_market` takes it.
        step: Likewise.
        step_power: Likewise.
        dof: Likewise.
        rounding_weight: Likewise, `Prior.rounding`.
        nodes: As `filter_grid` takes them.
        discount: Likewise.
        tables: Likewise.
        shift: Likewise.
        penalty: Likewise.
        shapes: As `summarise_mixture` takes it.
        powers: Likewise.
        widened_square: Likewise.
        widened_product: Likewise.

    Returns:
        For each market the quarters with a share, fewer than two where it could not be forecast (M,), the origin
        (M,) and the number K of its parts, zero where it could not be forecast (M,); the providers of their parts (P,),
        P being the sum of K; market after market, H rows of K each, means (P * H,) and quantiles (Q, P * H); and what
        completing each market took (M, 2): quarters of zeros alone, and quarters whose rest went to the residual part;
        of which market and provider what became, as `complete` tells it (F, 3); the weight of the smoothings (M,); and
        the restlessness, points (M,).
    """
    M = len(starts) - 1
    Q = len(levels) - 2
    names = others + 1
    for code in provider:
        names = max(names, code + 1)
    # The place of a provider in its market; the mark says of which market that is.
    place = np.zeros(names, dtype=np.int64)
    mark = np.full(names, -1, dtype=np.int64)
    most_parts = 0
    for i in range(M):
        for n in range(starts[i], starts[i + 1]):
            if mark[provider[n]] != i:
                mark[provider[n]] = i
                most_parts += 1
        most_parts += 1
    quarters = np.zeros(M, dtype=np.int64)
    origins = np.zeros(M, dtype=np.int64)
    parts = np.zeros(M, dtype=np.int64)
    members = np.zeros(most_parts, dtype=np.int64)
    means = np.zeros(most_parts * horizon)
    quantiles = np.zeros((Q, most_parts * horizon))
    here = np.zeros(names, dtype=np.int64)
    completed = np.zeros((M, 2), dtype=np.int64)
    fates = np.zeros((most_parts, 3), dtype=np.int64)
    told = 0
    smoothing_weight = np.zeros(M)
    restlessness = np.zeros(M)
    done = 0
    for i in range(M):
        count = 0
        column = -1
        earliest, latest = quarter[starts[i]], quarter[starts[i]]
        for n in range(starts[i], starts[i + 1]):
            code = provider[n]
            if mark[code] != M + i:
                mark[code] = M + i
                place[code] = count
                here[count] = code
                if code == others:
                    column = count
                count += 1
            earliest, latest = min(earliest, quarter[n]), max(latest, quarter[n])
        cells = np.full((latest - earliest + 1, count), np.nan)
        halves = np.zeros(cells.shape)
        for n in range(starts[i], starts[i + 1]):
            cells[quarter[n] - earliest, place[provider[n]]] = share[n]
            halves[quarter[n] - earliest, place[provider[n]]] = rounding[n]
        shares, ever, zeros, rest, given, fate = complete(cells, column, halves)
        completed[i] = zeros.sum(), given
        for k in range(count):
            if fate[k] != 0:
                fates[told] = i, here[k], fate[k]
                told += 1
        K = shares.shape[1]
        first, last = -1, -1
        for t in range(len(shares) if K > 0 else 0):
            if not isnan(shares[t, 0]):
                first = t if first < 0 else first
                last = t
                quarters[i] += 1
        if quarters[i] < FEWEST_QUARTERS:
            continue
        first = max(first, last + 1 - MOST_QUARTERS)
        while isnan(shares[first, 0]):
            first += 1
        seen = shares[first : last + 1]
        basis = _contrasts(K)
        contrasts, observed, usual, scale, inverse, logdet, printed = ready_market(
            seen, basis, power, step, step_power, dof, RECENT, resolution[i], rounding_weight
        )
        _, weights, mean, cov, scales, after, _ = filter_grid(
            contrasts,
            observed,
            np.zeros(len(seen)),
            nodes,
            discount,
            SMALLEST_WEIGHT,
            tables,
            dof,
            scale,
            inverse,
            logdet,
            shift,
            penalty,
        )
        for g in choose(weights):
            add_rounding(scales[g], after, basis, printed)
        filled = fill_gaps(seen, observed)
        location, spread = smooth_parts(filled, observed, usual, power, resolution[i], horizon)
        smoothing_weight[i] = SMOOTHING_WEIGHT if observed.sum() >= FEWEST_SMOOTHED else 0.0
        for t in range(1, len(filled)):
            for k in range(K):
                restlessness[i] += (filled[t, k] - filled[t - 1, k]) ** 2
        restlessness[i] = 100.0 * sqrt(restlessness[i] / ((len(filled) - 1) * K))
        residual = K - 1 if rest else -1
        column_now = 0
        for k in range(count):
            if ever[k]:
                if k == column:
                    residual = column_now
                column_now += 1
        mean_of_market, quantiles_of_market = summarise_mixture(
            nodes,
            weights,
            mean,
            cov,
            scales,
            after,
            basis,
            power,
            horizon,
            location,
            spread,
            smoothing_weight[i],
            levels,
            starting,
            residual,
            shapes,
            powers,
            widened_square,
            widened_product,
        )
        finish(mean_of_market, quantiles_of_market, recent_width(filled, resolution[i]), residual)
        origins[i] = earliest + last
        parts[i] = K
        at = done
        for k in range(count):
            if ever[k]:
                members[at] = here[k]
                at += 1
        if rest:
            members[at] = others
        row = done * horizon
        for h in range(horizon):
            for k in range(K):
                means[row] = mean_of_market[h, k]
                for q in range(Q):
                    quantiles[q, row] = quantiles_of_market[q, h, k]
                row += 1
        done += K
    rows = done * horizon
    numbers = means[:rows], quantiles[:, :rows]
    return quarters, origins, parts, members[:done], *numbers, completed, fates[:told], smoothing_weight, restlessness


@dataclass(frozen=True, slots=True, eq=False)
class Summaries:
    """Summaries of M markets; a market of K parts has H rows of K numbers, one market after the other."""

    quarters: IntArray  # (M,), quarters with a share: too few where there is no summary
    origins: IntArray  # (M,), `Quarter.index` of the last one
    parts: IntArray  # (M,), K of each, zero where there is no summary
    members: IntArray  # (sum of K,), numbers of the providers
    mean: FloatArray  # (rows,)
    median: FloatArray  # (rows,)
    lower: FloatArray  # (N, rows)
    upper: FloatArray  # (N, rows)
    completed: IntArray  # (M, 2), what completing took, as `forecast_markets` counts it
    fates: IntArray  # (F, 3), likewise: of which market and provider, and what became of it
    smoothing_weight: FloatArray  # (M,), of the second member
    restlessness: FloatArray  # (M,), root mean square quarterly step, points


def summarise_markets(
    cells: Cells, provider: IntArray, others: int, prior: Prior, horizon: int, levels: Sequence[float]
) -> Summaries:
    """What `forecast.models.pool.summarise_market` gives, for many markets at once and straight from their cells.

    Args:
        cells: Of the markets.
        provider: Shape (n,), a number for the provider of each cell, from 0.
        others: The number of the residual part.
        prior: What is known before.
        horizon: H, quarters ahead.
        levels: N nominal levels in (0, 1), ascending.
    """
    at = levels_of(levels)
    quarters, origins, parts, members, means, quantiles, completed, fates, weights, restless = forecast_markets(
        cells.starts,
        cells.quarter,
        provider,
        cells.share,
        cells.resolution,
        cells.rounding,
        others,
        horizon,
        at,
        starting_points(at),
        prior.power,
        prior.step,
        prior.step_power,
        prior.dof,
        prior.rounding,
        prior.nodes,
        prior.discount,
        tables(prior),
        prior.event_shift,
        prior.event_penalty,
        widening_tables(prior.mixture_sd, prior.mixture_mean),
        powers_table(prior.power),
        *prior.widened_moments,
    )
    n = len(levels)
    return Summaries(
        quarters,
        origins,
        parts,
        members,
        means,
        quantiles[n],
        quantiles[:n][::-1],
        quantiles[n + 1 :],
        completed,
        fates,
        weights,
        restless,
    )


@lru_cache(maxsize=32)
def tables(prior: Prior) -> Tables:
    """The part of the filter that no data enters, for as many quarters as are looked at."""
    states, rows = np.unique(prior.nodes[:, :5], axis=0, return_inverse=True)
    return (rows.astype(np.int64).ravel(), *gain_tables(states, prior.initial_variance, MOST_QUARTERS))
