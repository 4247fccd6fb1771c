from dataclasses import replace
from importlib.resources import files

import numpy as np
import polars as pl
import pytest
from scipy.optimize import brentq
from scipy.stats import t as student

from forecast.composition import from_contrasts
from forecast.forecasting import forecast_shares
from forecast.models.base import Series
from forecast.models.dlm import filter_pasts, pasts_of
from forecast.models.pool import (
    LIFT,
    SMOOTHING_WEIGHT,
    draw_market,
    pooled_quantiles,
    recent_width,
    restlessness,
    smoothing_weight,
    summarise_market,
)
from forecast.models.predictive import components_of, predict
from forecast.models.smoothing import smooth
from forecast.prior import shipped_prior

LEVELS = (0.5, 0.8, 0.95)


def series(seed: int, step: float = 0.03, T: int | None = None, K: int | None = None) -> Series:
    rng = np.random.default_rng(seed)
    T, K = T or int(rng.integers(12, 40)), K or int(rng.integers(2, 8))
    contrasts = 0.4 * rng.standard_normal(K - 1) + (step * rng.standard_normal((T, K - 1))).cumsum(axis=0)
    return Series("m", from_contrasts(contrasts, 0.75))


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_a_quantile_of_the_pool_is_where_the_average_of_both_distributions_is_its_level(weight: float) -> None:
    """Each cell by itself, by bisection on the share, with the t distribution of SciPy."""
    prior, past = shipped_prior(), pasts_of(series(3, K=4))
    predictive = predict(components_of(filter_pasts(past, prior), prior), prior, 3)
    smoothed = smooth(past, prior.power, 3)
    levels = np.array([0.05, 0.5, 0.9])
    found = pooled_quantiles(predictive, smoothed, levels, weight)

    def level_at(x: float, h: int, k: int) -> float:
        at = np.full((3, 4, 1), x)
        z = predictive.share(at)[h, k, 0] ** 0.75
        mine, theirs = predictive.distribution(at)[0][h, k, 0], (z - smoothed.location[h, k]) / smoothed.spread[h, k]
        return float((1 - weight) * mine + weight * student.cdf(theirs, 4))

    for h in range(3):
        for k in range(4):
            middle, sd = predictive.middle[h, k], predictive.sd[h, k]
            for q, level in enumerate(levels):
                x = brentq(lambda x, h=h, k=k, level=level: level_at(x, h, k) - level, middle - 4 * sd, middle + 4 * sd)
                expected = predictive.share(np.full((3, 4, 1), x))[h, k, 0]
                assert found[q, h, k] == pytest.approx(expected, abs=2e-3 * smoothed.spread[h, k] + 1e-4)


