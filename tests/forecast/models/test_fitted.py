"""What every model beside the model of record promises, whatever the market."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.arrays import FloatArray
from forecast.composition import from_contrasts
from forecast.models.arima import arima
from forecast.models.base import Model, Series
from forecast.models.damped_trend import damped_trend
from forecast.models.ets import ets
from forecast.models.fitted import FEWEST
from forecast.models.local_level import local_level
from forecast.models.naive import naive
from forecast.models.theta import theta
from forecast.models.var import var

ZOO: tuple[Model, ...] = (naive, local_level, damped_trend, ets, arima, theta, var)


@st.composite
def markets(draw: st.DrawFn) -> Series:
    """Markets with gaps, zeros, parts that never change, quarters that repeat, and printed to one decimal."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    quarters, parts = draw(st.integers(2, 40)), draw(st.integers(2, 8))
    size = draw(st.sampled_from([0.0, 1e-4, 0.05, 0.5]))
    amounts = np.exp(rng.standard_normal(parts) + size * rng.standard_normal((quarters, parts)).cumsum(axis=0))
    if draw(st.booleans()):
        amounts[: quarters // 2, 0] = 0.0
    if draw(st.booleans()) and parts > 2:
        amounts[:, 1] = 0.0
    if draw(st.booleans()):
        amounts[quarters // 3 :] = amounts[-1]
    shares = amounts / amounts.sum(axis=1, keepdims=True)
    if draw(st.booleans()):
        shares = np.round(shares, 3)
        shares /= shares.sum(axis=1, keepdims=True)
    for t in draw(st.lists(st.integers(1, 38), max_size=12)):
        if t < quarters - 1:
            shares[t] = np.nan
    return Series("m", shares)


@pytest.mark.parametrize("model", ZOO, ids=lambda m: m.__name__)
@settings(max_examples=4)
@given(series=markets(), horizon=st.integers(1, 40))
def test_any_market_gets_paths_of_compositions_without_a_warning(model: Model, series: Series, horizon: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = model(series, power=0.75, horizon=horizon, draws=50, rng=np.random.default_rng(1))
        draws = from_contrasts(outcome.contrasts, 0.75)
    assert draws.shape == (50, horizon, series.shares.shape[1])
    assert (draws >= 0.0).all()
    np.testing.assert_allclose(draws.sum(axis=2), 1.0, atol=1e-12)
    assert sum(weight for _, weight in outcome.used) == pytest.approx(1.0)
    # A random walk in its place is named, with a reason.
    name = model.__name__  # type: ignore[attr-defined]
    assert bool(outcome.notes) == (name != "naive" and "naive" in dict(outcome.used))
    if series.observed.sum() < FEWEST:
        assert outcome.used == (("naive", 1.0),)


WHEEL = np.tile([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7], [0.3, 0.3, 0.4]], (10, 1))
STILL = [0.5, 0.3, 0.2] + 1e-16 * np.random.default_rng(3).standard_normal((20, 3))


@pytest.mark.parametrize("model", ZOO, ids=lambda m: m.__name__)
@pytest.mark.parametrize("shares", [WHEEL, STILL], ids=["wheel", "still"])
def test_a_market_that_repeats_itself_and_one_that_stands_still_are_forecast(model: Model, shares: FloatArray) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        series = Series("m", shares / shares.sum(axis=1, keepdims=True))
        outcome = model(series, power=0.75, horizon=8, draws=50, rng=np.random.default_rng(1))
    assert not said, "statsmodels sets filters of its own"
    draws = from_contrasts(outcome.contrasts, 0.75)
    if shares is STILL:
        np.testing.assert_allclose(draws, np.broadcast_to([0.5, 0.3, 0.2], draws.shape), atol=1e-6)
    elif model is arima:
        assert outcome.used == (("arima", 1.0),), "one order without a start is not the end of the search"


@pytest.mark.parametrize("model", ZOO, ids=lambda m: m.__name__)
def test_the_same_seed_gives_the_same_bits_and_neighbours_move_together(model: Model) -> None:
    rng = np.random.default_rng(2)
    steps = rng.multivariate_normal([0, 0], [[0.01, 0.009], [0.009, 0.01]], size=14)
    series = Series("m", from_contrasts(steps.cumsum(axis=0), 0.75))
    one, same, other = (
        model(series, power=0.75, horizon=3, draws=2000, rng=np.random.default_rng(seed)).contrasts
        for seed in (5, 5, 6)
    )
    assert one.tobytes() == same.tobytes() != other.tobytes()
    assert np.asarray(np.corrcoef(one[:, 0].T))[0, 1] > 0.5, "draws share the correlation of the changes"
