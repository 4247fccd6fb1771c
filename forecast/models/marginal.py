"""Means and quantiles of the mixture of both members, compiled for many markets.

The plain form, which says what is computed and why, is `forecast.models.predictive` for the first member,
`forecast.models.smoothing` for the second and `forecast.models.pool` for the two together. The searches for a quantile
take the same steps here as there, so that both forms agree to the rounding of sums.
"""

from math import sqrt

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.compiling import compiled
from forecast.models import smoothing
from forecast.models.kernel import STATES, copy_matrix, lean, predict_cov, spread_of_parts
from forecast.models.pool import CLOSE, FURTHEST, MOST_STEPS
from forecast.models.predictive import KEPT_WEIGHT, MOST_COMPONENTS
from forecast.models.tables import HEAVIEST, HERMITE, HERMITE_WEIGHTS, LARGEST, PIECES, POINTS, SHAPES

_ALPHAS, _KAPPAS = smoothing.ALPHAS, smoothing.KAPPAS
_FADING, _ROUNDING = smoothing.FADING, smoothing.ROUNDING
_SEASON_WEIGHT, _SEASON_DEGREES = smoothing.SEASON_WEIGHT, smoothing.SEASON_DEGREES
_FEWEST_WITH_SEASON = smoothing.FEWEST_WITH_SEASON


@compiled
def choose(weights: FloatArray) -> npt.NDArray[np.int64]:
    """The components that matter, as `forecast.models.predictive.components_of`."""
    order = np.zeros(min(MOST_COMPONENTS, len(weights)), dtype=np.int64)
    taken = np.zeros(len(weights), dtype=np.bool_)
    total, n = 0.0, 0
    while n < len(order) and total < KEPT_WEIGHT:
        best = -1
        for c in range(len(weights)):
            if not taken[c] and (best < 0 or weights[c] > weights[best]):
                best = c
        taken[best] = True
        order[n] = best
        total += weights[best]
        n += 1
    return order[:n]


