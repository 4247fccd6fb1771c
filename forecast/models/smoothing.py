"""The second member of the model of record: a family of exponential smoothings, each part by itself.

On z = share ** power every member of the family smooths by a rate alpha and follows a part kappa of the drift of a
straight line, with or without the classical season; they are weighted by their squared errors, which fade with time.
Nothing is fitted by an optimiser and nothing is learned elsewhere. What makes it worth having is that it fails
otherwise than the dynamic linear model: half of a line's drift, no common covariance, no events.

    z_t = l_{t-1} + kappa b (1 - (1 - alpha)^t) / alpha + e_t        l_t = l_{t-1} + alpha (z_t - l_{t-1})

Source:
    Assimakopoulos & Nikolopoulos (2000), The theta model (half of the drift); Brown (1959) for discounted errors.
"""

from dataclasses import dataclass

import numpy as np

from forecast.arrays import FloatArray
from forecast.composition import to_contrasts
from forecast.models.base import Outcome, Series, correlated_normals
from forecast.models.dlm import Pasts, pasts_of
from forecast.models.naive import naive
from forecast.models.tables import HERMITE, HERMITE_WEIGHTS

ALPHAS = np.array([0.1, 0.3, 0.5, 0.75, 1.0])
KAPPAS = np.array([0.0, 0.25, 0.5])
FADING = 0.95  # of a squared error, a quarter
SEASON_WEIGHT = 0.02  # of a season, beforehand
SEASON_DEGREES = 1.5  # that a season takes from the errors
FEWEST_WITH_SEASON = 12  # quarters
FEWEST = 4  # observed quarters, since the last break; fewer say too little of how wrong the family is
ROUNDING = 0.3  # standard deviation that rounding leaves in a share, in half units


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """What the family says: each share ** power is t with four degrees of freedom, cut at zero and one."""

    power: float
    location: FloatArray  # (H, K)
    spread: FloatArray  # (H, K), unit of the t: the standard deviation over the root of two

    def quantiles(self, levels: FloatArray, /) -> FloatArray:
        """Shape (n, H, K): the shares at n levels in (0, 1)."""
        return self.shares(self.location + self.spread * t4_quantile(levels)[:, None, None])

    def shares(self, z: FloatArray, /) -> FloatArray:
        """The shares at z = share ** power, cut at zero and one."""
        kept = np.maximum(z, 0.0)
        return np.minimum(kept * np.cbrt(kept) if self.power == 0.75 else kept ** (1.0 / self.power), 1.0)

    def mean(self) -> FloatArray:
        """Shape (H, K): expected shares, as of a normal variable of the same variance, closed to sum to one."""
        z = self.location[..., None] + np.sqrt(2.0) * self.spread[..., None] * HERMITE
        means = self.shares(z) @ HERMITE_WEIGHTS
        return np.asarray(means / np.maximum(means.sum(axis=1, keepdims=True), 1e-300))


