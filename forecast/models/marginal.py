"""Means, medians and intervals of the model of record without simulation, for when no draw is asked for.

A coordinate u of the power transform is, under each node, a t variable times the lognormal factor that widens its path;
over the nodes it is a mixture, and its quantiles are found by solving the mixture's distribution function. A share is a
function of all coordinates. Its quantile is taken along the line on which the other coordinates follow their regression
on the share's own, with what they claim on average around it. The mean is a five-point Gauss-Hermite rule along the
same line, closed to sum to one. A test holds these numbers against draws.
"""

from functools import lru_cache
from math import exp, lgamma, log, pi, sqrt

import numba as nb
import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.models.kernel import STATES, copy_matrix, predict_cov, spread_of_parts

HEAVIEST = 2.5  # smallest degrees of freedom in the table
_SHAPES = 24  # rows of the table, even in 1 / degrees of freedom
_POINTS = 257  # columns, even in z / (1 + z): what is linear between them is off by less than 1e-5
_FINE = 16  # steps of integration a column
_PIECES = 128  # of a unit, in the table of powers
_LARGEST = 16.0  # end of that table


@lru_cache(maxsize=4)
def widened_t_table(mixture_sd: float, mixture_mean: float) -> FloatArray:
    """Distribution function of a t variable times exp(mixture_mean + mixture_sd * a standard normal).

    Returns:
        Shape (24, 257): row r is for 1 / degrees of freedom = r / 23 / 2.5, column c for z = x / (1 - x) with
        x = c / 256; the last column is one.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(21 if mixture_sd > 0.0 else 1)
    factors, weights = np.exp(mixture_mean + mixture_sd * nodes), weights / weights.sum()
    x = np.linspace(0.0, 1.0, (_POINTS - 1) * _FINE + 1)[:-1]
    z, slope = x / (1.0 - x), (1.0 - x) ** -2
    table = np.ones((_SHAPES, _POINTS))
    for r in range(_SHAPES):
        density = np.zeros_like(x)
        for factor, weight in zip(factors, weights, strict=True):
            y2 = (z / factor) ** 2
            if r == 0:
                density += weight / factor * np.exp(-0.5 * y2) / sqrt(2.0 * pi)
            else:
                nu = HEAVIEST * (_SHAPES - 1) / r
                constant = exp(lgamma(0.5 * (nu + 1)) - lgamma(0.5 * nu) - 0.5 * log(nu * pi))
                density += weight / factor * constant * (1.0 + y2 / nu) ** (-0.5 * (nu + 1))
        area = density * slope
        # Trapezoids; the last step, to infinity, gets what is missing to one.
        total = np.concatenate([[0.0], np.cumsum(0.5 * (area[1:] + area[:-1]))]) / (len(x))
        table[r, :-1] = 0.5 + total[::_FINE][: _POINTS - 1]
    return np.minimum(table, 1.0)


@lru_cache(maxsize=4)
def widening_tables(mixture_sd: float, mixture_mean: float) -> FloatArray:
    """Shape (2, 24, 257): the table of the widened t, and of the t with the constant factor of the same mean square."""
    constant = mixture_sd**2 + mixture_mean
    return np.stack([widened_t_table(mixture_sd, mixture_mean), widened_t_table(0.0, constant)])


@nb.njit(cache=True, nogil=True, error_model="numpy")
def table_row(table: FloatArray, dof: float, row: FloatArray) -> None:
    """Fill `row`, shape (257,), with the table at so many degrees of freedom."""
    at = min(HEAVIEST / dof, 1.0) * (_SHAPES - 1)
    r = min(int(at), _SHAPES - 2)
    for c in range(_POINTS):
        row[c] = (1.0 - (at - r)) * table[r, c] + (at - r) * table[r + 1, c]


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def distribution(row: FloatArray, z: float) -> tuple[float, float]:
    """Distribution function and density at z, of a row of the table."""
    a = abs(z)
    y = 1.0 / (1.0 + a)
    at = a * y * (_POINTS - 1)
    c = min(int(at), _POINTS - 2)
    low = row[c]
    step = row[c + 1] - low
    value = low + (at - c) * step
    return (value if z >= 0.0 else 1.0 - value), step * (_POINTS - 1) * y * y


@nb.njit(cache=True, nogil=True, error_model="numpy")
def choose(weights: FloatArray, share: float, most: int) -> npt.NDArray[np.int64]:
    """The heaviest components that together hold `share` of the weight, `most` at the most."""
    order = np.zeros(min(most, len(weights)), dtype=np.int64)
    taken = np.zeros(len(weights), dtype=np.bool_)
    total, n = 0.0, 0
    while n < len(order) and total < share:
        best = -1
        for c in range(len(weights)):
            if not taken[c] and (best < 0 or weights[c] > weights[best]):
                best = c
        taken[best] = True
        order[n] = best
        total += weights[best]
        n += 1
    return order[:n]


@lru_cache(maxsize=4)
def powers_table(power: float) -> FloatArray:
    """Pieces of x ** (1 / power): the inverse of the power transform, up to closure, in place of a slow power.

    Returns:
        Shape (2048, 3): row r has the coefficients of the parabola through three points of r / 128 to (r + 1) / 128,
        in the distance from its lower end.
    """
    width = 1.0 / _PIECES
    low = np.arange(_LARGEST * _PIECES) * width
    first, middle, last = ((low + part * width) ** (1.0 / power) for part in (0.0, 0.5, 1.0))
    second = 2.0 * (first - 2.0 * middle + last) / width**2
    return np.stack([first, (last - first) / width - second * width, second], axis=1)


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _raised(base: float, powers: FloatArray, power: float) -> float:
    """max(base, 0) ** (1 / power)."""
    if base <= 0.0:
        return 0.0
    if base >= _LARGEST:
        return base ** (1.0 / power)  # type: ignore[no-any-return]  # a number once compiled
    at = int(base * _PIECES)
    beyond = base - at * (1.0 / _PIECES)
    return powers[at, 0] + beyond * (powers[at, 1] + beyond * powers[at, 2])  # type: ignore[no-any-return]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def summarise_mixture(
    nodes: FloatArray,
    weights: FloatArray,
    mean: FloatArray,
    cov: FloatArray,
    scale: FloatArray,
    dof: FloatArray,
    basis: FloatArray,
    power: float,
    horizon: int,
    levels: FloatArray,
    guesses: FloatArray,
    table: FloatArray,
    powers: FloatArray,
    widened_square: float,
    widened_product: float,
    kept_weight: float,
    most: int,
) -> tuple[FloatArray, FloatArray]:
    """Means and quantiles of the shares.

    Args:
        nodes: Shape (C, 8), the grid's row of each component.
        weights: Shape (C,), summing to one.
        mean: Shape (C, 5, D), states at the origin.
        cov: Shape (C, 5, 5), their covariance relative to S.
        scale: Shape (C, D, D), posterior scale matrix of S.
        dof: Shape (C,), posterior degrees of freedom.
        basis: Shape (K, D), contrasts.
        power: Of the transform, above zero.
        horizon: H.
        levels: Shape (Q,), quantile levels in (0, 1), ascending.
        guesses: Shape (Q,), standard normal quantiles of them.
        table: As `widening_tables` gives it.
        powers: As `powers_table` gives it.
        widened_square: Mean square of the factor that widens the path of a part.
        widened_product: Mean product of the factors of two parts, which are independent.
        kept_weight: Share of the weight whose components are kept.
        most: Components at the most.

    Returns:
        Means (H, K), summing to one, and quantiles (Q, H, K), ascending.
    """
    K, D = basis.shape
    Q = len(levels)
    chosen = choose(weights, kept_weight, most)
    C = len(chosen)
    means = np.zeros((horizon, K))
    quantiles = np.zeros((Q, horizon, K))
    w = np.zeros(C)
    spread = np.zeros((C, K, K))  # covariance of the coordinates relative to the time variance, times dof
    m = np.zeros((C, STATES, D))
    P = np.zeros((C, STATES, STATES))
    shape = np.zeros((C, 2, _POINTS))
    scaled = np.zeros(C)
    total = 0.0
    half = np.zeros((K, D))
    for c in range(C):
        i = chosen[c]
        w[c] = weights[i]
        total += w[c]
        copy_matrix(mean[i], m[c])
        copy_matrix(cov[i], P[c])
        table_row(table[0], dof[i], shape[c, 0])
        table_row(table[1], dof[i], shape[c, 1])
        spread_of_parts(scale[i], basis, half, spread[c])
    for c in range(C):
        w[c] /= total
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
    start = np.zeros((K, Q))
    for k in range(K):
        for q in range(Q):
            start[k, q] = guesses[q]
    close = np.array([0.02 * min(level, 1.0 - level) for level in levels])
    hermite = np.array([-2.8569700138728056, -1.3556261799742659, 0.0, 1.3556261799742659, 2.8569700138728056])
    hermite_weights = np.array(
        [0.011257411327720691, 0.22207592200561266, 8.0 / 15.0, 0.22207592200561266, 0.011257411327720691]
    )
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
                m[c, 0, d] += phi * m[c, 1, d]
                m[c, 1, d] *= phi
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
            # Second moment of the widened t; where it has none, that of the heaviest tail of the table.
            f = w[c] * variance[c] * widened_square / max(dof[chosen[c]] - 2.0, HEAVIEST - 2.0)
            for k in range(K):
                away = centre[c, k] - middle[k]
                for j in range(k):
                    joint[k, j] += apart * f * spread[c, k, j] + w[c] * away * (centre[c, j] - middle[j])
                joint[k, k] += f * spread[c, k, k] + w[c] * away * away
        sum_of_parts = 0.0
        for k in range(K):
            part[k] = _raised(1.0 + power * middle[k], powers, power)
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
        for k in range(K):
            sd = max(sqrt(joint[k, k]), 1e-12)
            per_variance = 1.0 / (sd * sd)
            for j in range(K):
                slope[j] = joint[j, k] * per_variance
                # Standard deviation times the root of three, the outer point of a three-point rule.
                rest[j] = sqrt(max(3.0 * (joint[j, j] - slope[j] * joint[j, k]), 0.0))
            more, peaked = 1.0, 1.0
            if pull[k] > 0.0:
                # Close to the middle, the share moves with own * u_k - the sum of pull_j * u_j of the others.
                own = 1.0 / (1.0 + power * middle[k]) - pull[k]
                total = 1.0 / (1.0 + power * middle[k])
                along = total * joint[k, k] - pulled[k]
                whole = total * (total * joint[k, k] - 2.0 * pulled[k]) + pulled_twice
                # How much further it moves than along the line, since others move it too.
                if along > 1e-6 * sd:
                    more = min(max(sqrt(max(whole, 0.0)) * sd / along, 1.0), 2.0)
                # A sum of parts that are widened each by a factor of its own is less peaked than one of them.
                instead, before = own * own * joint[k, k], pull[k] * pull[k] * joint[k, k]
                sum_of_all = alone + instead - before
                if sum_of_all > 1e-12:
                    peaked = (alone_squared + instead * instead - before * before) / (sum_of_all * sum_of_all)
            for g in range(5):
                away = more * sd * hermite[g]
                means[h, k] += hermite_weights[g] * _share(k, away, middle, slope, rest, powers, power)
            for c in range(C):
                scaled[c] = 1.0 / max(sqrt(variance[c] * spread[c, k, k] / dof[chosen[c]]), 1e-14)
            for q in range(Q):
                x = middle[k] + sd * start[k, q]
                low, high = middle[k] - 60.0 * sd, middle[k] + 60.0 * sd
                for _ in range(40):
                    value = 0.0
                    density = 0.0
                    for c in range(C):
                        z = (x - centre[c, k]) * scaled[c]
                        inside, height = distribution(shape[c, 0], z)
                        value += w[c] * peaked * inside
                        density += w[c] * peaked * height * scaled[c]
                        inside, height = distribution(shape[c, 1], z)
                        value += w[c] * (1.0 - peaked) * inside
                        density += w[c] * (1.0 - peaked) * height * scaled[c]
                    miss = value - levels[q]
                    if miss > 0.0:
                        high = x
                    else:
                        low = x
                    if abs(miss) < close[q]:
                        x -= miss / max(density, 1e-9)  # the last correction costs nothing, and squares the miss
                        break
                    x -= miss / max(density, 1e-9)
                    if not low < x < high:
                        x = 0.5 * (low + high)
                start[k, q] = (x - middle[k]) / sd  # the next quarter's distribution has much the same shape
                quantiles[q, h, k] = _share(k, more * (x - middle[k]), middle, slope, rest, powers, power)
            # Along the line a share can turn back where the others vanish; intervals nest all the same.
            for q in range(1, Q):
                quantiles[q, h, k] = max(quantiles[q, h, k], quantiles[q - 1, h, k])
        acc = 0.0
        for k in range(K):
            acc += means[h, k]
        for k in range(K):
            means[h, k] /= acc
    return means, quantiles


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _share(
    k: int,
    away: float,
    middle: FloatArray,
    slope: FloatArray,
    rest: FloatArray,
    powers: FloatArray,
    power: float,
) -> float:
    """Share k where its coordinate is `away` from its middle and the others spread around their regression on it."""
    own = _raised(1.0 + power * (middle[k] + away), powers, power)
    total = own
    curve = (1.0 / power - 1.0) / (6.0 * power)  # half the second derivative, over three as `rest` is widened
    for j in range(len(middle)):
        if j != k:
            base = 1.0 + power * (middle[j] + slope[j] * away)
            wide = power * rest[j]
            part = _raised(base, powers, power)
            # What others claim on average is more than at their mean: the inverse is convex and cut at zero.
            if wide < base:
                part *= 1.0 + curve * (wide / base) ** 2
            elif wide > 0.0:
                part = (4.0 * part + _raised(base - wide, powers, power) + _raised(base + wide, powers, power)) / 6.0
            total += part
    return own / total if total > 0.0 else 1.0
