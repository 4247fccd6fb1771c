"""The state-space form of a market's history, filtered and smoothed by statsmodels: an oracle for its posterior."""

from collections import Counter

import numpy as np
from statsmodels.tsa.statespace.kalman_smoother import SMOOTHER_STATE, SMOOTHER_STATE_COV
from statsmodels.tsa.statespace.mlemodel import MLEModel

from forecast.arrays import FloatArray
from forecast.composition import helmert
from forecast.posterior import START_SD, Design


class ShareSpaceModel(MLEModel):
    """The shares of a market as contrasts that walk at random; nothing is estimated, everything is given.

    The state of a quarter is its own contrasts and, where an observation reaches back, those of L quarters before it.

    Args:
        design: The observations and the steps of the walk.
    """

    def __init__(self, design: Design) -> None:
        T, K = design.step_sd.shape
        D, L = K - 1, design.lags
        basis = helmert(K)
        rows = np.array(design.row)
        seen: Counter[int] = Counter()
        place = np.zeros(len(rows), dtype=np.int64)  # within its quarter
        for n, row in enumerate(design.row):
            place[n] = seen[row]
            seen[row] += 1
        M = int(place.max()) + 1
        values = np.full((T, M), np.nan)
        values[rows, place] = design.value
        super().__init__(  # type: ignore[no-untyped-call]  # statsmodels ships no types
            values,
            k_states=(L + 1) * D,
            k_posdef=D,
            initialization="known",
            constant=np.zeros((L + 1) * D),
            # no observation reaches before the first quarter, so that its lags may be anything
            stationary_cov=START_SD**2 * np.eye((L + 1) * D),
        )
        weights = np.zeros((T, M, L + 1, K))
        variances = np.ones((T, M))
        for n, own in enumerate(design.weights):
            weights[rows[n], place[n], : len(own)] = own
            variances[rows[n], place[n]] = design.variance[n]
        transition = np.eye((L + 1) * D, k=-D)
        transition[:D, :D] = np.eye(D)
        # shares = 1 / K + basis @ state
        self.ssm["design"] = (weights @ basis).reshape(T, M, -1).transpose(1, 2, 0)
        self.ssm["obs_intercept"] = weights.sum(axis=(2, 3)).T / K
        self.ssm["obs_cov"] = np.einsum("tm,mn->mnt", variances, np.eye(M))
        self.ssm["transition"] = transition
        self.ssm["selection"] = np.eye((L + 1) * D, D)
        # state_cov of quarter t moves the state from t to t + 1.
        ahead = np.concatenate([design.step_sd[1:], design.step_sd[-1:]])
        self.ssm["state_cov"] = np.einsum("kd,tk,ke->det", basis, ahead**2, basis)
        # Figures of one quarter have independent noise: one at a time is exact, faster, and needs no inverse.
        self.ssm.filter_univariate = True
        self._contrasts = D

    def smoothed(self) -> tuple[FloatArray, FloatArray]:
        """Mean (T, K) and covariance (T, K, K) of the shares of every quarter given all figures."""
        result = self.ssm.smooth(smoother_output=SMOOTHER_STATE | SMOOTHER_STATE_COV)
        D = self._contrasts
        basis = helmert(D + 1)
        shares = 1.0 / (D + 1) + result.smoothed_state[:D].T @ basis.T
        covariance = basis @ result.smoothed_state_cov[:D, :D].transpose(2, 0, 1) @ basis.T
        return np.asarray(shares), np.asarray(covariance)
