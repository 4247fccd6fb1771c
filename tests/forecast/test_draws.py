import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.composition import closure
from forecast.draws import bands_of, simultaneous_bands, summarise
from forecast.errors import InvalidArgument
from forecast.forecasting import forecast_shares
from forecast.shares import check_shares


@given(st.integers(0, 1000), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5, unique=True))
def test_means_sum_to_one_intervals_nest_and_stay_within_zero_and_one(seed: int, levels: list[float]) -> None:
    rng = np.random.default_rng(seed)
    draws = closure(rng.gamma(0.3, size=(200 * 3, 4)) + 1e-12).reshape(200, 3, 4)
    summary = summarise(draws, sorted(levels))
    np.testing.assert_allclose(summary.mean.sum(axis=1), 1.0, rtol=0, atol=1e-15)
    assert (summary.lower >= 0).all()
    assert (summary.upper <= 1).all()
    assert (np.diff(summary.lower, axis=0) <= 0).all()
    assert (np.diff(summary.upper, axis=0) >= 0).all()
    assert ((summary.median >= summary.lower[0]) & (summary.median <= summary.upper[0])).all()


def test_an_interval_holds_its_level_of_the_draws() -> None:
    ramp = np.linspace(0.0, 1.0, 1001)
    draws = np.stack([ramp, 1.0 - ramp], axis=1)[:, None, :]
    summary = summarise(draws, [0.5, 0.9])
    np.testing.assert_allclose(summary.lower[:, 0, 0], [0.25, 0.05], atol=1e-12)
    np.testing.assert_allclose(summary.upper[:, 0, 0], [0.75, 0.95], atol=1e-12)


def joint_draws(seed: int, n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Paths of four providers over three quarters, one of them almost always at exactly zero."""
    rng = np.random.default_rng(seed)
    parts = rng.gamma([6.0, 2.0, 0.3, 0.5], size=(n, 3, 4)) + 1e-12
    parts[:, :, 3] *= rng.uniform(size=(n, 3)) < 0.02
    return closure(parts.reshape(-1, 4)).reshape(n, 3, 4)


def inside(draws: np.ndarray, bands: tuple[np.ndarray, np.ndarray]) -> float:
    return float(((draws >= bands[0]) & (draws <= bands[1])).all(axis=(1, 2)).mean())


@given(st.integers(0, 1000), st.integers(2, 300), st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2, unique=True))
def test_simultaneous_bands_hold_their_share_of_the_draws_and_the_medians_and_nest(
    seed: int, n: int, levels: list[float]
) -> None:
    draws = joint_draws(seed, n)
    narrow, wide = (simultaneous_bands(draws, level) for level in sorted(levels))
    median = np.quantile(draws, 0.5, axis=0)
    for level, (lower, upper) in zip(sorted(levels), (narrow, wide), strict=True):
        assert inside(draws, (lower, upper)) >= level
        assert ((lower <= median) & (median <= upper)).all()
        assert (lower >= 0).all()
        assert (upper <= 1).all()
    assert (wide[0] <= narrow[0]).all()
    assert (wide[1] >= narrow[1]).all()


def test_simultaneous_bands_are_no_wider_than_they_must_be() -> None:
    draws = joint_draws(3, 4000)
    assert inside(draws, simultaneous_bands(draws, 0.8)) == pytest.approx(0.8, abs=0.001)


def test_simultaneous_bands_hold_as_many_of_other_draws_of_the_same_future() -> None:
    bands = simultaneous_bands(joint_draws(1, 4000), 0.9)
    assert inside(joint_draws(2, 20_000), bands) == pytest.approx(0.9, abs=0.015)


def test_each_side_of_a_band_has_a_width_of_its_own() -> None:
    draws = np.random.default_rng(6).beta(2.0, 40.0, (4000, 1, 1))
    lower, upper = simultaneous_bands(draws, 0.9)
    low, median, high = np.quantile(draws, [0.05, 0.5, 0.95])
    np.testing.assert_allclose([lower[0, 0], upper[0, 0]], [low, high], atol=0.002)
    assert high - median > 1.3 * (median - low)


def test_a_future_without_doubt_has_bands_without_width() -> None:
    lower, upper = simultaneous_bands(np.full((50, 2, 2), 0.5), 0.95)
    assert (lower == 0.5).all()
    assert (upper == 0.5).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_a_level_of_bands_is_a_proportion(level: float) -> None:
    with pytest.raises(InvalidArgument, match=r"level is .*; allowed: a proportion between 0 and 1"):
        simultaneous_bands(np.full((5, 1, 2), 0.5), level)


def test_draws_of_any_layout_are_summarised_alike_and_left_as_they_were() -> None:
    draws = joint_draws(3, 200)
    turned = np.moveaxis(np.ascontiguousarray(np.moveaxis(draws, 0, -1)), -1, 0)
    before = turned.copy()
    found = summarise(turned, (0.5, 0.9))
    np.testing.assert_array_equal(turned, before)
    np.testing.assert_allclose(found.lower, np.quantile(draws, (0.25, 0.05), axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.upper, np.quantile(draws, (0.75, 0.95), axis=0), rtol=1e-12)
    flat = np.asfortranarray(draws.reshape(200, -1))
    simultaneous_bands(flat, 0.5)
    np.testing.assert_array_equal(flat, draws.reshape(200, -1))


def test_bands_are_stretched_and_never_narrower_than_the_print() -> None:
    draws = joint_draws(4, 500)
    lower, _ = simultaneous_bands(draws, 0.8)
    wider = simultaneous_bands(draws, 0.8, stretch=0.2)
    median = np.median(draws, axis=0)
    np.testing.assert_allclose(wider[0], np.clip(median - 2.5**0.2 * (median - lower), 0, 1), atol=1e-9)
    narrow, alike = (simultaneous_bands(draws, 0.5, stretch=power)[0] for power in (0.0, 0.2))
    np.testing.assert_array_equal(narrow, alike)
    coarse = simultaneous_bands(draws, 0.8, resolution=0.3)
    assert (coarse[0] <= np.maximum(median - 0.3, 0) + 1e-12).all() and (
        coarse[1] >= np.minimum(median + 0.3, 1) - 1e-12
    ).all()


def test_bands_of_a_forecast_need_its_draws_and_hold_more_than_its_intervals() -> None:
    rng = np.random.default_rng(5)
    shares = closure(np.exp(0.1 * rng.standard_normal((20, 3)).cumsum(axis=0)))
    rows = {"market": "m", "period": [f"{2015 + t // 4}Q{t % 4 + 1}" for t in range(20) for _ in range(3)]}
    table = check_shares(pl.DataFrame({**rows, "provider": list("ABC") * 20, "share": shares.ravel()}))
    made = forecast_shares(table, horizon=4, levels=(0.8,), keep_draws=True)
    lower, upper = bands_of(made, 0.8)
    assert (lower < made.lower[0]).all() and (upper > made.upper[0]).all()
    assert made.draws is not None
    raw = simultaneous_bands(made.draws, 0.8)
    assert made.stretch > 0.0 and (lower <= raw[0]).all() and (upper >= raw[1]).all()
    with pytest.raises(InvalidArgument, match="draws were not kept; make the forecast with keep_draws=True"):
        bands_of(forecast_shares(table, horizon=4), 0.8)
