import numpy as np
import pytest
from scipy.stats import t as student

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts
from forecast.models.base import Series
from forecast.models.dlm import draw_pasts, filter_pasts, pasts_of
from forecast.models.predictive import components_of, predict, raised
from forecast.models.tables import HEAVIEST, POINTS, SHAPES, widened_t_table
from forecast.prior import shipped_prior


def read(table: FloatArray, nu: float, z: float) -> float:
    """The distribution function at z, by NumPy's own interpolation."""
    shape = np.array([np.interp(HEAVIEST / nu * (SHAPES - 1), np.arange(SHAPES), column) for column in table.T])
    value = float(np.interp(abs(z) / (1 + abs(z)) * (POINTS - 1), np.arange(POINTS), shape))
    return value if z >= 0 else 1 - value


@pytest.mark.parametrize("nu", [2.5, 3.0, 5.5, 12.0, 60.0, 1e9])
def test_the_table_without_widening_is_the_t_distribution(nu: float) -> None:
    for z in (-30.0, -2.1, -0.3, 0.0, 0.7, 1.96, 4.0):
        assert read(widened_t_table(0.0, 0.0), nu, z) == pytest.approx(student.cdf(z, nu), abs=3e-4)


def test_the_table_with_widening_is_the_mixture_it_says() -> None:
    factor = np.exp(-0.05 + 0.4 * np.random.default_rng(2).standard_normal(400_000))
    nu = HEAVIEST * 23 / 5
    for z in (0.5, 1.5, 3.0):
        assert read(widened_t_table(0.4, -0.05), nu, z) == pytest.approx(student.cdf(z / factor, nu).mean(), abs=1e-3)


@pytest.mark.parametrize("power", [0.75, 0.5])
def test_a_raised_coordinate_is_the_power_and_its_slope_the_derivative(power: float) -> None:
    base = np.array([-0.2, 0.0, 1e-3, 0.4, 1.0, 3.3, 15.99, 16.0, 40.0])
    value, slope = raised(base, power)
    np.testing.assert_allclose(value, np.maximum(base, 0.0) ** (1 / power), rtol=1e-5, atol=5e-5)
    inside = base > 0.1
    exact = base[inside] ** (1 / power - 1) / power
    np.testing.assert_allclose(slope[inside], exact, rtol=1e-3)


def series(seed: int, step: float) -> Series:
    rng = np.random.default_rng(seed)
    T, K = int(rng.integers(12, 40)), int(rng.integers(2, 8))
    contrasts = 0.4 * rng.standard_normal(K - 1) + (step * rng.standard_normal((T, K - 1))).cumsum(axis=0)
    return Series("m", from_contrasts(contrasts, 0.75))


@pytest.mark.parametrize("seed", range(5))
def test_the_distribution_without_draws_is_that_of_many_draws(seed: int) -> None:
    """Of draws of the same member, a share at probability p of its own coordinate has p of them below it."""
    prior = shipped_prior()
    filtered = filter_pasts(pasts_of(series(seed, 0.03)), prior)
    draws = draw_pasts(filtered, prior, 6, 50_000, np.random.default_rng(1))
    predictive = predict(components_of(filtered, prior), prior, 6)
    x = predictive.middle[..., None] + predictive.sd[..., None] * np.array([-1.5, -0.7, 0.0, 0.7, 1.5])
    probability, density = predictive.distribution(x)
    shares = predictive.share(x)
    below = (draws[:, :, :, None] < shares[None]).mean(axis=0)
    inside = (shares > 1e-4) & (shares < 1 - 1e-4)
    assert np.abs(below - probability)[inside].max() < 0.05
    assert np.abs(below - probability)[inside].mean() < 0.008
    assert (density > 0).all()
    sd = draws.std(axis=0) + 1e-4
    assert (np.abs(predictive.mean() - draws.mean(axis=0)) / sd).max() < 0.05


def test_the_slope_along_the_line_is_that_of_the_sum_of_all_parts() -> None:
    prior = shipped_prior()
    past = series(3, 0.03)
    predictive = predict(components_of(filter_pasts(pasts_of(past), prior), prior), prior, 3)
    x, eps = predictive.middle[..., None] + 0.3 * predictive.sd[..., None], 1e-6
    found = predictive.along(x)[3]
    difference = (predictive.along(x + eps)[2] - predictive.along(x - eps)[2]) / (2 * eps)
    np.testing.assert_allclose(found, difference, rtol=0.08, atol=2e-3)
