"""All quarters of a market at once, given the observations: a joint normal, solved by one banded Cholesky factor.

A state-space smoother would solve the same model quarter by quarter. Statements about several quarters only widen the
band, where a filter has to carry lags; draws cost one triangular solve each. Time and memory grow with the number of
quarters, as no matrix of all quarters by all quarters is ever made: covariances are worked out for quarters within the
band of each other alone, from the last quarter to the first.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import as_strided
from scipy.linalg.lapack import dpbtrf, dtbtrs, dtrtri

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
        self._basis, self._shape = helmert(K), (T, K - 1)
        self._reach = min(max(design.lags, 1) + 1, T)  # quarters of a window: the walk alone ties neighbours
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
        band, shift = self._walk.copy(), np.zeros(T * D)
        for first, rows, of in self._alike:
            reach = slice(first * D, first * D + rows.shape[1])
            weighted = rows.T / variance[of]
            _window(band, reach)[...] += np.tril(weighted @ rows)
            shift[reach] += weighted @ self._target[of]
        self._factor, failed = dpbtrf(band.T, lower=1, overwrite_ab=1)
        if failed:
            raise AssertionError("the walk's precision is positive definite")
        self._mean = self._solve(self._solve(shift[:, None]), transposed=True)[:, 0]

    @property
    def shares(self) -> FloatArray:
        """Mean (T, K); each quarter sums to one, a share may be a little below zero."""
        return self._shares(self._mean)

    def covariance(self) -> FloatArray:
        """Covariance (T, K, K) of the shares of each quarter; of different quarters it is not told."""
        T, D = self._shape
        found = np.empty((T, D + 1, D + 1))
        for t, window in self._windows():
            found[t] = self._basis @ window[:D, :D] @ self._basis.T
        return found

    def spread(self) -> FloatArray:
        """Variance (N,) of what each observation measures, given all of them."""
        spread = np.empty(len(self._target))
        from_quarter: dict[int, list[tuple[FloatArray, list[int]]]] = {}
        for first, rows, of in self._alike:
            from_quarter.setdefault(first, []).append((rows, of))
        for t, window in self._windows():
            for rows, of in from_quarter.get(t, ()):
                n = rows.shape[1]
                spread[of] = ((rows @ window[:n, :n]) * rows).sum(axis=1)
        return spread

    def residual(self) -> FloatArray:
        """What each observation (N,) has over the mean of what it measures."""
        residual = self._target.copy()
        for first, rows, of in self._alike:
            start = first * self._shape[1]
            residual[of] -= rows @ self._mean[start : start + rows.shape[1]]
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
        """Precision before anything is said, as `_window` takes it: (T D, width), the last column unused."""
        T, D = self._shape
        band = np.zeros((T * D, self._reach * D + 1))
        _window(band, slice(0, D))[...] += np.eye(D) / START_SD**2
        squared = step_sd[1:, None, :] ** 2
        steps = (self._basis.T * squared) @ self._basis
        signs = np.array([[1.0, -1.0], [-1.0, 1.0]])
        for t, inverse in enumerate(np.linalg.inv(steps)):
            _window(band, slice(t * D, (t + 2) * D))[...] += np.tril(np.kron(signs, inverse))
        return band

    def _windows(self) -> Iterator[tuple[int, FloatArray]]:
        """The covariance of the contrasts of each quarter and those after it within the band, the last quarter first.

        Source:
            Takahashi, Fagan and Chin (1973): the entries of an inverse within the band of its Cholesky factor.
        """
        T, D = self._shape
        later: FloatArray = np.zeros((0, 0))
        for t in range(T - 1, -1, -1):
            factor = _window(self._factor.T, slice(t * D, min(t + self._reach, T) * D))
            root, _ = dtrtri(np.tril(factor[:D, :D]), lower=1)
            later = later[: len(factor) - D, : len(factor) - D]
            carried = factor[D:, :D] @ root
            beside = later @ carried
            window = np.empty(factor.shape)
            window[:D, :D] = root.T @ root + carried.T @ beside
            window[D:, :D], window[:D, D:], window[D:, D:] = -beside, -beside.T, later
            later = window
            yield t, window

    def _in_the_same_quarters(self, design: Design) -> list[tuple[int, FloatArray, list[int]]]:
        """The observations by the quarters they tell of: the first, with what weights, and which they are."""
        K = len(self._basis)
        together: dict[tuple[int, int], list[int]] = {}
        for n, (row, weights) in enumerate(zip(design.row, design.weights, strict=True)):
            together.setdefault((row, len(weights)), []).append(n)
        alike = []
        for (row, quarters), of in together.items():
            weights = np.array([design.weights[n][::-1] for n in of])  # from the first quarter to the last
            self._target[of] -= weights.sum(axis=(1, 2)) / K
            rows = (weights @ self._basis).reshape(len(of), -1)
            alike.append((row - quarters + 1, rows, of))
        return alike

    def _shares(self, state: FloatArray) -> FloatArray:
        return np.asarray(1.0 / len(self._basis) + state.reshape(self._shape) @ self._basis.T)

    def _solve(self, right: FloatArray, *, transposed: bool = False) -> FloatArray:
        solved, _ = dtbtrs(self._factor, right, uplo="L", trans="T" if transposed else "N")
        return np.asarray(solved)


def _window(band: FloatArray, of: slice) -> FloatArray:
    """A view of some rows and the same columns of a symmetric matrix that is kept by the lower half of its band.

    Args:
        band: Shape (n, width), row j holds entries j to j + width - 1 of column j; contiguous.
        of: The rows; fewer than `width`, so that no two entries of the view are one.

    Returns:
        Shape (m, m). What stands above its diagonal are other entries of the matrix: add nothing there, and use none.
    """
    size, step = of.stop - of.start, band.itemsize
    return as_strided(band[of.start :], (size, size), (step, (band.shape[1] - 1) * step))
