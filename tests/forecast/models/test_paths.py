import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.statespace.structural import UnobservedComponents

from forecast.models.paths import path_distribution, root_of, standardised_errors

VALUES = np.random.default_rng(8).standard_normal(30).cumsum()
VALUES[[7, 8, 20]] = np.nan


def test_the_marginals_are_those_that_statsmodels_forecasts() -> None:
    result = SARIMAX(VALUES, order=(1, 1, 1), seasonal_order=(1, 0, 0, 4)).smooth([0.4, -0.3, 0.5, 1.3])
    mean, covariance = path_distribution(result, 9)
    told = result.get_forecast(9)
    np.testing.assert_allclose(mean, told.predicted_mean, rtol=1e-10)
    np.testing.assert_allclose(np.diag(covariance), told.var_pred_mean, rtol=1e-10)


def test_the_joint_law_of_a_random_walk_in_noise_is_the_one_of_the_books() -> None:
    noise, step = 0.7, 0.4
    result = UnobservedComponents(VALUES, level="local level").smooth([noise, step])
    mean, covariance = path_distribution(result, 5)
    ahead = np.arange(5)
    spread = result.predicted_state_cov[0, 0, -1]
    np.testing.assert_allclose(covariance, spread + step * np.minimum.outer(ahead, ahead) + noise * np.eye(5))
    np.testing.assert_allclose(mean, result.predicted_state[0, -1])


def test_the_joint_law_of_an_integrated_moving_average_follows_from_its_impulses() -> None:
    result = SARIMAX(VALUES, order=(0, 1, 1)).smooth([-0.6, 2.0])
    _, covariance = path_distribution(result, 4)
    impulses = np.array([[1, 0, 0, 0], [0.4, 1, 0, 0], [0.4, 0.4, 1, 0], [0.4, 0.4, 0.4, 1]])
    np.testing.assert_allclose(covariance, 2.0 * impulses @ impulses.T, rtol=1e-4)
    root = root_of(covariance)
    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-11)
    assert root_of(np.zeros((3, 3))).max() == pytest.approx(1e-5)


def test_errors_are_known_where_a_quarter_is_observed_and_the_filter_has_settled() -> None:
    errors = standardised_errors(SARIMAX(VALUES, order=(0, 1, 0)).smooth([1.0]))
    assert np.flatnonzero(~np.isfinite(errors)).tolist() == [0, 7, 8, 20]
    np.testing.assert_allclose(errors[1], VALUES[1] - VALUES[0], rtol=1e-5)
    np.testing.assert_allclose(errors[9], (VALUES[9] - VALUES[6]) / np.sqrt(3.0), rtol=1e-5)
