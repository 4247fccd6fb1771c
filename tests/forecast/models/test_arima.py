import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast.composition import from_contrasts
from forecast.models import arima as module
from forecast.models.arima import aicc, arima, best_order, fit_arima
from forecast.models.base import Series
from forecast.models.fitted import quiet_fit


def walk(quarters: int, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return 0.05 * np.random.default_rng(seed).standard_normal(quarters).cumsum()


@pytest.mark.parametrize("gap", [[], [4, 5, 11]])
def test_paths_have_the_mean_and_the_variance_that_statsmodels_forecasts(gap: list[int]) -> None:
    values = walk(18)
    values[gap] = np.nan
    fit = fit_arima(values)
    unit = np.nanstd(values)
    chosen = best_order(values / unit)
    told = chosen.get_forecast(6)
    mean = fit.simulate(np.zeros((6, 1)))[:, 0]
    root = fit.simulate(np.eye(6)) - mean[:, None]
    np.testing.assert_allclose(mean, unit * told.predicted_mean, rtol=1e-8)
    differences = 17 - len(gap)
    freedom = differences / (differences - (len(chosen.params) - 1))
    np.testing.assert_allclose((root**2).sum(axis=1), freedom * unit**2 * told.var_pred_mean, rtol=1e-8)
    assert (np.triu(root, 1) == 0.0).all(), "a shock acts on no earlier quarter"


def test_aicc_is_the_one_of_statsmodels_where_nothing_is_missing() -> None:
    result = SARIMAX(walk(20), order=(1, 1, 1)).smooth([0.3, 0.2, 0.01])
    assert aicc(result, 19) == pytest.approx(result.aicc, rel=1e-12)
    assert aicc(result, 4) == float("inf")


def test_the_order_of_lowest_aicc_is_chosen() -> None:
    values = walk(24, seed=4) * 20.0
    chosen = best_order(values)
    found = [
        SARIMAX(values, order=order, seasonal_order=season).fit(disp=False, maxiter=200).aicc
        for order in module.ORDERS
        for season in module.SEASONS
    ]
    assert chosen.aicc == pytest.approx(min(found)) and max(found) > min(found) + 1.0


def test_a_long_series_is_forecast_as_its_own_law_would() -> None:
    shocks = np.random.default_rng(5).standard_normal(200)
    values = (shocks - 0.6 * np.append(0.0, shocks[:-1])).cumsum()
    fit = quiet_fit(fit_arima, values)
    root = fit.simulate(np.eye(8)) - fit.simulate(np.zeros((8, 1)))
    law = 1.0 + 0.4**2 * np.arange(8)
    np.testing.assert_allclose((root**2).sum(axis=1), law, rtol=0.25)
    # The best forecast is exponential smoothing with weight 0.4.
    level = values[0]
    for value in values:
        level += 0.4 * (value - level)
    np.testing.assert_allclose(fit.simulate(np.zeros((8, 1)))[:, 0], level, atol=0.4)


def test_a_season_is_seen_from_four_years_on() -> None:
    rng = np.random.default_rng(6)
    values = np.tile([0.0, 0.1, 0.0, 1.0], 6) + 0.05 * rng.standard_normal(24)
    mean = quiet_fit(fit_arima, values).simulate(np.zeros((8, 1)))[:, 0]
    assert mean[[3, 7]].min() > mean[[0, 1, 2, 4, 5, 6]].max() + 0.4
    early = quiet_fit(fit_arima, values[:15]).simulate(np.zeros((8, 1)))[:, 0]
    assert np.ptp(early[4:]) < 0.2


def test_where_no_order_converges_a_random_walk_stands_in_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    shares = from_contrasts(np.column_stack([walk(20, 8), walk(20, 9)]), 0.5)
    monkeypatch.setattr(module, "ITERATIONS", 0)
    outcome = arima(Series("m", shares), power=0.5, horizon=3, draws=10, rng=rng)
    assert outcome.used == (("naive", 1.0),)
    assert outcome.notes[1] == "arima: contrast 2 of 2 fell back to a random walk (no order converged)"
