"""The filter of the first member, compiled for many markets; `forecast.models.dlm` is its plain form.

Here quarters without gaps, breaks and events take their covariances from tables, and nodes that differ by what is an
event share their work.
"""

from math import exp, lgamma, log, pi, sqrt

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.compiling import Function, compiled

STATES = 5  # level, slope, and three seasonal states

# Numbers are moved one by one: `target[:] = source` and LAPACK cost seconds of compilation, for the text of errors that
# cannot arise here, and every new installation compiles once.

_CONTRACT = {"contract", "nsz"}  # products and sums in one step, zeros without a sign


def lean(function: Function) -> Function:
    """Compile a function that makes no array.

    Without this, references to the arrays it is given are counted at every call, atomically, which took nearly half of
    the time of a batch.

    Source:
        numba issues 2345 and 2350.
    """
    return compiled(function, fastmath=_CONTRACT, _nrt=False)  # `_nrt` is not documented


def _contracted(function: Function) -> Function:
    return compiled(function, fastmath=_CONTRACT)


@lean
def copy_matrix(source: FloatArray, target: FloatArray) -> None:
    """Copy a matrix of the same shape."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@lean
def predict_cov(
    P: FloatArray, R: FloatArray, phi: float, w_level: float, w_slope: float, w_season: float, seasonal: bool
) -> None:
    """R = G P G' + W for the block transition: damped trend above, dummy seasonal below."""
    p00, p01, p11 = P[0, 0], P[0, 1], P[1, 1]
    R[0, 0] = p00 + 2.0 * phi * p01 + phi * phi * p11 + w_level
    R[0, 1] = phi * p01 + phi * phi * p11
    R[1, 1] = phi * phi * p11 + w_slope
    R[1, 0] = R[0, 1]
    if seasonal:
        # New seasonal state = -(s1 + s2 + s3); the others shift down by one.
        for i in range(2):
            total = P[i, 2] + P[i, 3] + P[i, 4]
            second = P[i, 2]
            third = P[i, 3]
            if i == 0:
                slope_total = P[1, 2] + P[1, 3] + P[1, 4]
                R[0, 2] = -(total + phi * slope_total)
                R[0, 3] = second + phi * P[1, 2]
                R[0, 4] = third + phi * P[1, 3]
            else:
                R[1, 2] = -phi * total
                R[1, 3] = phi * second
                R[1, 4] = phi * third
        r2 = P[2, 2] + P[2, 3] + P[2, 4]
        r3 = P[3, 2] + P[3, 3] + P[3, 4]
        r4 = P[4, 2] + P[4, 3] + P[4, 4]
        R[2, 2] = r2 + r3 + r4 + w_season
        R[2, 3] = -r2
        R[2, 4] = -r3
        R[3, 3] = P[2, 2]
        R[3, 4] = P[2, 3]
        R[4, 4] = P[3, 3]
        for i in range(STATES):
            for j in range(max(i + 1, 2), STATES):
                R[j, i] = R[i, j]


