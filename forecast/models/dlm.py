"""The first member of the model of record: a matrix-normal dynamic linear model averaged over a grid.

With y_t the contrasts (D of them) of quarter t,

    y_t = level_t + season_t + noise_t        level_t = level_{t-1} + phi slope_{t-1} + ...
    slope_t = phi slope_{t-1} + ...           season_t = -(season_{t-1} + season_{t-2} + season_{t-3}) + ...

and every disturbance is normal with covariance (its variance of the node) x S, one unknown D x D matrix S with an
inverse-Wishart prior. The gain of the filter is then the same for all contrasts, S integrates out in closed form, and
each node of the grid has an exact marginal likelihood and a matrix-t predictive. Nodes are averaged by likelihood; none
is preferred beforehand.

What is known of S fades by a discount a quarter, because markets have calm and restless years. And a quarter whose
squared standardised innovation per contrast exceeds the threshold of a node is an event: the variance is inflated to
what was seen, part of the excess as a shift of the level, and S learns only the bounded rest. Markets with and without
events so find their own nodes.

This is the plain form, which forecasts single markets: all nodes and all pasts of a market at once. What is compiled
for many markets, `forecast.models.kernel`, is held equal to it by a test, and both to statsmodels.

Source:
    Quintana & West (1987), An analysis of international exchange rates using multivariate DLMs;
    West & Harrison (1997), Bayesian Forecasting and Dynamic Models, ch. 16 (discounting of S: 16.4.5);
    Snyder et al. (2017), Forecasting compositional time series: a state space approach.
"""

from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
import numpy.typing as npt

from forecast.arrays import FloatArray
from forecast.composition import closed_power, helmert
from forecast.models.base import Series
from forecast.prior import Prior

STATES = 5  # level, slope, and three seasonal states
BREAK_VARIANCE = 100.0  # of the level at a declared break, relative to S: a step of ten ordinary quarters at once
SMALLEST_WEIGHT = 1e-5  # nodes below it would get no draw
# Quarters that are looked at, the last sixteen years. What came before has faded to a
# thousandth, and a part that stayed zero for longer would leave nothing of S but rounding errors.
MOST_QUARTERS = 64
RECENT = 8  # quarters whose mean composition sets the prior scale of S


