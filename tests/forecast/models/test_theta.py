from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast.composition import from_contrasts
from forecast.models.base import Series
from forecast.models.theta import fit_theta, smoothing_errors, theta

RNG = np.random.default_rng(3)
WALK = 0.05 * RNG.standard_normal(15).cumsum() - 0.4
SEASONAL = np.tile([0.0, 0.1, -0.1, 0.8], 6)[:22] + 0.03 * RNG.standard_normal(22).cumsum()

TREND = 0.1 * np.arange(36.0) + 0.03 * RNG.standard_normal(36)  # whose fourth autocorrelation is no season


@pytest.mark.parametrize("values", [WALK, SEASONAL, TREND])
def test_paths_have_the_mean_that_statsmodels_forecasts(values: Any) -> None:
    unit = values.std()
    model = ThetaModel(values / unit, period=4, deseasonalize=len(values) >= 16, method="additive", difference=True)
    told = unit * np.asarray(model.fit().forecast(9))
    np.testing.assert_allclose(fit_theta(values).simulate(np.zeros((9, 1)))[:, 0], told, rtol=1e-9)


def test_the_variance_is_that_of_the_equivalent_arima() -> None:
    fit = fit_theta(WALK)
    impulses = fit.simulate(np.eye(6)) - fit.simulate(np.zeros((6, 1)))
    variance = (impulses**2).sum(axis=1)
    _, smoothing = ThetaModel(WALK / WALK.std(), deseasonalize=False).fit().params
    told = SARIMAX(WALK, order=(0, 1, 1)).smooth([smoothing - 1.0, variance[0]]).get_forecast(6).var_pred_mean
    np.testing.assert_allclose(variance, told, rtol=1e-6)


def test_errors_are_those_of_forecasting_each_quarter_from_the_ones_before() -> None:
    values = SEASONAL
    errors = smoothing_errors(values, 0.3, 0.2)
    for t in (1, 2, 9, 21):
        before = ExponentialSmoothing(values[:t], initialization_method="known", initial_level=values[0])
        level = before.smooth([0.3]).forecast(1)[0] if t > 1 else values[0]
        # The drift of the sum that the papers give: half the slope for each past quarter's weight.
        drift = 0.1 * sum(0.7**j for j in range(t))
        assert errors[t] == pytest.approx(values[t] - level - drift, abs=1e-9)
    assert np.isnan(errors[0])


def test_the_size_of_the_errors_is_taken_without_the_season() -> None:
    fit = fit_theta(SEASONAL)
    sd = (fit.simulate(np.eye(1)) - fit.simulate(np.zeros((1, 1))))[0, 0]
    assert 0.02 < sd < 0.08, "steps of 0.03 beside a season of 0.8"
    assert np.nanstd(fit.residuals) == pytest.approx(1.0, abs=0.25)


def test_a_missing_quarter_is_filled_and_has_no_error() -> None:
    gap = WALK.copy()
    gap[6] = np.nan
    line = WALK.copy()
    line[6] = (WALK[5] + WALK[7]) / 2
    one, other = fit_theta(gap), fit_theta(line)
    zeros = np.zeros((4, 1))
    # The unit in which the optimiser works differs.
    np.testing.assert_allclose(one.simulate(zeros), other.simulate(zeros), rtol=1e-3)
    assert np.flatnonzero(np.isnan(one.residuals)).tolist() == [0, 6]


def test_a_fit_that_does_not_converge_is_a_random_walk_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ExponentialSmoothing.fit
    monkeypatch.setattr(ExponentialSmoothing, "fit", lambda self, **options: whole(self, maxiter=0, **options))  # type: ignore[no-untyped-call]
    rng = np.random.default_rng(7)
    shares = from_contrasts(0.1 * rng.standard_normal((20, 2)).cumsum(axis=0), 0.5)
    outcome = theta(Series("m", shares), power=0.5, horizon=3, draws=10, rng=rng)
    assert outcome.used == (("naive", 1.0),)
    assert outcome.notes[0] == "theta: contrast 1 of 2 fell back to a random walk (the optimiser did not converge)"
