import numpy as np
import pytest
from scipy.stats import t as student

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts
from forecast.models.base import Series
from forecast.models.dlm import draw_shares, filter_market, summarise_market
from forecast.models.marginal import HEAVIEST, distribution, table_row, widened_t_table
from forecast.prior import shipped_prior


@pytest.mark.parametrize("nu", [2.5, 3.0, 5.5, 12.0, 60.0, 1e9])
def test_the_table_without_widening_is_the_t_distribution(nu: float) -> None:
    row = np.zeros(257)
    table_row(widened_t_table(0.0, 0.0), nu, row)
    for z in (-30.0, -2.1, -0.3, 0.0, 0.7, 1.96, 4.0):
        value, density = distribution(row, z)
        assert value == pytest.approx(student.cdf(z, nu), abs=3e-4)
        assert density == pytest.approx(student.pdf(z, nu), rel=0.03, abs=1e-4)


def test_the_table_with_widening_is_the_mixture_it_says() -> None:
    rng = np.random.default_rng(2)
    factor = np.exp(-0.05 + 0.4 * rng.standard_normal(400_000))
    row = np.zeros(257)
    table_row(widened_t_table(0.4, -0.05), HEAVIEST * 23 / 5, row)
    for z in (0.5, 1.5, 3.0):
        expected = student.cdf(z / factor, HEAVIEST * 23 / 5).mean()
        assert distribution(row, z)[0] == pytest.approx(expected, abs=1e-3)


def series(seed: int, step: float) -> Series:
    rng = np.random.default_rng(seed)
    T, K = int(rng.integers(12, 40)), int(rng.integers(2, 8))
    contrasts = 0.4 * rng.standard_normal(K - 1) + (step * rng.standard_normal((T, K - 1))).cumsum(axis=0)
    return Series("m", from_contrasts(contrasts, 0.75))


def compare(past: Series) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Differences of mean, median and bounds to 50,000 draws, in standard deviations of the draws."""
    prior = shipped_prior()
    levels = (0.5, 0.8, 0.95)
    found = summarise_market(past, prior, 6, levels)
    draws = draw_shares(filter_market(past, prior), prior, 6, 50_000, np.random.default_rng(1))
    sd = draws.std(axis=0) + 1e-4
    bounds = [np.quantile(draws, (1 + sign * level) / 2, axis=0) for sign in (-1, 1) for level in levels]
    return (
        np.abs(found.mean - draws.mean(axis=0)) / sd,
        np.abs(found.median - np.median(draws, axis=0)) / sd,
        np.abs(np.concatenate([found.lower, found.upper]) - np.stack(bounds)) / sd,
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_without_draws_are_those_of_many_draws(seed: int) -> None:
    mean, median, bounds = compare(series(seed, 0.03))
    assert mean.max() < 0.05
    assert median.max() < 0.06
    assert bounds[[0, 1, 3, 4]].max() < 0.12
    assert bounds.max() < 0.35 and bounds.mean() < 0.05


def test_the_promises_hold_where_shares_reach_zero() -> None:
    for seed in range(20):
        past = series(seed, 0.4)
        found = summarise_market(past, shipped_prior(), 12, (0.2, 0.9))
        np.testing.assert_allclose(found.mean.sum(axis=1), 1.0, rtol=0, atol=1e-12)
        every = np.stack([found.lower[1], found.lower[0], found.median, found.upper[0], found.upper[1]])
        assert (np.diff(every, axis=0) >= 0).all()
        assert (every >= 0).all() and (every <= 1).all()


def test_many_pasts_are_one_mixture() -> None:
    past = series(4, 0.05)
    moved = tuple(from_contrasts(past.contrasts(0.75) + shift, 0.75) for shift in (-0.15, 0.15))
    apart = Series("m", past.shares, histories=moved)
    both = summarise_market(apart, shipped_prior(), 2, (0.8,))
    alone = summarise_market(past, shipped_prior(), 2, (0.8,))
    assert ((both.upper - both.lower) > (alone.upper - alone.lower)).mean() > 0.7
    np.testing.assert_allclose(both.mean, alone.mean, atol=0.03)
