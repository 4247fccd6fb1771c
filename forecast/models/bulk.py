"""Many markets in one compiled call: lay out, filter and summarise each, as the model of record does one by one.

Numba keeps what it compiled as long as this very file is as it was: after a change to a function called from here,
touch this file too (`touch forecast/models/*.py`), or the old one goes on running.
"""

from math import isnan, sqrt

import numba as nb
import numpy as np
import numpy.typing as npt

from forecast import completing
from forecast.arrays import FloatArray
from forecast.models.kernel import filter_grid, ready_market, temper
from forecast.models.marginal import choose, summarise_mixture

IntArray = npt.NDArray[np.int64]

complete = nb.njit(cache=True, nogil=True, error_model="numpy")(completing.complete)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _contrasts(parts: int) -> FloatArray:
    """As `forecast.composition.helmert`, to the last bit."""
    basis = np.zeros((parts, parts - 1))
    for j in range(parts - 1):
        length = sqrt((j + 1.0) * (j + 2.0))
        for i in range(j + 1):
            basis[i, j] = 1.0 / length
        basis[j + 1, j] = -(j + 1.0) / length
    return basis


@nb.njit(cache=True, nogil=True, error_model="numpy")
def forecast_markets(
    starts: IntArray,
    quarter: IntArray,
    provider: IntArray,
    share: FloatArray,
    resolution: FloatArray,
    rounding: FloatArray,
    others: int,
    fewest: int,
    most_quarters: int,
    horizon: int,
    quantile_levels: FloatArray,
    guesses: FloatArray,
    power: float,
    coefficients: FloatArray,
    dof: float,
    recent: int,
    small: FloatArray,
    nodes: FloatArray,
    prior_weights: FloatArray,
    smallest: float,
    tables: tuple[IntArray, FloatArray, FloatArray, FloatArray],
    shift: float,
    penalty: float,
    table: FloatArray,
    powers: FloatArray,
    widened_square: float,
    widened_product: float,
    kept_weight: float,
    most: int,
) -> tuple[IntArray, IntArray, IntArray, IntArray, FloatArray, FloatArray, IntArray]:
    """Forecast M markets given as the cells of all of them, those of a market standing together.

    Args:
        starts: Shape (M + 1,), where the cells of each market start, and the number n of cells.
        quarter: Shape (n,), `Quarter.index` of each cell.
        provider: Shape (n,), a number from 0 for each provider's name.
        share: Shape (n,), NaN where not reported.
        resolution: Shape (M,), half a unit of the printed precision, fraction.
        rounding: Shape (M,), as `complete` takes it.
        others: The number of the residual part.
        fewest: Quarters with a share that a market needs.
        most_quarters: Quarters looked at, the last ones.
        horizon: H.
        quantile_levels: Shape (Q,), as `summarise_mixture` takes them.
        guesses: Likewise.
        power: As `ready_market` takes it.
        coefficients: Likewise.
        dof: Likewise.
        recent: Likewise.
        small: Likewise.
        nodes: As `filter_grid` takes them.
        prior_weights: Likewise.
        smallest: Likewise.
        tables: Likewise.
        shift: Likewise.
        penalty: Likewise.
        table: As `summarise_mixture` takes it.
        powers: Likewise.
        widened_square: Likewise.
        widened_product: Likewise.
        kept_weight: Likewise.
        most: Likewise.

    Returns:
        For each market the quarters with a share, fewer than `fewest` where it could not be forecast (M,), the origin
        (M,) and the number K of its parts, zero where it could not be forecast (M,); the providers of their parts (P,),
        P being the sum of K; market after market, H rows of K each, means (P * H,) and quantiles (Q, P * H); and what
        completing each market took (M, 4): providers never reported, quarters of zeros alone, quarters whose rest went
        to the residual part, providers that are not in the last quarter, which the others make whole.
    """
    M = len(starts) - 1
    Q = len(quantile_levels)
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
    completed = np.zeros((M, 4), dtype=np.int64)
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
        for n in range(starts[i], starts[i + 1]):
            cells[quarter[n] - earliest, place[provider[n]]] = share[n]
        shares, ever, zeros, rest, given, ended = complete(cells, column, rounding[i])
        completed[i] = count - ever.sum(), zeros.sum(), given, ended
        K = shares.shape[1]
        first, last = -1, -1
        for t in range(len(shares) if K > 0 else 0):
            if not isnan(shares[t, 0]):
                first = t if first < 0 else first
                last = t
                quarters[i] += 1
        if quarters[i] < fewest:
            continue
        first = max(first, last + 1 - most_quarters)
        while isnan(shares[first, 0]):
            first += 1
        seen = shares[first : last + 1]
        basis = _contrasts(K)
        contrasts, observed, scale, inverse, logdet, printed, calm = ready_market(
            seen, basis, power, coefficients, dof, recent, resolution[i], small
        )
        _, weights, mean, cov, scales, after, _ = filter_grid(
            contrasts,
            observed,
            np.zeros(len(seen)),
            nodes,
            prior_weights,
            smallest,
            tables,
            dof,
            scale,
            inverse,
            logdet,
            shift,
            penalty,
        )
        for g in choose(weights, kept_weight, most):
            temper(scales[g], after[g], basis, printed, calm)
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
            quantile_levels,
            guesses,
            table,
            powers,
            widened_square,
            widened_product,
            kept_weight,
            most,
        )
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
    return quarters, origins, parts, members[:done], means[:rows], quantiles[:, :rows], completed