@compiled
def ready_market(
    shares: FloatArray,
    basis: FloatArray,
    power: float,
    step: float,
    step_power: float,
    dof: float,
    recent: int,
    resolution: float,
    rounding: float,
) -> tuple[FloatArray, npt.NDArray[np.bool_], FloatArray, FloatArray, FloatArray, float, FloatArray]:
    """What both members need of a market: as `forecast.models.dlm.contrasts_of` and two methods of `Prior`.

    Args:
        shares: Shape (T, K), each row a composition or all NaN; at least one is observed.
        basis: Shape (K, K - 1), contrasts.
        power: Of the transform, above zero.
        step: As `Prior.step`.
        step_power: As `Prior.step_power`.
        dof: Degrees of freedom of the prior of S.
        recent: Observed quarters whose mean composition sets the prior scale.
        resolution: Smallest share that this mean may have, fraction; half a unit of the printed precision.
        rounding: As `Prior.rounding`.

    Returns:
        Contrasts (T, K - 1), zero where unobserved; observed (T,); the usual composition (K,); prior scale matrix of S
        (K - 1, K - 1), its inverse and the logarithm of its determinant; and the variance that rounding leaves in each
        coordinate (K,).
    """
    T, K = shares.shape
    D = K - 1
    contrasts = np.zeros((T, D))
    observed = np.zeros(T, dtype=np.bool_)
    usual = np.zeros(K)
    raised = np.zeros(K)
    seen = 0
    for t in range(T - 1, -1, -1):
        total = 0.0
        for k in range(K):
            raised[k] = sqrt(shares[t, k] * sqrt(shares[t, k])) if power == 0.75 else shares[t, k] ** power
            total += raised[k]
        if not total < np.inf:
            continue
        observed[t] = True
        for d in range(D):
            acc = 0.0
            for k in range(K):
                acc += raised[k] * basis[k, d]
            contrasts[t, d] = acc * K / (power * total)
        if seen < recent:
            seen += 1
            for k in range(K):
                usual[k] += shares[t, k]
    total = 0.0
    for k in range(K):
        usual[k] = max(usual[k] / seen, resolution)
        total += usual[k]
    sum_of_powers = 0.0
    for k in range(K):
        usual[k] /= total
        sum_of_powers += usual[k] ** power
    printed = np.zeros(K)
    for k in range(K):
        slope = K * usual[k] ** (power - 1.0) / sum_of_powers  # of the coordinate in the share
        raised[k] = dof * (step * usual[k] ** step_power * slope) ** 2
        printed[k] = rounding * (resolution * slope) ** 2 / 3.0
    scale = np.zeros((D, D))
    root = np.zeros((D, D))  # lower triangular, then its inverse
    logdet = 0.0
    for i in range(D):
        for j in range(i + 1):
            acc = 0.0
            for k in range(K):
                acc += basis[k, i] * raised[k] * basis[k, j]
            scale[i, j] = acc
            scale[j, i] = acc
            for k in range(j):
                acc -= root[i, k] * root[j, k]
            root[i, j] = sqrt(acc) if i == j else acc / root[j, j]
        logdet += 2.0 * log(root[i, i])
    for j in range(D):
        root[j, j] = 1.0 / root[j, j]
        for i in range(j + 1, D):
            acc = 0.0
            for k in range(j, i):
                acc -= root[i, k] * root[k, j]
            root[i, j] = acc / root[i, i]
    inverse = np.zeros((D, D))
    for i in range(D):
        for j in range(D):
            acc = 0.0
            for k in range(max(i, j), D):
                acc += root[k, i] * root[k, j]
            inverse[i, j] = acc
    return contrasts, observed, usual, scale, inverse, logdet, printed


@lean
def spread_of_parts(scale: FloatArray, basis: FloatArray, half: FloatArray, spread: FloatArray) -> None:
    """Take a matrix between contrasts to one between coordinates: ``basis @ scale @ basis.T``.

    Args:
        scale: Shape (D, D), symmetric.
        basis: Shape (K, D), contrasts.
        half: Shape (K, D), for what stands in between.
        spread: Shape (K, K), the answer.
    """
    K, D = basis.shape
    for k in range(K):
        for d in range(D):
            acc = 0.0
            for b in range(D):
                acc += basis[k, b] * scale[b, d]
            half[k, d] = acc
    for k in range(K):
        for j in range(k + 1):
            acc = 0.0
            for d in range(D):
                acc += half[k, d] * basis[j, d]
            spread[k, j] = acc
            spread[j, k] = acc


@compiled
def add_rounding(scale: FloatArray, dof: float, basis: FloatArray, printed: FloatArray) -> None:
    """As `forecast.models.dlm.with_rounding`, of one scale matrix, in place.

    Args:
        scale: Shape (D, D).
        dof: Its degrees of freedom.
        basis: Shape (K, D), contrasts.
        printed: Shape (K,), variance that rounding leaves in each coordinate.
    """
    K, D = basis.shape
    half = np.zeros((K, D))
    spread = np.zeros((K, K))
    factor = np.zeros(K)
    spread_of_parts(scale, basis, half, spread)
    for k in range(K):
        factor[k] = sqrt(1.0 + printed[k] * max(dof, 1.0) / max(spread[k, k], 1e-12))
    for k in range(K):
        for d in range(D):
            acc = 0.0
            for j in range(K):
                acc += spread[k, j] * factor[j] * basis[j, d]
            half[k, d] = acc * factor[k]
    for d in range(D):
        for b in range(d + 1):
            acc = 0.0
            for k in range(K):
                acc += basis[k, b] * half[k, d]
            scale[d, b] = acc
            scale[b, d] = acc


