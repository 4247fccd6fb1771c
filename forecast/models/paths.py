"""Paths of a univariate state-space model that statsmodels has fitted: their joint Gaussian distribution."""

import numpy as np
from statsmodels.tsa.statespace.mlemodel import MLEResults

from forecast.arrays import FloatArray


def path_distribution(result: MLEResults, horizon: int, /) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of the observations of the quarters ahead, given all that was observed.

    Args:
        result: A fit of one series whose matrices do not change with time and have no intercepts.
        horizon: H, quarters ahead.

    Returns:
        Mean of shape (H,) and covariance of shape (H, H); parameters count as known.
    """
    fitted = result.filter_results
    design, transition = fitted.design[0, :, 0], fitted.transition[:, :, 0]
    selection = fitted.selection[:, :, 0]
    shocks = selection @ fitted.state_cov[:, :, 0] @ selection.T
    # The predicted state is already one quarter ahead.
    state, spread = fitted.predicted_state[:, -1], fitted.predicted_state_cov[:, :, -1]
    mean = np.empty(horizon)
    covariance = np.empty((horizon, horizon))
    for h in range(horizon):
        mean[h] = design @ state
        shared = spread @ design  # covariance of the state with its observation, carried on to later quarters
        for later in range(h, horizon):
            covariance[h, later] = covariance[later, h] = design @ shared
            shared = transition @ shared
        covariance[h, h] += fitted.obs_cov[0, 0, 0]
        state, spread = transition @ state, transition @ spread @ transition.T + shocks
    return mean, covariance


def standardised_errors(result: MLEResults, /) -> FloatArray:
    """One-step errors in units of their standard deviation, shape (T,).

    NaN where a quarter is unobserved, or where the filter has not yet settled.
    """
    errors = np.array(result.filter_results.standardized_forecasts_error[0], dtype=np.float64)
    errors[: int(result.loglikelihood_burn)] = np.nan
    errors[~np.isfinite(result.model.endog[:, 0])] = np.nan  # statsmodels gives a zero there
    return errors


def root_of(covariance: FloatArray, /) -> FloatArray:
    """Lower triangular root, so that the first normals of a path are its first shocks.

    Args:
        covariance: Shape (H, H) on data of order one; a singular one is meant.
    """
    # Variances fitted as exact zeros leave a singular covariance, which rounding may take below zero.
    return np.asarray(np.linalg.cholesky(covariance + 1e-10 * np.eye(len(covariance))))