@dataclass(frozen=True, slots=True, eq=False)
class Pasts:
    """What a market may have been: B pasts of the same quarters, cut to those that are looked at."""

    shares: FloatArray  # (B, T, K), each row a composition or all NaN; the first and the last are observed
    observed: npt.NDArray[np.bool_]  # (T,), the same for all pasts
    breaks: tuple[int, ...]  # rows at which a declared break lets the level jump
    resolution: float  # half a unit of the printed precision, fraction

    @property
    def usual(self) -> FloatArray:
        """Shape (B, K): mean of the last observed compositions, no part below the printed resolution."""
        recent = np.maximum(self.shares[:, self.observed][:, -RECENT:].mean(axis=1), self.resolution)
        return np.asarray(recent / recent.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """B pasts filtered under each of G nodes; what remains of the data is here."""

    log_likelihood: FloatArray  # (B, G)
    weights: FloatArray  # (B, G), posterior probability of each node
    mean: FloatArray  # (B, G, 5, D), states at the origin
    cov: FloatArray  # (B, G, 5, 5), relative to S
    scale: FloatArray  # (B, G, D, D), posterior scale matrix of S; zero for nodes below SMALLEST_WEIGHT
    dof: float  # posterior degrees of freedom (Dawid's delta)
    events: npt.NDArray[np.int64]  # (B, G), quarters that were events


def pasts_of(series: Series) -> Pasts:
    """The pasts a series may have had, cut to the last quarters, from the first observed one of them."""
    shares = np.stack(series.histories) if series.histories else series.shares[None]
    observed = np.isfinite(shares[0]).all(axis=1)
    first = max(len(observed) - MOST_QUARTERS, 0)
    first += int(np.argmax(observed[first:]))
    breaks = tuple(row - first for row in series.breaks if row > first)
    return Pasts(shares[:, first:], observed[first:], breaks, series.resolution)


def filter_pasts(pasts: Pasts, prior: Prior) -> Filtered:
    """Filter a market under every node of the prior's grid, each past it may have had."""
    basis = helmert(pasts.shares.shape[2])
    jump = np.zeros(len(pasts.observed))
    jump[list(pasts.breaks)] = BREAK_VARIANCE
    filtered = filter_contrasts(
        contrasts_of(pasts, prior.power),
        pasts.observed,
        jump,
        nodes=prior.nodes,
        initial_variance=prior.initial_variance,
        discount=prior.discount,
        dof=prior.dof,
        scale=prior.scale_matrix(pasts.usual),
        shift=prior.event_shift,
        penalty=prior.event_penalty,
    )
    kept = filtered.weights >= SMALLEST_WEIGHT
    printed = prior.printed_variance(pasts.usual, pasts.resolution)[np.nonzero(kept)[0]]
    filtered.scale[kept] = with_rounding(filtered.scale[kept], filtered.dof, basis, printed)
    filtered.scale[~kept] = 0.0
    return filtered


def contrasts_of(pasts: Pasts, power: float) -> FloatArray:
    """Shape (B, T, D): contrasts of the power-transformed compositions, zero where there is none."""
    K = pasts.shares.shape[2]
    raised = np.sqrt(pasts.shares * np.sqrt(pasts.shares)) if power == 0.75 else pasts.shares**power
    contrasts = (raised @ helmert(K)) * K / (power * raised.sum(axis=2, keepdims=True))
    return np.where(pasts.observed[None, :, None], contrasts, 0.0)


def transition(states: FloatArray, phi: FloatArray) -> None:
    """Move states a quarter ahead, in place: damped trend, and a season of four quarters that sum to zero.

    Args:
        states: Shape (5, ...): level, slope and three seasonal states; for the seasonal ones of a node without season,
            all zero, they stay so.
        phi: Damping, of a shape that broadcasts against (...).
    """
    states[1] *= phi
    states[0] += states[1]
    last = -(states[2] + states[3] + states[4])
    states[4] = states[3]
    states[3] = states[2]
    states[2] = last


def filter_contrasts(
    contrasts: FloatArray,
    observed: npt.NDArray[np.bool_],
    jump: FloatArray,
    *,
    nodes: FloatArray,
    initial_variance: FloatArray,
    discount: float,
    dof: float,
    scale: FloatArray,
    shift: float,
    penalty: float,
) -> Filtered:
    """The filter itself: B pasts of D contrasts under G nodes.

    Args:
        contrasts: Shape (B, T, D); quarters that are not observed are not read. The first one is observed.
        observed: Shape (T,).
        jump: Shape (T,), variance relative to S added to the level of a quarter where a declared break lets it move.
        nodes: Shape (G, 6): variances of noise, level, slope and season (below zero: no season) relative to S; the
            damping phi; and the squared standardised innovation per contrast beyond which a quarter is an event (inf:
            never).
        initial_variance: Shape (3,): variance of the first level, slope and season relative to S.
        discount: In (0, 1], by which what is known of S fades from one observed quarter to the next.
        dof: Degrees of freedom of the inverse-Wishart prior of S (Dawid's delta), above 0.
        scale: Shape (B, D, D), scale matrix of that prior.
        shift: Part of an event's excess variance that goes into the level, in [0, 1].
        penalty: Log-likelihood paid per event.
    """
    # The last two axes are always pasts and nodes: NumPy is quick where the last axes are long.
    (B, _, D), G = contrasts.shape, len(nodes)
    noise, level, slope, season, phi, threshold = nodes.T
    P = np.zeros((STATES, STATES, B, G))
    P[0, 0], P[1, 1] = initial_variance[0], initial_variance[1]
    seasonal = season >= 0.0
    P[2:, 2:] = (initial_variance[2] * (np.eye(3) - 0.25))[:, :, None, None] * seasonal
    season = np.maximum(season, 0.0)
    m = np.zeros((STATES, D, B, G))
    # S^-1 = factor * inverse, so that fading costs one multiplication.
    inverse = np.repeat(np.moveaxis(np.linalg.inv(scale), 0, 2)[..., None], G, axis=3)
    factor = 1.0
    logdet = np.repeat(np.linalg.slogdet(scale)[1][:, None], G, axis=1)
    degrees = dof
    total = np.zeros((B, G))
    events = np.zeros((B, G), dtype=np.int64)
    whitened: list[FloatArray] = []  # innovations over the root of their variance: what S learns
    last = int(np.flatnonzero(observed)[-1])
    with np.errstate(all="ignore"):  # a node of whose S nothing but rounding is left has no say, as is seen below
        for t in range(last + 1):
            if t > 0:
                transition(m, phi)
                transition(P, phi)
                transition(P.swapaxes(0, 1), phi)
                P[0, 0] += level + jump[t]
                P[1, 1] += slope
                P[2, 2] += season
            if not observed[t]:
                continue
            if whitened:
                factor /= discount
                logdet += D * log(discount)
            seen = P[:, 0] + P[:, 2]  # covariance of the states with what is observed
            q = seen[0] + seen[2] + noise
            e = contrasts[:, t].T[:, :, None] - m[0] - m[2]
            x = (inverse * e).sum(axis=1)
            size = (x * e).sum(axis=0) * factor
            if whitened:  # the first quarter only places the level, and its variance is wide: it is never an event
                standardised = size * degrees / (q * D)
                event = standardised > threshold
                if event.any():
                    excess = np.where(event, q * (standardised - 1.0), 0.0)
                    P[0, 0] += shift * excess
                    seen[0] += shift * excess
                    q = q + excess
                    total -= penalty * event
                    events += event
            learned = np.log(1.0 + size / q)
            constant = lgamma(0.5 * (degrees + D)) - lgamma(0.5 * degrees) - 0.5 * D * log(pi)
            total += constant - 0.5 * (logdet + D * np.log(q)) - 0.5 * (degrees + D) * learned
            logdet += learned
            gain = seen / q
            P -= gain[:, None] * seen
            m += gain[:, None] * e
            whitened.append(e / np.sqrt(q))
            inverse -= x[:, None] * (x * (factor / (q + size)))
            degrees = (degrees + 1.0) * (discount if t < last else 1.0)
        log_likelihood = np.where(total < np.inf, total, -np.inf)
        weights = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        fading = discount ** np.arange(len(whitened) - 1.0, -1.0, -1.0)  # what is left of each innovation
        innovations = np.transpose(np.array(whitened) * np.sqrt(fading)[:, None, None, None], (2, 3, 0, 1))
        S = scale[:, None] * fading[0] + innovations.swapaxes(2, 3) @ innovations
    return Filtered(log_likelihood, weights, m.transpose(2, 3, 0, 1), P.transpose(2, 3, 0, 1), S, degrees, events)


def with_rounding(scale: FloatArray, dof: float, basis: FloatArray, printed: FloatArray) -> FloatArray:
    """Posterior scale matrices of S for a truth that lies anywhere within the rounding of what is printed.

    Args:
        scale: Shape (n, D, D).
        dof: Their degrees of freedom.
        basis: Shape (K, D), contrasts.
        printed: Shape (n, K), variance that rounding leaves in each coordinate.

    Returns:
        Shape (n, D, D), with the standard deviation of each coordinate raised as the rounding asks.
    """
    spread = basis @ scale @ basis.T
    variance = np.maximum(np.diagonal(spread, axis1=1, axis2=2), 1e-12)
    factor = np.sqrt(1.0 + printed * max(dof, 1.0) / variance)
    return np.asarray(basis.T @ (factor[:, :, None] * spread * factor[:, None, :]) @ basis)


def allocate(weights: FloatArray, draws: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How many draws each node gets: its weight times `draws`, rounded up or down by systematic sampling.

    Source:
        Kitagawa (1996), Monte Carlo filter and smoother: less noisy than a multinomial.
    """
    edges = np.minimum(np.ceil(np.cumsum(weights) * draws - rng.random()), draws)
    edges[-1] = draws
    return np.diff(edges, prepend=0.0).astype(np.int64)


def path_moments(node: FloatArray, mean: FloatArray, cov: FloatArray, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Mean path and covariance over the horizon, relative to S, of one node's predictive.

    Args:
        node: Shape (6,), a row of the grid.
        mean: Shape (5, D), state mean at the origin.
        cov: Shape (5, 5), state covariance at the origin relative to S.
        horizon: H, quarters ahead.

    Returns:
        Mean (H, D) and covariance (H, H); cov(y_i, y_j) = covariance[i, j] * S.
    """
    phi = np.asarray(node[4])
    m, P = mean.copy(), cov.copy()
    paths = np.empty((horizon, mean.shape[1]))
    covariance = np.empty((horizon, horizon))
    for h in range(horizon):
        transition(m, phi)
        transition(P, phi)
        transition(P.T, phi)
        P[[0, 1, 2], [0, 1, 2]] += np.maximum(node[1:4], 0.0)
        paths[h] = m[0] + m[2]
        seen = P[:, 0] + P[:, 2]
        covariance[h, h] = seen[0] + seen[2] + node[0]
        for j in range(h + 1, horizon):  # cov(theta_{h+j}, y_h) = G^j cov(theta_h, y_h)
            transition(seen, phi)
            covariance[h, j] = covariance[j, h] = seen[0] + seen[2]
    return paths, covariance


def draw_pasts(filtered: Filtered, prior: Prior, horizon: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Joint draws from the averaged predictive, an equal number from each past.

    Paths come in pairs on both sides of the mean path of their node, which takes the sampling error out of that mean.
    The deviation of each part's coordinate is widened by a factor of its own.

    Returns:
        Shape (draws, horizon, K), compositions; the two of a pair stand together.
    """
    B = len(filtered.weights)
    counts = [draws * (b + 1) // B - draws * b // B for b in range(B)]
    return np.concatenate([_draw_past(filtered, b, prior, horizon, n, rng) for b, n in enumerate(counts)])


def _draw_past(
    filtered: Filtered, b: int, prior: Prior, horizon: int, draws: int, rng: np.random.Generator
) -> FloatArray:
    D = filtered.mean.shape[3]
    basis = helmert(D + 1)
    pairs = (draws + 1) // 2
    weights = np.where(filtered.weights[b] < SMALLEST_WEIGHT, 0.0, filtered.weights[b])
    counts = allocate(weights / weights.sum(), pairs, rng)
    # Factors A of standard Wishart matrices, by Bartlett: S = L (A A')^-1 L' with L L' the scale matrix.
    bartlett = np.zeros((pairs, D, D))
    below = np.tril_indices(D, -1)
    bartlett[:, below[0], below[1]] = rng.standard_normal((pairs, len(below[0])))
    degrees = filtered.dof + D - 1.0 - np.arange(D)
    bartlett[:, range(D), range(D)] = np.sqrt(rng.chisquare(degrees, (pairs, D)))
    normals = rng.standard_normal((pairs, horizon, D))
    widen = np.exp(prior.mixture_sd * rng.standard_normal((pairs, D + 1)) + prior.mixture_mean)
    raised = np.empty((D + 1, horizon, pairs, 2))
    start = 0
    for g in np.flatnonzero(counts):
        these = slice(start, start + counts[g])
        start += counts[g]
        centre, covariance = path_moments(prior.nodes[g], filtered.mean[b, g], filtered.cov[b, g], horizon)
        z = np.linalg.cholesky(covariance) @ normals[these]
        # Back substitution with A': each row becomes z' A^-1, whose covariance is (A A')^-1, turned by L below.
        A = bartlett[these]
        for d in range(D - 1, -1, -1):
            z[:, :, d] -= np.einsum("nj,nhj->nh", A[:, d + 1 :, d], z[:, :, d + 1 :])
            z[:, :, d] /= A[:, d, d, None]
        middle = (1.0 + prior.power * centre @ basis.T).T[:, :, None]
        turn = prior.power * basis @ np.linalg.cholesky(filtered.scale[b, g])
        away = np.moveaxis((z @ turn.T) * widen[these, None], 2, 0).swapaxes(1, 2)  # (K, H, n)
        for side, sign in enumerate((1.0, -1.0)):
            paths = np.maximum(middle + sign * away, 0.0)
            # Factors that differ may cut every part: such a quarter, one of very many, stays where it is expected.
            raised[:, :, these, side] = np.where(paths.sum(axis=0) > 0.0, paths, np.maximum(middle, 0.0))
    shares = closed_power(raised.reshape(D + 1, horizon, 2 * pairs)[:, :, :draws], prior.power)
    return np.moveaxis(shares, (0, 1, 2), (2, 1, 0))