@compiled
def gain_tables(states: FloatArray, initial_variance: FloatArray, T: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Run the covariance recursion of T quarters without gaps, breaks or events, which no data enters.

    Args:
        states: Shape (U, 5): variances of noise, level, slope and season, and the damping.
        initial_variance: Shape (3,): variances of the first level, slope and seasonal states.
        T: Quarters.

    Returns:
        Innovation variances (U, T), gains (U, T, 5), state covariances after each quarter (U, T, 5, 5); relative to S.
    """
    U = states.shape[0]
    variances = np.zeros((U, T))
    gains = np.zeros((U, T, STATES))
    after = np.zeros((U, T, STATES, STATES))
    for u in range(U):
        seasonal = states[u, 3] >= 0.0
        P = np.zeros((STATES, STATES))
        P[0, 0] = initial_variance[0]
        P[1, 1] = initial_variance[1]
        if seasonal:
            # Dummy seasonals of four quarters summing to zero: covariance proportional to I - 1/4.
            for i in range(2, STATES):
                for j in range(2, STATES):
                    P[i, j] = initial_variance[2] * ((1.0 if i == j else 0.0) - 0.25)
        R = np.zeros((STATES, STATES))
        for t in range(T):
            if t > 0:
                predict_cov(P, R, states[u, 4], states[u, 1], states[u, 2], states[u, 3], seasonal)
                copy_matrix(R, P)
            variances[u, t] = _update(P, gains[u, t], states[u, 0], 0.0, seasonal)
            copy_matrix(P, after[u, t])
    return variances, gains, after


@lean
def _innovation_variance(P: FloatArray, noise: float, seasonal: bool) -> float:
    if seasonal:
        return P[0, 0] + 2.0 * P[0, 2] + P[2, 2] + noise  # type: ignore[no-any-return]  # a number once compiled
    return P[0, 0] + noise  # type: ignore[no-any-return]


@lean
def _update(P: FloatArray, gain: FloatArray, noise: float, more_noise: float, seasonal: bool) -> float:
    """Take in one quarter: fill `gain`, reduce P, return the innovation variance."""
    size = STATES if seasonal else 2
    q = _innovation_variance(P, noise, seasonal) + more_noise
    for i in range(size):
        gain[i] = (P[i, 0] + (P[i, 2] if seasonal else 0.0)) / q
    for i in range(size):
        for j in range(size):
            P[i, j] -= gain[i] * gain[j] * q
    return q


@lean
def _but_for_events(one: FloatArray, other: FloatArray) -> bool:
    for i in range(len(one)):  # noqa: SIM110  (a generator is not compiled)
        if i != 5 and one[i] != other[i]:
            return False
    return True


@_contracted
def filter_grid(
    Y: FloatArray,
    observed: npt.NDArray[np.bool_],
    jump: FloatArray,
    nodes: FloatArray,
    discount: float,
    smallest: float,
    tables: tuple[npt.NDArray[np.int64], FloatArray, FloatArray, FloatArray],
    dof: float,
    scale: FloatArray,
    inverse_scale: FloatArray,
    logdet_scale: float,
    shift: float,
    penalty: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, float, npt.NDArray[np.int64]]:
    """Filter one market under every node of the grid.

    Args:
        Y: Shape (T, D), contrasts; rows where `observed` is False are not read. The first row is observed.
        observed: Shape (T,), bool.
        jump: Shape (T,), variance relative to S added to the level of a quarter where a declared break lets it move.
        nodes: Shape (G, 6), as `forecast.models.dlm.filter_contrasts` takes them. Neighbours that are equal but for a
            rising threshold share work.
        discount: In (0, 1], by which what is known of S fades from one observed quarter to the next.
        smallest: Posterior probability below which a node's scale matrix is left zero.
        tables: For each node its row in the tables (G,), and what `gain_tables` gives for at least T quarters.
        dof: Degrees of freedom of the inverse-Wishart prior of S (Dawid's delta), above 0.
        scale: Shape (D, D), scale matrix of that prior.
        inverse_scale: Shape (D, D), its inverse.
        logdet_scale: Logarithm of its determinant.
        shift: Part of an event's excess variance that goes into the level, in [0, 1].
        penalty: Log-likelihood paid per event.

    Returns:
        log-likelihoods (G,), posterior weights (G,), state means (G, 5, D), state covariances relative to S (G, 5, 5),
        posterior scale matrices (G, D, D), posterior degrees of freedom, number of events (G,).
    """
    T, D = Y.shape
    G = nodes.shape[0]
    rows, variances, gains, covariances = tables
    loglik = np.zeros(G)
    mean = np.zeros((G, STATES, D))
    cov = np.zeros((G, STATES, STATES))
    scales = np.zeros((G, D, D))
    events = np.zeros(G, dtype=np.int64)
    count = 0
    for t in range(T):
        if observed[t]:
            count += 1
    degrees = np.zeros(count + 1)
    constants = np.zeros(count + 1)
    degrees[0] = dof
    for n in range(count):
        constants[n] = lgamma(0.5 * (degrees[n] + D)) - lgamma(0.5 * degrees[n]) - 0.5 * D * log(pi)
        degrees[n + 1] = (degrees[n] + 1.0) * (discount if n + 1 < count else 1.0)
    log_discount = D * log(discount)
    R = np.zeros((STATES, STATES))
    P = np.zeros((STATES, STATES))
    gain = np.zeros(STATES)
    inverse = np.zeros((D, D))
    e = np.zeros(D)
    x = np.zeros(D)
    whitened = np.zeros((G, count, D))  # innovations over the root of their variance: S is built of them when needed
    for g in range(G):
        v, w_level, w_slope, w_season, phi = nodes[g, 0], nodes[g, 1], nodes[g, 2], nodes[g, 3], nodes[g, 4]
        threshold = nodes[g, 5]
        if g > 0 and events[g - 1] == 0 and threshold >= nodes[g - 1, 5] and _but_for_events(nodes[g - 1], nodes[g]):
            # No event at a lower threshold: nothing differs.
            loglik[g] = loglik[g - 1]
            copy_matrix(mean[g - 1], mean[g])
            copy_matrix(cov[g - 1], cov[g])
            copy_matrix(whitened[g - 1], whitened[g])
            continue
        seasonal = w_season >= 0.0
        size = STATES if seasonal else 2
        row = rows[g]
        m = mean[g]
        copy_matrix(inverse_scale, inverse)
        factor = 1.0  # S^-1 = factor * inverse, so that fading costs one multiplication
        logdet = logdet_scale
        total = 0.0
        n = 0
        regular = True  # no gap, break or event so far: covariances come from the tables
        for t in range(T):
            if t > 0:
                for d in range(D):
                    m[0, d] += phi * m[1, d]
                    m[1, d] *= phi
                if seasonal:
                    for d in range(D):
                        last = -(m[2, d] + m[3, d] + m[4, d])
                        m[4, d] = m[3, d]
                        m[3, d] = m[2, d]
                        m[2, d] = last
                if regular and (not observed[t] or jump[t] != 0.0):
                    regular = False
                    copy_matrix(covariances[row, n - 1], P)
                if not regular:
                    predict_cov(P, R, phi, w_level, w_slope, w_season, seasonal)
                    for i in range(size):
                        for j in range(size):
                            P[i, j] = R[i, j]
                    P[0, 0] += jump[t]
            if not observed[t]:
                continue
            if n > 0:
                factor /= discount
                logdet += log_discount
            q = variances[row, n] if regular else _innovation_variance(P, v, seasonal)
            if seasonal:
                for d in range(D):
                    e[d] = Y[t, d] - m[0, d] - m[2, d]
            else:
                for d in range(D):
                    e[d] = Y[t, d] - m[0, d]
            quad = 0.0
            for d in range(D):
                acc = 0.0
                for k in range(D):
                    acc += inverse[d, k] * e[k]
                x[d] = acc
                quad += acc * e[d]
            quad *= factor
            size2 = quad * degrees[n] / (q * D)
            excess = 0.0
            # The first quarter only places the level, and its variance is wide: it is never an event.
            if size2 > threshold and n > 0:
                if regular:
                    regular = False
                    copy_matrix(covariances[row, n - 1], P)
                    predict_cov(P, R, phi, w_level, w_slope, w_season, seasonal)
                    for i in range(size):
                        for j in range(size):
                            P[i, j] = R[i, j]
                excess = q * (size2 - 1.0)
                P[0, 0] += shift * excess
                q += excess
                total -= penalty
                events[g] += 1
            ratio = log(1.0 + quad / q)
            total += constants[n] - 0.5 * (logdet + D * log(q)) - 0.5 * (degrees[n] + D) * ratio
            logdet += ratio
            if regular:
                for i in range(size):
                    for d in range(D):
                        m[i, d] += gains[row, n, i] * e[d]
            else:
                _update(P, gain, v, (1.0 - shift) * excess, seasonal)
                for i in range(size):
                    for d in range(D):
                        m[i, d] += gain[i] * e[d]
            root = 1.0 / sqrt(q)
            weight = factor / (q + quad)
            for d in range(D):
                whitened[g, n, d] = e[d] * root
                reduced = weight * x[d]
                for k in range(D):
                    inverse[d, k] -= reduced * x[k]
            n += 1
        loglik[g] = total
        copy_matrix(covariances[row, n - 1] if regular else P, cov[g])
    best = -np.inf
    for g in range(G):
        # Not a number: nothing but rounding was left of S. The node has no say.
        if not loglik[g] < np.inf:
            loglik[g] = -np.inf
        best = max(best, loglik[g])
    weights = np.zeros(G)
    sum_of_weights = 0.0
    for g in range(G):
        weights[g] = exp(loglik[g] - best)
        sum_of_weights += weights[g]
    for g in range(G):
        weights[g] /= sum_of_weights
        if weights[g] >= smallest:
            S = scales[g]
            for d in range(D):
                for k in range(D):
                    S[d, k] = scale[d, k]
            for n in range(count):
                fade = discount if n > 0 else 1.0
                for d in range(D):
                    for k in range(D):
                        S[d, k] = fade * S[d, k] + whitened[g, n, d] * whitened[g, n, k]
    return loglik, weights, mean, cov, scales, degrees[count], events