@compiled
def smooth_parts(
    filled: FloatArray,
    observed: npt.NDArray[np.bool_],
    usual: FloatArray,
    power: float,
    resolution: float,
    horizon: int,
) -> tuple[FloatArray, FloatArray]:
    """As `forecast.models.smoothing.smooth`: location and spread of each share ** power, both (H, K).

    Args:
        filled: Shape (T, K), shares without gaps.
        observed: Shape (T,), quarters that were observed.
        usual: Shape (K,), the usual composition.
        power: Of the transform.
        resolution: Half a unit of the printed precision, fraction.
        horizon: H.
    """
    T, K = filled.shape
    A, B = len(_ALPHAS), len(_KAPPAS)
    seasons = 2 if T >= _FEWEST_WITH_SEASON else 1
    location = np.zeros((horizon, K))
    spread = np.zeros((horizon, K))
    z = np.zeros(T)
    level = np.zeros(T)
    index = np.zeros(4)
    counted = np.zeros(4)
    fading = np.zeros(T)
    count = 0.0
    faded = 1.0
    for t in range(T - 1, 0, -1):
        if observed[t]:
            fading[t] = faded
            count += faded
        faded *= _FADING
    reached = np.zeros((A, T + 1))  # (1 - (1 - alpha) ** t) / alpha
    for i in range(A):
        for t in range(T):
            reached[i, t + 1] = 1.0 + (1.0 - _ALPHAS[i]) * reached[i, t]
    squares = np.zeros((2, B, A))
    weights = np.zeros((2, B, A))
    last = np.zeros((2, A))
    drift = np.zeros(2)
    time_squares = 0.0
    for t in range(T):
        time_squares += (t - 0.5 * (T - 1)) ** 2
    for k in range(K):
        for t in range(T):
            p = filled[t, k]
            z[t] = sqrt(p * sqrt(p)) if power == 0.75 else p**power
        slope = power * usual[k] ** (power - 1.0)
        for s in range(seasons):
            for p in range(4):
                index[p] = 0.0
                counted[p] = 0.0
            if s == 1:
                for t in range(2, T - 2):
                    p = (t - T) % 4
                    around = 0.5 * z[t - 2] + z[t - 1] + z[t] + z[t + 1] + 0.5 * z[t + 2]
                    index[p] += z[t] - around / 4.0
                    counted[p] += 1.0
                middle = 0.0
                for p in range(4):
                    index[p] /= counted[p]
                    middle += index[p] / 4.0
                for p in range(4):
                    index[p] -= middle
            drift[s] = 0.0
            for t in range(T):
                level[t] = z[t] - index[(t - T) % 4]
                drift[s] += level[t] * (t - 0.5 * (T - 1))
            drift[s] /= max(time_squares, 1.0)
            for i in range(A):
                smoothed = level[0]
                for j in range(B):
                    squares[s, j, i] = count * (_ROUNDING * resolution * slope) ** 2
                for t in range(1, T):
                    error = level[t] - smoothed
                    ahead = reached[i, t] * drift[s]
                    for j in range(B):
                        squares[s, j, i] += fading[t] * (error - _KAPPAS[j] * ahead) ** 2
                    smoothed += _ALPHAS[i] * error
                last[s, i] = smoothed
        smallest = np.inf
        for s in range(seasons):
            for j in range(B):
                for i in range(A):
                    smallest = min(smallest, squares[s, j, i])
        total = 0.0
        for s in range(seasons):
            for j in range(B):
                for i in range(A):
                    weights[s, j, i] = (squares[s, j, i] / max(smallest, 1e-300)) ** (-0.5 * count)
                    if s == 1:
                        weights[s, j, i] *= _SEASON_WEIGHT
                    total += weights[s, j, i]
        for h in range(horizon):
            mean = 0.0
            for s in range(seasons):
                season = index[h % 4] if s == 1 else 0.0
                for j in range(B):
                    for i in range(A):
                        one = last[s, i] + _KAPPAS[j] * (h + reached[i, T]) * drift[s] + season
                        mean += weights[s, j, i] / total * one
            variance = 0.0
            for s in range(seasons):
                season = index[h % 4] if s == 1 else 0.0
                degrees = max(count - 2.0 - (_SEASON_DEGREES if s == 1 else 0.0), 1.0)
                for j in range(B):
                    for i in range(A):
                        one = last[s, i] + _KAPPAS[j] * (h + reached[i, T]) * drift[s] + season
                        own = squares[s, j, i] / degrees * (1.0 + h * _ALPHAS[i] ** 2)
                        variance += weights[s, j, i] / total * (own + (one - mean) ** 2)
            location[h, k] = mean
            spread[h, k] = sqrt(variance)
    for h in range(horizon):
        medians = 0.0
        for k in range(K):
            medians += min(max(location[h, k], 0.0) ** (1.0 / power), 1.0)
        unit = max(medians, 1e-9) ** power
        for k in range(K):
            location[h, k] /= unit
            spread[h, k] = max(spread[h, k] * sqrt(0.5) / unit, 1e-9)
    return location, spread


@lean
def _t4(t: float) -> tuple[float, float]:
    """As `forecast.models.smoothing.t4_distribution`."""
    inverse = 1.0 / (1.0 + 0.25 * t * t)
    root = sqrt(inverse)
    return 0.5 + 0.375 * t * root * (1.0 - t * t * inverse / 12.0), 0.375 * inverse * inverse * root


@lean
def _distribution(row: FloatArray, z: float) -> tuple[float, float]:
    """Distribution function and density at z, of a row of the table."""
    far = abs(z)
    inverse = 1.0 / (1.0 + far)
    at = far * inverse * (POINTS - 1)
    column = min(int(at), POINTS - 2)
    low = row[column]
    step = row[column + 1] - low
    value = low + (at - column) * step
    return (value if z >= 0.0 else 1.0 - value), step * (POINTS - 1) * inverse * inverse


