"""All quarters of a market at once, given the observations: a joint normal, solved by one banded Cholesky factor.

The same model as `forecast.history.ShareSpaceModel`, which a filter solves quarter by quarter. Statements about several
quarters only widen the band, where a filter has to carry lags; draws and the residuals of every observation cost one
triangular solve each.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dpbtrf, dtbtrs

from forecast.arrays import FloatArray
from forecast.composition import helmert
from forecast.evidence import Observation
from forecast.quarter import Quarter

START_SD = 0.30  # sd of the first quarter about equal shares, fraction: nothing is known


@dataclass(frozen=True, eq=False)
class Design:
    """N observations of T quarters of K shares that walk at random."""

    row: tuple[int, ...]  # N, the quarter of each, from 0
    weights: tuple[FloatArray, ...]  # N of shape (L_n + 1, K): row l weighs the shares l quarters before
    value: FloatArray  # (N,) fraction
    variance: FloatArray  # (N,)
    step_sd: FloatArray  # (T, K) sd of the step into each quarter, fraction

    @classmethod
    def of(cls, observations: Sequence[Observation], first: Quarter, step_sd: FloatArray) -> "Design":
        """Lay out observations; `first` is the quarter of the first row of `step_sd`."""
        return cls(
            tuple(o.quarter - first for o in observations),
            tuple(o.weights for o in observations),
            np.array([o.value for o in observations]),
            np.array([o.variance for o in observations]),
            step_sd,
        )

    @cached_property
    def lags(self) -> int:
        """How far back an observation reaches, quarters."""
        return max(len(weights) for weights in self.weights) - 1

    def with_variance(self, variance: FloatArray) -> "Design":
        """The same with other variances (N,)."""
        return replace(self, variance=variance)


class Posterior:
    """The shares of every quarter given all observations.

    Args:
        design: What is observed; at least one observation, K of two or more.
    """

    def __init__(self, design: Design) -> None:
        T, K = design.step_sd.shape
        self._basis, self._shape, self._lags = helmert(K), (T, K - 1), design.lags
        self._target = design.value.copy()
        self._alike = self._in_the_same_quarters(design)
        self._walk = self._of_the_walk(design.step_sd)
        self._condition(design.variance)

    def with_variance(self, variance: FloatArray) -> "Posterior":
        """The posterior of the same observations with other variances (N,)."""
        other = copy(self)
        other._condition(variance)
        return other

    def with_steps(self, step_sd: FloatArray, variance: FloatArray) -> "Posterior":
        """The same with other steps (T, K) and variances (N,)."""
        other = copy(self)
        other._walk = self._of_the_walk(step_sd)
        other._condition(variance)
        return other

    def _condition(self, variance: FloatArray) -> None:
        T, D = self._shape
        precision, shift = self._walk.copy(), np.zeros(T * D)
        for reach, rows, of in self._alike:
            weighted = rows.T / variance[of]
            precision[reach, reach] += weighted @ rows
            shift[reach] += weighted @ self._target[of]
        # the walk alone ties neighbours
        width = min(max(self._lags + 1, 2) * D, T * D)
        band = np.zeros((width, T * D))
        for d in range(width):
            band[d, : T * D - d] = np.diagonal(precision, -d)
        self._factor, failed = dpbtrf(band, lower=1)
        if failed:
            raise AssertionError("the walk's precision is positive definite")
        self._mean = self._solve(self._solve(shift[:, None]), transposed=True)[:, 0]

    @property
    def shares(self) -> FloatArray:
        """Mean (T, K); each quarter sums to one, a share may be a little below zero."""
        return self._shares(self._mean)

    def spread(self) -> FloatArray:
        """Variance (N,) of what each observation measures, given all of them."""
        spread = np.empty(len(self._target))
        root = self._solve(np.eye(self._mean.size))  # root.T @ root is the covariance of all contrasts
        for reach, rows, of in self._alike:
            spread[of] = np.square(root[reach.start :, reach] @ rows.T).sum(axis=0)  # a lower triangle
        return spread

    def residual(self) -> FloatArray:
        """What each observation (N,) has over the mean of what it measures."""
        residual = self._target.copy()
        for reach, rows, of in self._alike:
            residual[of] -= rows @ self._mean[reach]
        return np.asarray(residual)

    def draws(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Joint draws of the shares, shape (n, T, K), n even; a share may be below zero.

        Every second draw mirrors the one before at the mean, so that few draws have the right mean.
        """
        noise = rng.standard_normal((n // 2, self._mean.size)).T
        deviation = self._solve(np.ascontiguousarray(noise), transposed=True).T
        paths = np.stack([self._mean + deviation, self._mean - deviation], axis=1).reshape(n, -1)
        return np.stack([self._shares(path) for path in paths])

    def _of_the_walk(self, step_sd: FloatArray) -> FloatArray:
        """Precision (T D, T D) before anything is said."""
        T, D = self._shape
        precision = np.zeros((T * D, T * D))
        precision[:D, :D] = np.eye(D) / START_SD**2
        squared = step_sd[1:, None, :] ** 2
        steps = (self._basis.T * squared) @ self._basis
        for t, inverse in enumerate(np.linalg.inv(steps), start=1):
            here, before = slice(t * D, t * D + D), slice(t * D - D, t * D)
            precision[here, here] += inverse
            precision[before, before] += inverse
            precision[here, before] -= inverse
            precision[before, here] -= inverse
        return precision

    def _in_the_same_quarters(self, design: Design) -> list[tuple[slice, FloatArray, list[int]]]:
        """The observations by the quarters they tell of: which contrasts, with what weights, and which they are."""
        K, D = self._basis.shape
        together: dict[tuple[int, int], list[int]] = {}
        for n, (row, weights) in enumerate(zip(design.row, design.weights, strict=True)):
            together.setdefault((row, len(weights)), []).append(n)
        alike = []
        for (row, quarters), of in together.items():
            weights = np.array([design.weights[n][::-1] for n in of])  # from the first quarter to the last
            self._target[of] -= weights.sum(axis=(1, 2)) / K
            rows = (weights @ self._basis).reshape(len(of), -1)
            alike.append((slice((row - quarters + 1) * D, (row + 1) * D), rows, of))
        return alike

    def _shares(self, state: FloatArray) -> FloatArray:
        return np.asarray(1.0 / len(self._basis) + state.reshape(self._shape) @ self._basis.T)

    def _solve(self, right: FloatArray, *, transposed: bool = False) -> FloatArray:
        solved, _ = dtbtrs(self._factor, right, uplo="L", trans="T" if transposed else "N")
        return np.asarray(solved)
