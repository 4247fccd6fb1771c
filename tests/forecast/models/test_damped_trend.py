"""Damped trend against dense normal densities written from its equations, and on data drawn from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts
from forecast.models import damped_trend as damped
from forecast.models.base import Series
from forecast.models.damped_trend import DampedTrend, damped_trend, fit_damped_trend
from forecast.models.paths import path_distribution

PARAMETERS = np.array([0.5, 0.2, 0.05, 0.9, 0.6])  # noise, step, bend, damping, season
DIFFUSE = 1e6  # variance that statsmodels gives to an unknown start


def dense_covariance(quarters: int, parameters: FloatArray, seasonal: bool, start: float) -> FloatArray:
    """Covariance of the values by following each independent source of change through the equations."""
    noise, step, bend, damping, season = parameters
    columns = []
    sources = ["level", "slope", *(f"{s}{t}" for s in ("noise", "step", "bend") for t in range(quarters))]
    for source in sources:
        level = start**0.5 if source == "level" else 0.0
        slope = (bend / (1.0 - damping**2)) ** 0.5 if source == "slope" else 0.0
        values = []
        for t in range(quarters):
            values.append(level + (noise**0.5 if source == f"noise{t}" else 0.0))
            level += slope + (step**0.5 if source == f"step{t}" else 0.0)
            slope = damping * slope + (bend**0.5 if source == f"bend{t}" else 0.0)
        columns.append(values)
    root = np.array(columns)
    same = np.equal.outer(np.arange(quarters) % 4, np.arange(quarters) % 4)
    return np.asarray(root.T @ root + seasonal * season**2 * np.where(same, 0.75, -0.25))


@pytest.mark.parametrize("seasonal", [False, True])
def test_the_likelihood_is_the_dense_normal_density_of_the_quarters_after_the_first(seasonal: bool) -> None:
    values = np.random.default_rng(1).standard_normal(14).cumsum()
    values[[3, 9, 10]] = np.nan
    known = np.isfinite(values)
    covariance = dense_covariance(14, PARAMETERS, seasonal, DIFFUSE)[np.ix_(known, known)]
    found = DampedTrend(values, seasonal=seasonal).loglike(PARAMETERS[: 4 + seasonal])  # type: ignore[no-untyped-call]
    dense = multivariate_normal(np.zeros(known.sum()), covariance).logpdf(values[known])
    first = multivariate_normal(0.0, covariance[0, 0]).logpdf(values[0])
    assert found == pytest.approx(dense - first, abs=1e-5)


def test_the_paths_ahead_have_the_dense_conditional_law() -> None:
    values = np.random.default_rng(2).standard_normal(20).cumsum()
    values[11] = np.nan
    known = np.append(np.isfinite(values), np.zeros(6, dtype=bool))
    mean, covariance = path_distribution(DampedTrend(values, seasonal=True).smooth(PARAMETERS), 6)  # type: ignore[no-untyped-call]
    dense = dense_covariance(26, PARAMETERS, True, DIFFUSE)
    gain = np.linalg.solve(dense[np.ix_(known, known)], dense[np.ix_(known, ~known)]).T[-6:]
    np.testing.assert_allclose(mean, gain @ values[np.isfinite(values)], rtol=1e-4)
    expected = (dense[-6:, -6:] - gain @ dense[np.ix_(known, ~known)][:, -6:])[:6, :6]
    np.testing.assert_allclose(covariance, expected, atol=1e-5)


def test_intervals_hold_as_often_as_they_say_on_data_drawn_from_the_model() -> None:
    rng = np.random.default_rng(3)
    paths = rng.multivariate_normal(np.zeros(32), dense_covariance(32, PARAMETERS, True, 4.0), size=250)
    hits = []
    for values in paths:
        result = DampedTrend(values[:24], seasonal=True).smooth(PARAMETERS)  # type: ignore[no-untyped-call]
        mean, covariance = path_distribution(result, 8)
        distance = np.abs(values[24:] - mean) / np.sqrt(np.diag(covariance))
        hits.append([distance < bound for bound in (0.6745, 1.2816, 1.96)])
    np.testing.assert_allclose(np.mean(hits, axis=(0, 2)), [0.5, 0.8, 0.95], atol=0.03)


def test_a_long_series_gives_its_parameters_back() -> None:
    values = np.random.default_rng(4).multivariate_normal(np.zeros(400), dense_covariance(400, PARAMETERS, True, 1.0))
    result = DampedTrend(values, seasonal=True).fit(disp=False, maxiter=200)  # type: ignore[no-untyped-call]
    noise, step, bend, damping, season = np.abs(result.params)
    assert noise == pytest.approx(0.5, abs=0.15) and step == pytest.approx(0.2, abs=0.2)
    assert bend == pytest.approx(0.05, abs=0.05) and damping == pytest.approx(0.9, abs=0.08) and 0.2 < season < 1.5


@settings(max_examples=50)
@given(st.lists(st.floats(1e-6, 10.0), min_size=3, max_size=3), st.floats(0.801, 0.979), st.floats(-3, 3))
def test_parameters_go_to_the_line_and_back(variances: list[float], damping: float, season: float) -> None:
    model = DampedTrend(np.arange(20.0), seasonal=True)
    parameters = np.array([*variances, damping, season])
    back = model.transform_params(model.untransform_params(parameters))
    np.testing.assert_allclose(back, parameters, rtol=1e-9)


def test_a_trend_goes_on_and_dies_away() -> None:
    trend = fit_damped_trend(np.arange(20.0) + 0.1 * np.random.default_rng(5).standard_normal(20))
    steps = np.diff(trend.simulate(np.zeros((12, 1)))[:, 0])
    assert (steps > 0).all() and (np.diff(steps) < 0).all()


def test_a_season_is_seen_from_four_years_on_whatever_the_unit() -> None:
    values = np.tile([0.0, 0.1, 0.0, 1.0], 6) + 0.05 * np.random.default_rng(6).standard_normal(24)
    mean = fit_damped_trend(values).simulate(np.zeros((8, 1)))[:, 0]
    assert mean[[3, 7]].min() > mean[[0, 1, 2, 4, 5, 6]].max() + 0.5
    np.testing.assert_allclose(fit_damped_trend(0.01 * values).simulate(np.zeros((8, 1)))[:, 0], 0.01 * mean, atol=1e-6)
    early = fit_damped_trend(values[:15]).simulate(np.zeros((8, 1)))[:, 0]
    assert np.ptp(early) < 0.3


def test_a_fit_that_does_not_converge_is_a_random_walk_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    shares = from_contrasts(0.1 * rng.standard_normal((20, 2)).cumsum(axis=0), 0.5)
    monkeypatch.setattr(damped, "ITERATIONS", 1)
    outcome = damped_trend(Series("m", shares), power=0.5, horizon=3, draws=10, rng=rng)
    assert outcome.used == (("naive", 1.0),)
    assert outcome.notes[0] == (
        "damped_trend: contrast 1 of 2 fell back to a random walk (the optimiser did not converge)"
    )