@lean
def _raised(base: float, powers: FloatArray, power: float) -> tuple[float, float]:
    """As `forecast.models.predictive.raised`."""
    if base <= 0.0:
        return 0.0, 0.0
    if base >= LARGEST:
        return base ** (1.0 / power), base ** (1.0 / power - 1.0) / power
    at = int(base * PIECES)
    beyond = base - at * (1.0 / PIECES)
    second, third = powers[at, 1], powers[at, 2]
    return powers[at, 0] + beyond * (second + beyond * third), second + 2.0 * beyond * third


@lean
def _along(
    k: int,
    away: float,
    middle: FloatArray,
    slope: FloatArray,
    rest: FloatArray,
    powers: FloatArray,
    power: float,
) -> tuple[float, float, float]:
    """Share k, its coordinate `away` from its middle: its power 1 / a, that of all parts, and their slope in away."""
    mine, moving = _raised(1.0 + power * (middle[k] + away), powers, power)
    total = mine
    curve = (1.0 / power - 1.0) / (6.0 * power)
    for j in range(len(middle)):
        if j != k:
            base = 1.0 + power * (middle[j] + slope[j] * away)
            wide = power * rest[j]
            part, part_slope = _raised(base, powers, power)
            moving += slope[j] * part_slope
            if wide < base:
                part *= 1.0 + curve * (wide / base) ** 2
            elif wide > 0.0:
                below, above = _raised(base - wide, powers, power)[0], _raised(base + wide, powers, power)[0]
                part = (4.0 * part + below + above) / 6.0
            total += part
    return mine, total, power * moving


@lean
def _powered(
    k: int,
    away: float,
    further: float,
    middle: FloatArray,
    slope: FloatArray,
    rest: FloatArray,
    powers: FloatArray,
    power: float,
) -> tuple[float, float]:
    """Share k ** power, its coordinate `away` from its middle, and its slope; as `forecast.models.pool`."""
    _, total, moving = _along(k, away, middle, slope, rest, powers, power)
    divisor = sqrt(total * sqrt(total)) if power == 0.75 else total**power
    z = (1.0 + power * (middle[k] + away)) / divisor
    return z, power * further * (1.0 - z * divisor * moving / total) / divisor