def t4_distribution(t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distribution function and density of the t distribution with four degrees of freedom."""
    inverse = 1.0 / (1.0 + 0.25 * t * t)
    root = np.sqrt(inverse)
    return 0.5 + 0.375 * t * root * (1.0 - t * t * inverse / 12.0), 0.375 * inverse * inverse * root


def t4_quantile(levels: FloatArray) -> FloatArray:
    """Its quantiles at levels in (0, 1).

    Source:
        Shaw (2006), Sampling Student's T distribution: use of the inverse cumulative distribution function.
    """
    root = np.sqrt(4.0 * levels * (1.0 - levels))
    return np.asarray(
        np.sign(levels - 0.5) * 2.0 * np.sqrt(np.maximum(np.cos(np.arccos(root) / 3.0) / root - 1.0, 0.0))
    )


def since_break(pasts: Pasts) -> Pasts:
    """The quarters since the last declared break, from the first observed one of them."""
    first = max(pasts.breaks, default=0)
    first += int(np.argmax(pasts.observed[first:]))
    return Pasts(pasts.shares[:, first:], pasts.observed[first:], (), pasts.resolution)


def fill_gaps(pasts: Pasts) -> FloatArray:
    """Shape (B, T, K): the shares, with straight lines over quarters that are not observed."""
    T = len(pasts.observed)
    known = np.flatnonzero(pasts.observed)
    before = known[np.searchsorted(known, np.arange(T), side="right") - 1]
    after = known[np.searchsorted(known, np.arange(T))]
    part = (np.arange(T) - before) / np.maximum(after - before, 1)
    return np.asarray(pasts.shares[:, before] + part[:, None] * (pasts.shares[:, after] - pasts.shares[:, before]))


def smooth(pasts: Pasts, power: float, horizon: int) -> Smoothed:
    """Forecast each share by the family; several pasts, and quarters since the last declared break alone."""
    pasts = since_break(pasts)
    z = fill_gaps(pasts) ** power
    known = pasts.observed.copy()
    known[0] = False  # nothing foretells the first quarter
    T = z.shape[1]
    seasons = _seasons(z)  # (S, 4, B, K), by quarters before the end
    S = len(seasons)
    place = np.arange(-T, 0) % 4
    level = z.swapaxes(0, 1) - seasons[:, place]  # (S, T, B, K): without season
    time = np.arange(T) - 0.5 * (T - 1)
    drift = np.tensordot(level, time, axes=(1, 0)) / max(time @ time, 1.0)  # (S, B, K)
    smoothed = np.repeat(level[:, None, 0], len(ALPHAS), axis=1)  # (S, A, B, K)
    alpha = ALPHAS[:, None, None]
    fading = FADING ** np.arange(T - 1.0, -1.0, -1.0) * known
    count = fading.sum()
    slope = power * pasts.usual ** (power - 1.0)  # of z in the share
    kappa = KAPPAS[:, None, None, None]
    squares = np.full((S, len(KAPPAS), len(ALPHAS), *slope.shape), count * (ROUNDING * pasts.resolution * slope) ** 2)
    for t in range(1, T):
        ahead = (1.0 - (1.0 - alpha) ** t) / alpha * drift[:, None]
        error = level[:, None, t] - smoothed
        squares += fading[t] * (error[:, None] - kappa * ahead[:, None]) ** 2
        smoothed = smoothed + alpha * error
    with_season = np.arange(S)[:, None, None, None, None]
    weights = (squares / np.maximum(squares.min(axis=(0, 1, 2)), 1e-300)) ** (-0.5 * count) * SEASON_WEIGHT**with_season
    weights /= weights.sum(axis=(0, 1, 2)) * len(pasts.shares)
    variance = squares / np.maximum(count - 2.0 - SEASON_DEGREES * with_season, 1.0)
    reached = (1.0 - (1.0 - alpha) ** T) / alpha
    location, sd = np.empty((2, horizon, z.shape[2]))
    for h in range(horizon):
        mean = smoothed[:, None] + kappa * (h + reached) * drift[:, None, None] + seasons[:, None, None, h % 4]
        spread = variance * (1.0 + h * alpha**2)
        location[h] = (weights * mean).sum(axis=(0, 1, 2, 3))
        sd[h] = np.sqrt((weights * (spread + (mean - location[h]) ** 2)).sum(axis=(0, 1, 2, 3)))
    medians = np.minimum(np.maximum(location, 0.0) ** (1.0 / power), 1.0)
    unit = np.maximum(medians.sum(axis=1, keepdims=True), 1e-9) ** power  # so that the medians sum to one
    return Smoothed(power, location / unit, np.maximum(sd * np.sqrt(0.5) / unit, 1e-9))


def _seasons(z: FloatArray) -> FloatArray:
    """Shape (S, 4, B, K): no season, and the classical one where there are quarters enough; the next quarter first."""
    B, T, K = z.shape
    none = np.zeros((1, 4, B, K))
    if T < FEWEST_WITH_SEASON:
        return none
    away = z[:, 2:-2] - (0.5 * z[:, :-4] + z[:, 1:-3] + z[:, 2:-2] + z[:, 3:-1] + 0.5 * z[:, 4:]) / 4.0
    place = (np.arange(2, T - 2) - T) % 4
    index = np.stack([away[:, place == p].mean(axis=1) for p in range(4)])
    return np.concatenate([none, (index - index.mean(axis=0))[None]])


def smoothing(series: Series, /, *, power: float, horizon: int, draws: int, rng: np.random.Generator) -> Outcome:
    """Draw paths of the family: each share has its distribution, and they move together as their steps did."""
    pasts = pasts_of(series)
    recent = since_break(pasts)
    if recent.observed.sum() < FEWEST:
        walk = naive(series, power=power, horizon=horizon, draws=draws, rng=rng)
        note = f"smoothing: fell back to a random walk (needs {FEWEST} quarters since the last break)"
        return Outcome(walk.contrasts, walk.used, (note,))
    smoothed = smooth(pasts, power, horizon)
    steps = np.diff(fill_gaps(recent).mean(axis=0), axis=0)
    unit = np.sqrt((steps**2).mean(axis=0))
    steps /= np.where(unit > 0.0, unit, 1.0)
    walks = correlated_normals(draws, horizon, steps.T @ steps / len(steps), rng).cumsum(axis=1)
    t = np.empty_like(walks)
    ranked = t4_quantile((np.arange(draws) + 0.5) / draws)
    np.put_along_axis(t, np.argsort(walks, axis=0), ranked[:, None, None], axis=0)
    shares = smoothed.shares(smoothed.location + smoothed.spread * t)
    total = shares.sum(axis=2, keepdims=True)
    medians = smoothed.shares(smoothed.location)
    shares = np.where(
        total > 0.0, shares / np.where(total > 0.0, total, 1.0), medians / medians.sum(axis=1, keepdims=True)
    )
    return Outcome(
        to_contrasts(shares.reshape(-1, shares.shape[2]), power).reshape(draws, horizon, -1), (("smoothing", 1.0),)
    )