def test_the_promises_hold_where_shares_reach_zero() -> None:
    for seed in range(20):
        past = series(seed, 0.4)
        for residual in (None, past.shares.shape[1] - 1):
            found = summarise_market(past, shipped_prior(), 12, (0.2, 0.9), residual)
            np.testing.assert_allclose(found.mean.sum(axis=1), 1.0, rtol=0, atol=1e-12)
            every = np.stack([found.lower[1], found.lower[0], found.median, found.upper[0], found.upper[1]])
            assert (np.diff(every, axis=0) >= 0).all()
            assert (every >= 0).all() and (every <= 1).all()
            draws = draw_market(past, shipped_prior(), 12, 101, np.random.default_rng(1), residual)
            assert (draws >= 0).all() and draws.shape == (101, 12, past.shares.shape[1])
            np.testing.assert_allclose(draws.sum(axis=2), 1.0, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_draws_have_the_distribution_that_is_told_without_them(seed: int) -> None:
    past = series(seed, K=3 + seed % 5)
    residual = past.shares.shape[1] - 1
    found = summarise_market(past, shipped_prior(), 6, LEVELS, residual)
    draws = draw_market(past, shipped_prior(), 6, 4000, np.random.default_rng(1), residual)
    sd = draws.std(axis=0) + 1e-4
    off = np.stack(
        [
            (np.quantile(draws, (1 + sign * level) / 2, axis=0) - bound[n]) / sd
            for sign, bound in ((-1, found.lower), (1, found.upper))
            for n, level in enumerate(LEVELS)
        ]
    )
    assert (np.abs(np.median(draws, axis=0) - found.median) / sd).max() < 0.1
    # In the tails no composition has all the distributions that are told: closing takes some of the largest share away.
    assert np.abs(off).mean() < 0.08 and np.abs(off[[0, 1, 3, 4]]).max() < 0.45
    assert (np.abs(draws.mean(axis=0) - found.mean) / sd).max() < 0.15


def test_on_every_market_of_the_panel_the_draws_have_it_as_closely_as_so_many_can_tell() -> None:
    """A quantile of 2,000 draws is itself uncertain by .03 of a standard deviation at 80 % and by .07 at 95 %."""
    panel = pl.read_parquet(files("forecast.data").joinpath("panel.parquet").read_bytes()).drop_nulls("share")
    columns = ["market", "period", "provider", "share"]
    off = {}
    for (market,), rows in panel.group_by("market", maintain_order=True):
        made = forecast_shares(rows.select(columns), horizon=8, levels=(0.8, 0.95), keep_draws=True)
        told = np.stack([made.lower[1], made.lower[0], made.median, made.upper[0], made.upper[1]])
        assert made.draws is not None
        drawn = np.quantile(made.draws, (0.025, 0.1, 0.5, 0.9, 0.975), axis=0)
        off[market] = ((drawn - told) / np.maximum((told[3] - told[1]) / 2.56, 1e-4)).reshape(5, -1)
    assert max(float(np.sqrt((each**2).mean())) for each in off.values()) < 0.2
    assert (
        np.sqrt((np.concatenate(list(off.values()), axis=1) ** 2).mean(axis=1)) < [0.07, 0.05, 0.05, 0.07, 0.1]
    ).all()


def test_the_rest_of_a_market_rises_and_the_named_make_room_in_proportion() -> None:
    past = series(5, K=4)
    plain, lifted = (summarise_market(past, shipped_prior(), 8, (0.8,), residual) for residual in (None, 3))
    named = lifted.median[:, :3] / plain.median[:, :3]
    np.testing.assert_allclose(named, named[:, :1].repeat(3, axis=1), rtol=1e-12)
    rise = lifted.median[:, 3] - plain.median[:, 3]
    assert (np.diff(rise) > 0).all() and (rise > 0).all()
    np.testing.assert_allclose(named[:, 0], (1 - lifted.median[:, 3]) / (1 - plain.median[:, 3]), rtol=1e-12)
    apart = plain.upper[0, :, 3] - plain.lower[0, :, 3]
    np.testing.assert_allclose(rise, LIFT * np.sqrt(np.arange(1, 9)) * apart / 2.56, rtol=1e-9)
    widths = (lifted.upper[0, :, 3] - lifted.lower[0, :, 3]) / apart
    np.testing.assert_allclose(widths, np.arange(1, 9) ** 0.2, rtol=1e-9)


def test_a_restless_last_year_widens_and_a_calm_one_draws_in() -> None:
    rng = np.random.default_rng(1)
    steps = 0.01 * rng.standard_normal(24)
    for factor, side in ((4.0, 1), (0.2, -1)):
        moved = steps.copy()
        moved[-4:] *= factor
        share = 0.5 + moved.cumsum()
        (width, _) = recent_width(pasts_of(Series("m", np.column_stack([share, 1 - share]))))
        assert side * (width - 1) > 0.05


def test_the_smoothings_have_no_say_after_fewer_than_four_quarters() -> None:
    past = series(2, T=20)
    assert smoothing_weight(pasts_of(past)) == SMOOTHING_WEIGHT
    assert smoothing_weight(pasts_of(replace(past, breaks=(16,)))) == SMOOTHING_WEIGHT
    assert smoothing_weight(pasts_of(replace(past, breaks=(17,)))) == 0.0
    assert smoothing_weight(pasts_of(replace(past, shares=past.shares[:3]))) == 0.0


def test_restlessness_is_the_root_mean_square_step_in_points() -> None:
    shares = np.array([[0.5, 0.5], [0.53, 0.47], [0.49, 0.51]])
    assert restlessness(pasts_of(Series("m", shares))) == pytest.approx(np.sqrt((9 + 16) / 2))


def test_many_pasts_are_one_mixture() -> None:
    past = series(4, 0.05)
    moved = tuple(from_contrasts(past.contrasts(0.75) + shift, 0.75) for shift in (-0.15, 0.15))
    both = summarise_market(replace(past, histories=moved), shipped_prior(), 2, (0.8,))
    alone = summarise_market(past, shipped_prior(), 2, (0.8,))
    assert ((both.upper - both.lower) > (alone.upper - alone.lower)).mean() > 0.7
    np.testing.assert_allclose(both.mean, alone.mean, atol=0.03)