@compiled
def summarise_mixture(
    nodes: FloatArray,
    weights: FloatArray,
    mean: FloatArray,
    cov: FloatArray,
    scale: FloatArray,
    dof: float,
    basis: FloatArray,
    power: float,
    horizon: int,
    location: FloatArray,
    spread_of_z: FloatArray,
    weight: float,
    levels: FloatArray,
    starts: FloatArray,
    residual: int,
    tables: FloatArray,
    powers: FloatArray,
    widened_square: float,
    widened_product: float,
) -> tuple[FloatArray, FloatArray]:
    """Means and quantiles of the shares, before their width and the rest of the market are seen to.

    Args:
        nodes: Shape (C, 6), the grid's row of each component.
        weights: Shape (C,), summing to one.
        mean: Shape (C, 5, D), states at the origin.
        cov: Shape (C, 5, 5), their covariance relative to S.
        scale: Shape (C, D, D), posterior scale matrix of S.
        dof: Posterior degrees of freedom.
        basis: Shape (K, D), contrasts.
        power: Of the transform, above zero.
        horizon: H.
        location: Shape (H, K), of the second member, as `smooth_parts` gives it.
        spread_of_z: Shape (H, K), likewise.
        weight: Of the second member.
        levels: Shape (Q,), quantile levels in (0, 1), ascending but for the last two, which are the residual part's.
        starts: Shape (Q,), as `forecast.models.pool.starting_points`.
        residual: The part of which the last two levels are wanted; -1: none.
        tables: As `widening_tables` gives them.
        powers: As `powers_table` gives it.
        widened_square: Mean square of the factor that widens the path of a part.
        widened_product: Mean product of the factors of two parts, which are independent.

    Returns:
        Means (H, K), summing to one, and quantiles (Q, H, K).
    """
    K, D = basis.shape
    Q = len(levels)
    chosen = choose(weights)
    C = len(chosen)
    means = np.zeros((horizon, K))
    quantiles = np.zeros((Q, horizon, K))
    w = np.zeros(C)
    spread = np.zeros((C, K, K))  # covariance of the coordinates relative to the time variance, times dof
    m = np.zeros((C, STATES, D))
    P = np.zeros((C, STATES, STATES))
    total = 0.0
    half = np.zeros((K, D))
    for c in range(C):
        i = chosen[c]
        w[c] = weights[i]
        total += w[c]
        copy_matrix(mean[i], m[c])
        copy_matrix(cov[i], P[c])
        spread_of_parts(scale[i], basis, half, spread[c])
    for c in range(C):
        w[c] /= total
    shapes = np.zeros((2, POINTS))
    row = min(HEAVIEST / dof, 1.0) * (SHAPES - 1)
    first = min(int(row), SHAPES - 2)
    for n in range(2):
        for c in range(POINTS):
            shapes[n, c] = (1.0 - row + first) * tables[n, first, c] + (row - first) * tables[n, first + 1, c]
    shape = np.zeros(POINTS)
    R = np.zeros((STATES, STATES))
    centre = np.zeros((C, K))
    variance = np.zeros(C)
    middle = np.zeros(K)
    joint = np.zeros((K, K))
    slope = np.zeros(K)
    rest = np.zeros(K)
    part = np.zeros(K)
    pull = np.zeros(K)
    pulled = np.zeros(K)
    scaled = np.zeros(C)
    smoothed = np.zeros(K)
    apart = widened_product / widened_square
    for h in range(horizon):
        for k in range(K):
            middle[k] = 0.0
            for j in range(K):
                joint[k, j] = 0.0
        for c in range(C):
            i = chosen[c]
            phi = nodes[i, 4]
            seasonal = nodes[i, 3] >= 0.0
            for d in range(D):
                m[c, 1, d] *= phi
                m[c, 0, d] += m[c, 1, d]
                if seasonal:
                    last = -(m[c, 2, d] + m[c, 3, d] + m[c, 4, d])
                    m[c, 4, d] = m[c, 3, d]
                    m[c, 3, d] = m[c, 2, d]
                    m[c, 2, d] = last
            predict_cov(P[c], R, phi, nodes[i, 1], nodes[i, 2], nodes[i, 3], seasonal)
            size = STATES if seasonal else 2
            for a in range(size):
                for b in range(size):
                    P[c, a, b] = R[a, b]
            variance[c] = P[c, 0, 0] + nodes[i, 0]
            if seasonal:
                variance[c] += 2.0 * P[c, 0, 2] + P[c, 2, 2]
            for k in range(K):
                acc = 0.0
                for d in range(D):
                    acc += basis[k, d] * (m[c, 0, d] + (m[c, 2, d] if seasonal else 0.0))
                centre[c, k] = acc
                middle[k] += w[c] * acc
        for c in range(C):
            f = w[c] * variance[c] * widened_square / max(dof - 2.0, HEAVIEST - 2.0)
            for k in range(K):
                away = centre[c, k] - middle[k]
                for j in range(k):
                    joint[k, j] += apart * f * spread[c, k, j] + w[c] * away * (centre[c, j] - middle[j])
                joint[k, k] += f * spread[c, k, k] + w[c] * away * away
        sum_of_parts = 0.0
        for k in range(K):
            part[k] = _raised(1.0 + power * middle[k], powers, power)[0]
            sum_of_parts += part[k]
            for j in range(k):
                joint[j, k] = joint[k, j]
        pulled_twice, alone, alone_squared = 0.0, 0.0, 0.0
        for k in range(K):
            base = 1.0 + power * middle[k]
            pull[k] = part[k] / (sum_of_parts * base) if base > 1e-3 else 0.0
            square = pull[k] * pull[k] * joint[k, k]
            alone += square
            alone_squared += square * square
        for k in range(K):
            acc = 0.0
            for j in range(K):
                acc += joint[k, j] * pull[j]
            pulled[k] = acc
            pulled_twice += acc * pull[k]
        sum_of_means, sum_of_smoothed = 0.0, 0.0
        for k in range(K):
            sd = max(sqrt(joint[k, k]), 1e-12)
            per_variance = 1.0 / (sd * sd)
            for j in range(K):
                slope[j] = joint[j, k] * per_variance
                rest[j] = sqrt(max(3.0 * (joint[j, j] - slope[j] * joint[j, k]), 0.0))
            more, peaked = 1.0, 1.0
            if pull[k] > 0.0:
                inverse = 1.0 / (1.0 + power * middle[k])
                own = inverse - pull[k]
                along = inverse * joint[k, k] - pulled[k]
                whole = inverse * (inverse * joint[k, k] - 2.0 * pulled[k]) + pulled_twice
                if along > 1e-6 * sd:
                    more = min(max(sqrt(max(whole, 0.0)) * sd / along, 1.0), 2.0)
                instead, before = own * own * joint[k, k], pull[k] * pull[k] * joint[k, k]
                every = alone + instead - before
                if every > 1e-12:
                    peaked = (alone_squared + instead * instead - before * before) / (every * every)
            for g in range(5):
                mine, total, _ = _along(k, more * sd * HERMITE[g], middle, slope, rest, powers, power)
                means[h, k] += HERMITE_WEIGHTS[g] * (mine / total if total > 0.0 else 1.0)
            sum_of_means += means[h, k]
            unit = spread_of_z[h, k]
            smoothed[k] = 0.0
            for g in range(5):
                z = max(location[h, k] + sqrt(2.0) * unit * HERMITE[g], 0.0)
                smoothed[k] += HERMITE_WEIGHTS[g] * min(z ** (1.0 / power), 1.0)
            sum_of_smoothed += smoothed[k]
            for c in range(C):
                scaled[c] = 1.0 / max(sqrt(variance[c] * spread[c, k, k] / dof), 1e-14)
            for c in range(POINTS):
                shape[c] = peaked * shapes[0, c] + (1.0 - peaked) * shapes[1, c]
            z, slope_of_z = _powered(k, 0.0, more, middle, slope, rest, powers, power)
            slope_of_z = max(slope_of_z, unit / (FURTHEST * sd))
            from_middle = (location[h, k] - z) / slope_of_z
            variance_of_x = (1.0 - weight) * sd * sd
            variance_of_x += weight * (2.0 * (unit / slope_of_z) ** 2 + (1.0 - weight) * from_middle * from_middle)
            start = middle[k] + min(max(weight * from_middle, -FURTHEST * sd), FURTHEST * sd)
            sd_of_x = min(max(sqrt(variance_of_x), sd / FURTHEST), FURTHEST * sd)
            for q in range(Q if k == residual else Q - 2):
                x = start + sd_of_x * starts[q]
                low, high = middle[k] - 60.0 * sd, middle[k] + 60.0 * sd
                enough = CLOSE * min(levels[q], 1.0 - levels[q])
                found = 0.0
                for _ in range(MOST_STEPS):
                    value, density = 0.0, 0.0
                    for c in range(C):
                        inside, height = _distribution(shape, (x - centre[c, k]) * scaled[c])
                        value += w[c] * inside
                        density += w[c] * height * scaled[c]
                    z, slope_of_z = _powered(k, more * (x - middle[k]), more, middle, slope, rest, powers, power)
                    inside, height = _t4((z - location[h, k]) / unit)
                    value = (1.0 - weight) * value + weight * inside
                    density = (1.0 - weight) * density + weight * height * max(slope_of_z, 0.0) / unit
                    miss = value - levels[q]
                    if miss > 0.0:
                        high = x
                    else:
                        low = x
                    close = abs(miss) < enough
                    moved = x - miss / max(density, 1e-9)
                    if not close and not low < moved < high:
                        moved = 0.5 * (low + high)
                    found = z + slope_of_z * (moved - x)
                    x = moved
                    if close:
                        break
                quantiles[q, h, k] = min(_raised(found, powers, power)[0], 1.0)
        both = 0.0
        for k in range(K):
            means[h, k] = (1.0 - weight) * means[h, k] / sum_of_means
            means[h, k] += weight * smoothed[k] / max(sum_of_smoothed, 1e-300)
            both += means[h, k]
        for k in range(K):
            means[h, k] /= both
    return means, quantiles
