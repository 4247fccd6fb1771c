"""What the model of record knows before it sees a market: a few round numbers, none of them learned.

A prior learned across markets was shipped before (the weight of every node by maximum likelihood, the size of a step by
least squares). The same nodes with equal weights, and a step of 3 % of a share to the power 0.6, forecast other markets
as well and those of competing firms better, so what was learned went; `tests/bench/README.md` has the figures.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import product

import numpy as np

from forecast.arrays import FloatArray
from forecast.composition import helmert

NOISES = (0.05, 0.6)  # of an innovation variance of about one; the level has the rest
TRENDS = ((0.0, 0.9), (0.01, 0.95), (0.05, 0.9))  # variance of the slope, damping
SEASONAL_NOISES = (0.7,)
SEASONAL_TRENDS = ((0.0, 0.9), (0.003, 0.95))
NO_SEASON, SEASON = -1.0, 0.02  # variance of the seasonal step; below zero: no season
THRESHOLDS = (12.0, math.inf)  # squared standardised innovation per contrast of an event; inf: none


@dataclass(frozen=True, slots=True)
class Measured:
    """How often intervals held what came, in markets of one class of restlessness."""

    below: float  # restlessness at which the class ends, points
    held: tuple[tuple[float, float], ...]  # level and how often it held, ascending


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Everything the model of record knows before it sees a market."""

    version: str
    power: float  # a of the power transform
    nodes: FloatArray  # (G, 6), as `forecast.models.dlm.filter_contrasts` takes them
    initial_variance: FloatArray  # (3,): variance of the first level, slope and season relative to S
    discount: float  # by which what is known of S fades a quarter
    dof: float  # of the inverse-Wishart prior of S, Dawid's delta
    step: float  # standard deviation of the quarterly step of a share p: step * p ** step_power, fraction
    step_power: float
    event_shift: float  # part of an event's excess variance that goes into the level
    event_penalty: float  # log-likelihood paid per event
    mixture_sd: float  # of the log of the factor that widens the whole path of a part
    mixture_mean: float  # of that log
    rounding: float  # weight of the variance that rounding leaves in a share
    stretch: float  # of simultaneous bands of the draws, as `forecast.draws.simultaneous_bands` takes it
    measured: tuple[Measured, ...] = ()  # by restlessness, ascending; the last one ends at infinity

    def coverage(self, levels: Sequence[float], restlessness: float, /) -> tuple[float, ...]:
        """How often intervals of each level held what came in other markets as restless as one.

        Interpolated between the levels measured; empty where none was.

        Args:
            levels: Nominal levels, each in (0, 1).
            restlessness: As `forecast.models.pool.restlessness`, points.
        """
        for each in self.measured:
            if restlessness < each.below:
                at, held = zip((0.0, 0.0), *each.held, (1.0, 1.0), strict=True)
                return tuple(np.interp(levels, at, held).tolist())
        return ()

    @property
    def widened_moments(self) -> tuple[float, float]:
        """Mean square of the factor that widens the path of a part, and mean product of those of two parts."""
        log_square = 2.0 * self.mixture_sd**2 + 2.0 * self.mixture_mean
        return math.exp(log_square), math.exp(log_square - self.mixture_sd**2)

    def scale_matrix(self, share: FloatArray, /) -> FloatArray:
        """Prior scale matrix of S for a market whose usual composition is `share`.

        Args:
            share: Shape (..., K), all above zero, each row a composition.

        Returns:
            Shape (..., K - 1, K - 1): `dof` times the expected step covariance of the contrasts.
        """
        step = self.step * share**self.step_power * self._slope(share)
        basis = helmert(share.shape[-1])
        return np.asarray(self.dof * (basis.T * step[..., None, :] ** 2) @ basis)

    def printed_variance(self, share: FloatArray, resolution: float, /) -> FloatArray:
        """Variance that rounding to within `resolution`, a fraction, leaves in each coordinate; shape (..., K)."""
        return np.asarray(self.rounding * (resolution * self._slope(share)) ** 2 / 3.0)

    def _slope(self, share: FloatArray) -> FloatArray:
        """D u / d p of the power transform, with the other parts held."""
        raised = share**self.power
        return np.asarray(share.shape[-1] * raised / share / raised.sum(axis=-1, keepdims=True))


def grid() -> FloatArray:
    """The nodes, shape (G, 6); neighbours differ by a rising threshold, so that the compiled filter shares work."""
    plain = product(NOISES, TRENDS, (NO_SEASON,))
    seasonal = product(SEASONAL_NOISES, SEASONAL_TRENDS, (SEASON,))
    return np.array(
        [
            (noise, 1.0 - noise, slope, season, damping, threshold)
            for noise, (slope, damping), season in (*plain, *seasonal)
            for threshold in THRESHOLDS
        ]
    )


@lru_cache(maxsize=1)
def shipped_prior() -> Prior:
    """The prior that ships with this version."""
    return Prior(
        version="2026-12",
        power=0.75,
        nodes=grid(),
        initial_variance=np.array([1e4, 0.3, 4.0]),
        discount=0.9,
        dof=4.0,
        step=0.03,
        step_power=0.6,
        event_shift=0.7,
        event_penalty=3.0,
        mixture_sd=0.52,
        mixture_mean=-0.12,
        rounding=0.7,
        stretch=0.18,
        measured=_measured(),
    )


def _measured() -> tuple[Measured, ...]:
    # JSON has no infinity: the class without an end has a null.
    content = json.loads(files("forecast.data").joinpath("coverage.json").read_text(encoding="utf-8"))
    return tuple(
        Measured(
            math.inf if each["below"] is None else each["below"],
            tuple(zip(content["levels"], each["held"], strict=True)),
        )
        for each in content["classes"]
    )
